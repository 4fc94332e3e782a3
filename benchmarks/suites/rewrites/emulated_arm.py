"""An ARM core under emulation: what a converted model gives there, and how many instructions it takes.

Under QEMU's user mode time says nothing, and the number of instructions is the same on every machine.
"""

import os
import re
import shutil
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.paths import BUILD_SCRIPT
from paddleseg_mobileseg.processes.tool import run_tool

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
_LIBRARY = Path("lib/libpaddle_light_api_shared.so")
_PLUGIN = Path(__file__).with_name("count_instructions.c")
_SYSROOT = "/usr/aarch64-linux-gnu"
_AARCH64 = 183  # e_machine of an ELF file
_TIMEOUT = 3600


def find_library() -> Optional[Path]:
    """The release of Paddle-Lite that PADDLE_LITE_DIR names, if it and what it needs to run here are for 64-bit ARM."""
    named = os.environ.get("PADDLE_LITE_DIR")
    if not named or not all(map(shutil.which, ("cmake", "gcc", COMPILER, EMULATOR))):
        return None
    for folder in (Path(named), Path(named) / "cxx"):
        if (folder / _LIBRARY).is_file():
            with open(folder / _LIBRARY, "rb") as file:
                return folder if int.from_bytes(file.read(20)[18:], "little") == _AARCH64 else None
    return None


def build_program(library: Path, folder: Path) -> Path:
    """Build `mobileseg_bench` for Linux on 64-bit ARM into `folder`.

    Raises:
        ToolError: it cannot be built.
    """
    sources = BUILD_SCRIPT.parent.parent / "cpp"
    flags = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={COMPILER}"]
    configure = ["cmake", "-S", str(sources), "-B", str(folder), *flags, f"-DPADDLE_LITE_DIR={library}"]
    run_tool(configure, "cmake", _TIMEOUT)
    run_tool(["cmake", "--build", str(folder)], "cmake", _TIMEOUT)
    shutil.copy(library / _LIBRARY, folder)
    return folder / "mobileseg_bench"


class EmulatedArm:
    """`mobileseg_bench` under QEMU, one thread.

    Args:
        program: built for 64-bit ARM, its library beside it.
        folder: an empty one for its files.

    Raises:
        ToolError: the plugin that counts cannot be built.
    """

    def __init__(self, program: Path, folder: Path):
        self._program, self._folder, self._plugin = program, folder, folder / "count_instructions.so"
        run_tool(["gcc", "-O2", "-shared", "-fPIC", str(_PLUGIN), "-o", str(self._plugin)], "gcc", _TIMEOUT)

    def run(self, nb: Path, batch: np.ndarray) -> Tuple[np.ndarray, int]:
        """What a model for ARM gives for a batch, and the instructions of one inference.

        Those are what a run of two inferences takes more than one of a single inference.

        Raises:
            ToolError: it fails there, or QEMU takes no plugins.
        """
        metadata = read_metadata(nb)
        given, result = self._folder / "input.f32", self._folder / "result"
        np.ascontiguousarray(batch, "<f4").tofile(given)
        shape = ",".join(map(str, metadata.input.shape))
        words = ["--model", str(nb), "--input-shape", shape, "--input", str(given), "--warmup", "0"]
        words += ["--output", str(result), "--write", "tensor"]
        one, two = (self._count([*words, "--repeats", repeats]) for repeats in ("0", "1"))
        output = np.fromfile(result, metadata.output.dtype).reshape(metadata.output.shape)
        return output, two - one

    def _count(self, words: List[str]) -> int:
        command = [EMULATOR, "-cpu", "max", "-L", _SYSROOT, "-plugin", str(self._plugin), str(self._program), *words]
        printed = run_tool(command, EMULATOR, _TIMEOUT)
        found = re.search(r"^instructions: (\d+)$", printed, re.M)
        if not found:
            raise ToolError(f"{EMULATOR} counted no instructions: it needs one that takes plugins, version 7 or newer")
        return int(found.group(1))
