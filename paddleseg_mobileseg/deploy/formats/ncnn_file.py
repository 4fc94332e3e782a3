"""`.param` and `.bin` of ncnn, by its converter pnnx from ONNX."""

from pathlib import Path

from ...errors import ToolError, shown
from ..ir.exported import ExportedModel
from ..ir.program import dims_of
from ..runtime.kept_wheel import KeptWheel
from ..runtime.metadata import weights_path
from ..runtime.packages import NCNN, PADDLE2ONNX
from .converter import Converter, Names, run_converter
from .onnx_file import write_onnx

# Its wheel asks for torch, which it needs for models of PyTorch alone: installed as a package it would bring gigabytes.
_PNNX = KeptWheel(
    package="pnnx",
    version="20261020",
    file="pnnx-20261020-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256="d50d921e5897293d616444191c1a2dc5366423c81bdb4bd22a985fe8071cf17c",
    wanted=Path("pnnx", "pnnx"),
    holds="ncnn's converter is",
    sizes="29 MB to fetch, 88 MB on the disk",
    platform=("--platform=manylinux2014_x86_64",),
)

_NAMES = Names("in0", "out0")
"""As pnnx calls the tensors of every model."""


def write_ncnn(program: ExportedModel, output: Path, weights: str, precision: str) -> Names:
    """Write a program for ncnn; `output` is the `.param`, and what it computes in is said when it is loaded.

    Raises:
        InputError: the cache for pnnx cannot be written.
        ToolError: pnnx cannot be fetched; or it or paddle2onnx has no translation of an op, or failed.
    """
    pnnx = _PNNX.fetch()
    onnx = output.with_suffix(".onnx")
    write_onnx(program, onnx)
    shape = dims_of(program.variables()[program.input_name])
    run_converter(
        "pnnx_worker.py", "pnnx", 2 * onnx.stat().st_size, pnnx, onnx, output, weights_path(output),
        "x".join(map(str, shape)), int(weights == "float16"),
    )  # fmt: skip
    onnx.unlink()
    _check_layers(output)
    return _NAMES


def _check_layers(param: Path) -> None:
    """Refuse a network with layers that ncnn does not have, which pnnx leaves under the names of PyTorch.

    Raises:
        ToolError: there is one.
    """
    kinds = {line.split()[0] for line in param.read_text(encoding="utf-8").splitlines()[2:] if line.strip()}
    unknown = sorted(kind for kind in kinds if "." in kind or "::" in kind)
    if unknown:
        kinds = shown(", ".join(unknown))
        raise ToolError(f"ncnn has no layer for {kinds}, which pnnx left; choose another format, or --labels exact")


CONVERTER = Converter("ncnn", (NCNN, PADDLE2ONNX), write_ncnn, ("float32", "float16"))
