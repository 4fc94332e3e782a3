"""From an exported model to a `.nb` for Paddle-Lite, with a JSON file beside it that says all a runtime must know."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError, ToolError
from ..files import atomic_path, write_text
from .agreement import measure_agreement
from .inputs import noise
from .lite import HOST_TARGET, LitePredictor
from .metadata import FP16_UNVERIFIED, InputTensor, Metadata, OutputTensor, metadata_path, sha256_of
from .opt import QUANTISATIONS, TARGETS, opt_version, optimize, require_paddlelite
from .passes import fix_input_shape, mend
from .program import DTYPES, ExportedModel, OpDesc, dims_of, get_attr, inputs_of, outputs_of, read_exported
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
    fault = measure_agreement(expected, output, "noise").fault()
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
            f"{said.shape}: an op works differently there; `mobileseg export --output_op none` leaves out the label map"
        )


def _clear_version_padding(nb: Path) -> None:
    """Make the same model give the same bytes: opt fills up the 16 characters of its version with whatever is there."""
    with open(nb, "r+b") as file:
        file.seek(2)
        text = file.read(16).split(b"\0")[0]
        file.seek(2)
        file.write(text.ljust(16, b"\0"))


def describe_input(model: ExportedModel) -> InputTensor:
    """The input of a model of fixed input shape."""
    preprocessing = model.preprocessing
    return InputTensor(
        name=model.input_name,
        shape=dims_of(model.variables()[model.input_name]),
        mean=preprocessing and list(preprocessing.mean),
        std=preprocessing and list(preprocessing.std),
    )


def _producers(model: ExportedModel) -> Dict[str, OpDesc]:
    return {name: op for op in model.block.ops for name in outputs_of(op)}


def output_kind(model: ExportedModel) -> str:
    """What the output of a mended program is: "labels", "logits" or "probabilities".

    Raises:
        InputError: it is none of them.
    """
    variable = model.variables()[model.output_name]
    dims, dtype = dims_of(variable), DTYPES.get(variable.type.lod_tensor.tensor.data_type)
    if dtype in (np.int32, np.int64) and (len(dims) == 3 or len(dims) == 4 and dims[1] == 1):
        return "labels"
    if dtype == np.float32 and len(dims) == 4:
        producers, name = _producers(model), model.output_name
        while name in producers and _is_identity(producers[name]):
            name = inputs_of(producers[name])[0]
        return "probabilities" if name in producers and producers[name].type == "softmax" else "logits"
    raise InputError(
        f"{model.folder} gives {dtype} of shape {dims}, which is neither logits [N, classes, H, W] nor labels [N, H, W]: "
        "export again, a network that gives labels by itself (VIM) with --output_op none"
    )


def _is_identity(op: OpDesc) -> bool:
    """Exports end in an op that only gives the output its name."""
    if op.type == "scale":
        return get_attr(op, "scale") == 1.0 and get_attr(op, "bias") == 0.0
    return op.type == "assign"


def label_map(model: ExportedModel) -> str:
    """What computes the labels inside the network: "vim", "argmax", or "none"."""
    kinds = model.op_counts()
    if output_kind(model) != "labels":
        return "none"
    return "vim" if "unique" in kinds else "argmax"


def count_classes(model: ExportedModel) -> Optional[int]:
    """How many classes the network tells apart; None if the program does not say."""
    variables = model.variables()
    if output_kind(model) != "labels":
        classes: List[int] = [dims_of(variables[model.output_name])[1]]
    else:
        # VIM's second argmax only sees the classes of the picture: their number is -1 there.
        classes = [
            dims_of(variables[inputs_of(op, "X")[0]])[get_attr(op, "axis", 1)]
            for op in model.block.ops
            if op.type == "arg_max"
        ]
    return max((count for count in classes if count > 0), default=None)


def versions() -> Dict[str, str]:
    """Versions of what takes part in a conversion."""
    found: List[Tuple[str, str]] = [("python", platform.python_version())]
    for package in ("paddlepaddle", "paddleseg", "paddlelite", "paddleseg_mobileseg"):
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return dict(found)
