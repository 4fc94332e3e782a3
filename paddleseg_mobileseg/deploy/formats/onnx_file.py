"""`.onnx`, by paddle2onnx."""

from pathlib import Path

from ..ir.exported import ExportedModel
from ..runtime.packages import PADDLE2ONNX
from .converter import Converter, Names, run_converter

OPSET = 14
"""The first with hard swish as one op; paddle2onnx takes a newer one where a program asks for it."""


def write_onnx(program: ExportedModel, output: Path, weights: str = "float32", precision: str = "float32") -> Names:
    """Write a program as ONNX; its tensors keep their names, and in half precision its input and output stay float32.

    Raises:
        ToolError: paddle2onnx has no translation of an op, or failed.
    """
    files = program.save(output.parent)
    size = sum(file.stat().st_size for file in files)
    half = int(precision == "fp16")
    run_converter("paddle2onnx_worker.py", "paddle2onnx", size, *files, output, OPSET, half)
    for file in files:
        file.unlink()
    return Names(program.input_name, program.output_name)


CONVERTER = Converter("onnx", (PADDLE2ONNX,), write_onnx)
