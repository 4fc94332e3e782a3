"""`.mnn`, by MNN's own converter from ONNX."""

from pathlib import Path

from ..ir.exported import ExportedModel
from ..runtime.packages import MNN, PADDLE2ONNX
from .converter import Converter, Names, run_converter
from .onnx_file import write_onnx

_OPTIONS = {"float32": [], "float16": ["--fp16"], "int8": ["--weightQuantBits", "8"]}
"""By what the weights are stored in; MNN expands them when it loads the model."""


def write_mnn(program: ExportedModel, output: Path, weights: str, precision: str) -> Names:
    """Write a program as MNN; its tensors keep their names, and what it computes in is said when it is loaded.

    Raises:
        ToolError: paddle2onnx or MNN has no translation of an op, or failed.
    """
    onnx = output.with_suffix(".onnx")
    names = write_onnx(program, onnx)
    run_converter("mnnconvert_worker.py", "mnnconvert", onnx.stat().st_size, onnx, output, *_OPTIONS[weights])
    onnx.unlink()
    return names


CONVERTER = Converter("mnn", (MNN, PADDLE2ONNX), write_mnn, tuple(_OPTIONS))
