"""What writes a model file in one format, and the child process that every converter of others runs in."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

from ...processes.limits import FILE_BYTES
from ...processes.worker import Worker
from ..ir.exported import ExportedModel
from ..runtime.packages import Package, require_packages

_TIMEOUT = 600


@dataclass(frozen=True)
class Names:
    """What a file calls the tensors that it takes and gives, and how these lie.

    Attributes:
        layout: of both.
    """

    input: str
    output: str
    layout: str = "NCHW"


@dataclass(frozen=True)
class Converter:
    """What writes one format.

    Attributes:
        format: one of `FORMATS`.
        packages: that it needs.
        write: called with a lowered program, the file to write into a folder of its own, what its weights are stored
            in, and what it computes in.
        weights: what it can store them in; of `WEIGHTS`.
        precisions: what models of it can compute in; of `PRECISIONS`.
        from_onnx: whether paddle2onnx sees the program first, which lacks some of Paddle's ops.
    """

    format: str
    packages: Tuple[Package, ...]
    write: Callable[[ExportedModel, Path, str, str], Names]
    weights: Tuple[str, ...] = ("float32",)
    precisions: Tuple[str, ...] = ("float32", "fp16")
    from_onnx: bool = True

    def require(self) -> None:
        """Make sure that it can be used.

        Raises:
            InputError: a package is not installed, or in another version.
        """
        require_packages(self.packages, f"--format {self.format}")

    def versions(self) -> Dict[str, Optional[str]]:
        """Of its packages."""
        return {package.name: package.version() for package in self.packages}


def run_converter(worker: str, title: str, model_bytes: int, *arguments: Any) -> None:
    """Let a program of this folder convert something; it says that it is done by an empty object on standard output.

    Args:
        worker: the program's name.
        title: what to call it in an error.
        model_bytes: of what it reads; the file that it writes may be a little larger.
        arguments: as text.

    Raises:
        ToolError: it failed, was killed by a signal, or took too long.
    """
    program = Path(__file__).with_name(worker)
    command = [sys.executable, str(program), *map(str, arguments)]
    Worker(command, title, _TIMEOUT, {"OMP_NUM_THREADS": "1"}, file_bytes=FILE_BYTES + 2 * model_bytes).close()
