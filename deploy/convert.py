"""From an exported model to a `.nb` for Paddle-Lite, with a JSON file beside it that says all a runtime must know."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Dict, Optional, Sequence, Union

import numpy as np

from ..errors import InputError, ToolError
from ..files import atomic_path, write_text
from .agreement import measure_agreement
from .exported import ExportedModel, read_exported
from .inputs import noise
from .interface import count_classes, describe_input, label_map, output_kind
from .lite import HOST_TARGET, LitePredictor
from .metadata import FP16_UNVERIFIED, Metadata, OutputTensor, metadata_path, sha256_of
from .opt import QUANTISATIONS, TARGETS, opt_version, optimize, require_paddlelite
from .passes import fix_input_shape, mend
from .program import dims_of
from .scratch import scratch_folder
from .static_graph import StaticGraph
from .support import check_support


def convert(
    exported_dir: Union[str, Path],
    output: Union[str, Path],
    target: str = "arm",
    weights: str = "float32",
    fp16: bool = False,
    input_shape: Optional[Sequence[int]] = None,
) -> Metadata:
    """Convert an exported model; `output` and `output`.json appear together or not at all.

    The program is mended first, and the mended one must give the same output as the original when
    Paddle runs both. A model for this host is also loaded and run once by Paddle-Lite.

    Args:
        exported_dir: what PaddleSeg's `tools/export.py` or `mobileseg export` wrote.
        output: the `.nb` to write.
        target: "arm" or "x86".
        weights: "float32", or "int16" / "int8" for a smaller file (not a faster one).
        fp16: compute in half precision; arm only, and marked as unverified.
        input_shape: N, C, H, W for a model that was exported without a fixed size.

    Returns:
        What the JSON file says.

    Raises:
        InputError: the export cannot be used, the target lacks an op, the flags exclude each other, or
            `output` cannot be written.
        ToolError: opt failed, or the result is not what was converted.
    """
    output = Path(output)
    check_options(output, target, weights, fp16)
    require_paddlelite()
    exported = read_exported(exported_dir)
    fixed = fix_input_shape(exported, input_shape)
    mended, mends = mend(fixed)
    check_support(mended, target, fp16)
    kind = output_kind(mended)
    reference = _prove_equal(fixed, mended)
    description = OutputTensor(mended.output_name, kind, str(reference.dtype), list(reference.shape), label_map(mended))
    with scratch_folder() as scratch:
        nb = scratch / output.name
        optimize(*mended.save(scratch), nb, target, weights, fp16)
        _clear_version_padding(nb)
        metadata = Metadata(
            target=target,
            precision="float16" if fp16 else "float32",
            weights=weights,
            unverified=FP16_UNVERIFIED if fp16 else None,
            input=describe_input(mended),
            output=description,
            num_classes=count_classes(mended),
            sha256=sha256_of(nb),
            bytes=nb.stat().st_size,
            opt_version=opt_version(),
            versions=versions(),
            source_ops=exported.op_counts(),
            mended=mends,
        )
        write_text(metadata_path(nb), metadata.to_json())
        if target == HOST_TARGET:
            _check_loads(nb, metadata)
        with atomic_path(output) as model_scratch, atomic_path(metadata_path(output)) as json_scratch:
            shutil.copyfile(nb, model_scratch)
            shutil.copyfile(metadata_path(nb), json_scratch)
    return metadata


def check_options(output: Path, target: str, weights: str, fp16: bool) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: they do not, or `output` cannot be the name of a model.
    """
    if target not in TARGETS:
        raise InputError(f"there is no target '{target}'; choose from {', '.join(TARGETS)}")
    if weights not in QUANTISATIONS:
        raise InputError(f"weights cannot be stored as '{weights}'; choose from {', '.join(QUANTISATIONS)}")
    if fp16 and target != "arm":
        raise InputError(f"--fp16 needs ARM's half-precision kernels and {target} has none; leave --fp16 away")
    if fp16 and weights != "float32":
        raise InputError(f"--fp16 and --weights {weights} cannot be combined: Paddle-Lite does one or the other")
    if output.suffix != ".nb" or output.is_dir():
        raise InputError(f"cannot write the model to {output}: give a file name that ends in .nb")


def _prove_equal(original: ExportedModel, mended: ExportedModel) -> np.ndarray:
    """Run both programs in Paddle on noise; give the output.

    Raises:
        ToolError: the outputs differ.
    """
    batch = noise(dims_of(original.variables()[original.input_name]), seed=0)
    expected, output = StaticGraph(original).run(batch), StaticGraph(mended).run(batch)
    fault = None if np.array_equal(expected, output) else measure_agreement(expected, output, "noise").fault()
    if fault:
        raise ToolError(
            f"making {original.folder} fit for Paddle-Lite changed what it computes ({fault}): "
            "please report this with the model"
        )
    return expected


def _check_loads(nb: Path, metadata: Metadata) -> None:
    """Load the model and run it once, to see that its output is what the metadata says.

    Raises:
        ToolError: it is not, or Paddle-Lite fails.
    """
    with LitePredictor(nb) as predictor:
        result = predictor.run(np.zeros(metadata.input.shape, np.float32))
    said = metadata.output
    if str(result.dtype) != said.dtype or list(result.shape) != said.shape:
        raise ToolError(
            f"Paddle-Lite gives {result.dtype} of shape {list(result.shape)} where Paddle gives {said.dtype} of "
            f"{said.shape}, so an op works differently there; `mobileseg export --output_op none` leaves out one op"
        )


def _clear_version_padding(nb: Path) -> None:
    """Make the same model give the same bytes: opt fills up the 16 characters of its version with whatever is there."""
    with open(nb, "r+b") as file:
        file.seek(2)
        text = file.read(16).split(b"\0")[0]
        file.seek(2)
        file.write(text.ljust(16, b"\0"))


def versions() -> Dict[str, str]:
    """Versions of what takes part in a conversion."""
    found = {"python": platform.python_version()}
    for package in ("paddlepaddle", "paddleseg", "paddlelite", "paddleseg_mobileseg"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
