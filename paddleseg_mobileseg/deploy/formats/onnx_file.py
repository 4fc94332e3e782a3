"""`.onnx`, by paddle2onnx."""

from pathlib import Path

from ..ir.exported import ExportedModel
from ..passes.integers_spelt_out import spell_out_integers
from ..runtime.packages import PADDLE2ONNX
from .converter import Converter, Names, run_converter
from .onnx_integers import write_integers

OPSET = 14
"""The first with hard swish as one op; paddle2onnx takes a newer one where a program asks for it."""


def write_onnx(program: ExportedModel, output: Path, weights: str = "float32", precision: str = "float32") -> Names:
    """Write a program as ONNX; its tensors keep their names, and its ops of quantisation become ONNX's.

    In half precision the input and the output stay float32.

    Raises:
        InputError: the file cannot be written.
        ToolError: paddle2onnx has no translation of an op, or failed.
    """
    program, integers = spell_out_integers(program)
    files = program.save(output.parent)
    size = sum(file.stat().st_size for file in files)
    half = int(precision == "fp16")
    run_converter("paddle2onnx_worker.py", "paddle2onnx", size, *files, output, OPSET, half)
    for file in files:
        file.unlink()
    if integers:
        write_integers(output, integers)
    return Names(program.input_name, program.output_name)


CONVERTER = Converter("onnx", (PADDLE2ONNX,), write_onnx, precisions=("float32", "fp16", "int8"))
