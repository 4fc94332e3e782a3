"""Programs for 64-bit ARM under QEMU's user mode, and how many instructions they take."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.processes.tool import run_tool

EMULATOR, COMPILER, ARM_COMPILER = "qemu-aarch64", "gcc", "aarch64-linux-gnu-g++"

CPU = "cortex-a76"
"""The big core of a Snapdragon 855. Engines choose their kernels by what a core can do, and so does the C library."""

MARK = 19795
"""The number of a call that the system does not have: a program marks with it what it wants counted."""

_PLUGIN = Path(__file__).with_name("count_instructions.c")
_TIMEOUT = 3600


def missing_programs(*names: str) -> List[str]:
    """Those of `names` that are not installed."""
    return [name for name in names if not shutil.which(name)]


def emulator_version() -> str:
    """Of QEMU, as it says it.

    Raises:
        ToolError: it is not installed.
    """
    return run_tool([EMULATOR, "--version"], EMULATOR, _TIMEOUT).split()[2]


@dataclass(frozen=True)
class Counted:
    """A program that ended well.

    Attributes:
        output: what it wrote to standard output and to standard error.
        instructions: of all of it.
        marks: how many there were until each mark.
    """

    output: str
    instructions: int
    marks: List[int]


class Emulator:
    """QEMU with a plugin that counts.

    Args:
        folder: gets the plugin.

    Raises:
        ToolError: QEMU or a compiler is not installed, or the plugin cannot be built.
    """

    def __init__(self, folder: Path):
        missing = missing_programs(EMULATOR, COMPILER)
        if missing:
            raise ToolError(
                f"{' and '.join(missing)} not installed, which counting instructions needs: "
                "type `apt-get install qemu-user gcc`"
            )
        self._plugin = folder / "count_instructions.so"
        command = [COMPILER, "-O2", "-shared", "-fPIC", f"-DMARK={MARK}", str(_PLUGIN), "-o", str(self._plugin)]
        run_tool(command, COMPILER, _TIMEOUT)

    def run(self, command: Sequence[str], root: Path, environment: Optional[Dict[str, str]] = None) -> Counted:
        """Run a program to its end.

        Args:
            command: the program, a file for 64-bit ARM, and its arguments.
            root: a folder whose files stand before those of the same name in /.
            environment: variables to set beside this process' own.

        Raises:
            ToolError: it fails there, or QEMU takes no such plugins.
        """
        emulated = [EMULATOR, "-cpu", CPU, "-L", str(root), "-plugin", str(self._plugin), *command]
        output = run_tool(emulated, EMULATOR, _TIMEOUT, environment)
        instructions = _numbers("instructions", output)
        if len(instructions) != 1:
            raise ToolError(f"{EMULATOR} counted no instructions: it needs one of version 7 or 8, which takes plugins")
        return Counted(output, instructions[0], _numbers("mark", output))


def _numbers(name: str, output: str) -> List[int]:
    return [int(number) for number in re.findall(rf"^{name}: (\d+)$", output, re.M)]
