"""Paddle-Lite on 64-bit ARM: what a converted model gives there, and how many instructions it takes."""

import os
import shutil
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.paths import BUILD_SCRIPT
from paddleseg_mobileseg.processes.tool import run_tool

from .qemu import ARM_COMPILER, COMPILER, EMULATOR, Emulator, missing_programs

SYSROOT = Path("/usr/aarch64-linux-gnu")
"""Where the compiler for ARM has the libraries that its programs need."""

_LIBRARY = Path("lib/libpaddle_light_api_shared.so")
_AARCH64 = 183  # e_machine of an ELF file
_TIMEOUT = 3600


def find_library(named: Optional[Path] = None) -> Optional[Path]:
    """The release of Paddle-Lite in a folder, if it and what it needs to run here are for 64-bit ARM.

    Args:
        named: the folder; that of PADDLE_LITE_DIR if None.
    """
    named = named or os.environ.get("PADDLE_LITE_DIR")
    if not named or missing_programs("cmake", COMPILER, ARM_COMPILER, EMULATOR):
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
    flags = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={ARM_COMPILER}"]
    configure = ["cmake", "-S", str(sources), "-B", str(folder), *flags, f"-DPADDLE_LITE_DIR={library}"]
    run_tool(configure, "cmake", _TIMEOUT)
    run_tool(["cmake", "--build", str(folder)], "cmake", _TIMEOUT)
    shutil.copy(library / _LIBRARY, folder)
    return folder / "mobileseg_bench"


class EmulatedLite:
    """`mobileseg_bench` under QEMU, one thread.

    Args:
        program: built for 64-bit ARM, its library beside it.
        emulator: that counts.
        folder: for files.
        root: as of `Emulator.run`.
    """

    def __init__(self, program: Path, emulator: Emulator, folder: Path, root: Path = SYSROOT):
        self._program, self._emulator, self._folder, self._root = program, emulator, folder, root

    def run(self, nb: Path, batch: np.ndarray) -> Tuple[np.ndarray, int]:
        """What a model for ARM gives for a batch, and the instructions of one inference.

        Those are what a run with two turns takes more than one with a single turn; the first turn also reads the input.

        Raises:
            ToolError: it fails there, or QEMU takes no plugins.
        """
        metadata = read_metadata(nb)
        given, result = self._folder / "input.f32", self._folder / "result"
        np.ascontiguousarray(batch, "<f4").tofile(given)
        shape = ",".join(map(str, metadata.input.shape))
        words = ["--model", str(nb), "--input-shape", shape, "--input", str(given), "--warmup", "0"]
        words += ["--output", str(result), "--write", "tensor"]
        one, two = (self._count([*words, "--repeats", repeats]) for repeats in ("1", "2"))
        output = np.fromfile(result, metadata.output.dtype).reshape(metadata.output.shape)
        return output, two - one

    def _count(self, words: List[str]) -> int:
        return self._emulator.run([str(self._program), *words], self._root).instructions
