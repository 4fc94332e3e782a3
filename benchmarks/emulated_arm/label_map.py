"""The label core on 64-bit ARM: the instructions of an exact label map, and the labels that it gives there."""

from pathlib import Path
from typing import Tuple

import numpy as np

from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.paths import BUILD_SCRIPT
from paddleseg_mobileseg.processes.tool import run_tool

from .qemu import ARM_COMPILER, MARK, Emulator

_SOURCE = Path(__file__).with_name("label_map.cc")
_INCLUDE = BUILD_SCRIPT.parent.parent / "cpp" / "include"
_TIMEOUT = 600


def build_label_map(folder: Path) -> Path:
    """Build the program for 64-bit ARM into `folder`.

    Raises:
        ToolError: it cannot be built.
    """
    program = folder / "label_map"
    # Linked whole, so that it asks nothing of the system that it is shown.
    command = [ARM_COMPILER, "-std=c++17", "-O3", "-static", f"-DMARK={MARK}", f"-I{_INCLUDE}", str(_SOURCE)]
    run_tool([*command, "-o", str(program)], ARM_COMPILER, _TIMEOUT)
    return program


def count_label_map(
    emulator: Emulator,
    program: Path,
    root: Path,
    logits: np.ndarray,
    output: OutputTensor,
    folder: Path,
    layout: str = "NCHW",
) -> Tuple[np.ndarray, int]:
    """Labels [1, H, W] of logits, and the instructions of one label map.

    Args:
        emulator: that counts.
        program: as `build_label_map` builds it.
        root: as of `Emulator.run`.
        logits: float32 [1, C, h, w].
        output: the network's output, which says what size and corners the label map has.
        folder: for files.
        layout: in which the core gets them, "NCHW" or "NHWC".

    Raises:
        ToolError: it failed there.
    """
    given, result = folder / "logits.f32", folder / "labels.u16"
    np.ascontiguousarray(logits if layout == "NCHW" else logits.transpose(0, 2, 3, 1), "<f4").tofile(given)
    numbers = [*logits.shape[1:], int(bool(output.align_corners)), *output.label_size]
    counted = emulator.run([str(program), str(given), layout, *map(str, numbers), str(result)], root)
    begin, end = counted.marks
    return np.fromfile(result, "<u2").reshape(1, *output.label_size), end - begin
