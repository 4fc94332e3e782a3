"""From an exported model to a model file of an engine, with a JSON file beside it that says all a runtime must know."""

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np

from ..errors import InputError, ToolError, near
from ..files import atomic_path, scratch_folder, write_text
from . import COMPUTED_IN, FORMATS, LABEL_MAPS, PRECISIONS, TARGETS, WEIGHTS
from .formats.converters import CONVERTERS
from .halve import halve
from .ir.io_signature import count_classes, describe_input
from .lower import LoweredModel, lower
from .passes.linear_as_mul import storable
from .passes.separations import keep_apart
from .quantise import Measure, Pictures, quantise
from .runtime.lite_wheel import require_library
from .runtime.metadata import Metadata, metadata_path, sha256_of, weights_path
from .runtime.opt import opt_version, run_opt
from .runtime.predictor import HOST_TARGET, LitePredictor
from .runtime.versions import versions
from .support import check_support
from .translate import check_translation, classes_of, measure_translation, translate


@dataclass(frozen=True)
class Conversion:
    """A converted model.

    Attributes:
        path: the model.
        metadata: what the JSON file beside it says.
        lowered: the program that was converted. `convert` and `compare` take it in place of the export, which then is
            not lowered and proved once more.
        seconds: that opt, or the engine's own converter, took.
    """

    path: Path
    metadata: Metadata
    lowered: LoweredModel
    seconds: float


def convert(
    exported: Union[str, Path, LoweredModel],
    output: Union[str, Path],
    target: Optional[str] = None,
    weights: str = "float32",
    precision: str = "float32",
    input_shape: Optional[Sequence[int]] = None,
    labels: str = "exact",
    optimize: bool = True,
    calibration: Optional[Pictures] = None,
    images: int = 100,
    measure: Optional[Measure] = None,
    format: str = "nb",
) -> Conversion:
    """Convert an exported model; `output` and `output`.json appear together or not at all.

    The program is legalized first, then gets the label map that is asked for, and each step must give what
    the step before it gives when Paddle runs both. A model that can run on this host is also loaded and run once by
    its engine.

    Args:
        exported: the folder that PaddleSeg's `tools/export.py` or `mobileseg export` wrote, or what an earlier
            conversion lowered, with its input shape and label map.
        output: the model to write; its name ends as `format` has it.
        target: of a `.nb`, "arm" or "x86"; "arm" if None. Other formats are for any processor.
        weights: "float32", or "float16" / "int16" / "int8" for a smaller file (not a faster one), as far as the format
            has it.
        precision: what to compute in: "float32", "fp16" for ARMv8.2 and later, or "int8" (convolutions and linear
            layers, after calibration; of a `.nb` for arm only), as far as the format has it.
        input_shape: N, C, H, W for a model that was exported without a fixed size.
        labels: what makes the label map, whatever makes it in the export. "exact": the model ends at its
            low-resolution logits, and the runtime finishes with `mobileseg/upsample_labels.h`. "argmax":
            bilinear interpolation of all classes and argmax, in the graph. "vim": the approximation of
            PP-MobileSeg, in the graph. "none": the output stays as it was exported, as that of a network
            with probabilities always does under "exact".
        optimize: rewrite the program for ARM (`passes.rewrites`); without, opt gets it as it was exported, as far as
            Paddle-Lite can run that.
        calibration: for "int8", a folder of pictures like those of use, or files and folders; no labels are needed. For
            "fp16" they are what agreement is measured on, in place of built-in scenes.
        images: how many of them to take at most.
        measure: for "int8" and "fp16" of a `.nb`, as of `quantise`.
        format: "nb" for Paddle-Lite, "onnx" for ONNX Runtime, "tflite" for LiteRT, "ncnn" or "mnn"; each but "nb" needs
            the extra of its name.

    Raises:
        InputError: the export cannot be used, the target lacks an op, the flags exclude each other, a picture cannot be
            read, or `output` cannot be written.
        ToolError: opt or another converter failed, or the result is not what was converted.
    """
    output = Path(output)
    check_format(format, target, weights, precision)
    target = target or "arm"
    check_options(output, target, weights, precision, labels, format)
    _check_calibration(exported, format, precision, calibration)
    require_converter(format)
    lowered = exported if isinstance(exported, LoweredModel) else lower(exported, labels, input_shape, optimize)
    in_float32 = lowered
    if format == "nb" and lowered.recipe is None:
        check_support(lowered.program, target, precision)
    if precision == "int8" and lowered.recipe is None:
        lowered = quantise(lowered, calibration, images, measure, results=format == "onnx")
    elif precision == "fp16" and format == "nb":
        lowered = halve(lowered, calibration, images, measure)
    with scratch_folder() as scratch:
        made = scratch / output.name
        started = time.perf_counter()
        if format == "nb":
            metadata = write_model(lowered, made, target, weights, precision)
        else:
            metadata = translate(lowered, made, format, weights, precision)
        seconds = time.perf_counter() - started
        if format != "nb" and precision != "float32" and in_float32.recipe is None:
            metadata = measure_translation(in_float32, made, metadata, calibration, images)
        elif format != "nb" and precision == "float32":
            check_translation(lowered, made, metadata)
        elif target == HOST_TARGET:
            _check_loads(made, metadata)
        _publish(made, output, metadata)
    return Conversion(output, metadata, lowered, seconds)


def convert_for_host(
    exported: Union[str, Path, LoweredModel], output: Path, format: str = "nb", **options: Any
) -> Conversion:
    """A conversion that runs on this host; `options` as of `convert`."""
    return convert(exported, output, HOST_TARGET if format == "nb" else None, format=format, **options)


def require_converter(format: str) -> None:
    """Make sure that what writes a format can be used.

    Raises:
        InputError: a package is not installed, or there is none for this machine.
        ToolError: Paddle-Lite cannot be had.
    """
    if format == "nb":
        require_library()
    else:
        CONVERTERS[format].require()


def _publish(made: Path, output: Path, metadata: Metadata) -> None:
    """Copy a model and what belongs to it to where they are wanted, all of them or none.

    Raises:
        InputError: they cannot be written.
    """
    names = [Path, metadata_path] + ([weights_path] if metadata.weights_file else [])
    with ExitStack() as written:
        for name in names:
            shutil.copyfile(name(made), written.enter_context(atomic_path(name(output))))


def write_model(
    lowered: LoweredModel, nb: Path, target: str, weights: str = "float32", precision: str = "float32"
) -> Metadata:
    """Write a lowered model as a `.nb`, with its JSON file, into a folder of one's own; arguments as of `convert`.

    Raises:
        InputError: the folder cannot be written, the weights cannot be stored so, or a transform of deploy.yaml cannot
            be reproduced at the input's size.
        ToolError: opt failed.
    """
    described = describe_input(lowered.program)
    program, rewritten = storable(lowered.program, weights)
    program, apart = keep_apart(program)
    run_opt(*program.save(nb.parent), nb, target, weights, precision)
    _clear_version_padding(nb)
    metadata = Metadata(
        target=target,
        precision=COMPUTED_IN[precision],
        weights=weights,
        agreement=lowered.agreement,
        recipe=lowered.recipe,
        input=described,
        output=lowered.output,
        num_classes=count_classes(lowered.program),
        classes=classes_of(lowered),
        sha256=sha256_of(nb),
        bytes=nb.stat().st_size,
        opt_version=opt_version(),
        versions=versions(),
        source_ops=lowered.source.op_counts(),
        passes={**lowered.passes, **rewritten, **apart},
    )
    write_text(metadata_path(nb), metadata.to_json())
    return metadata


def check_format(format: str, target: Optional[str], weights: str, precision: str) -> None:
    """Refuse what a format does not have.

    Raises:
        InputError: there is no such format, or it cannot be had with the other options.
    """
    if format not in FORMATS:
        raise InputError(f"there is no format '{format}'{near(format, FORMATS)}; choose from {', '.join(FORMATS)}")
    if format == "nb":
        if weights == "float16":
            raise InputError("--weights float16 is not for .nb files; choose from float32, int16, int8")
        return
    if target is not None:
        raise InputError(f"--target is for .nb files; one of format {format} is for any processor: omit it")
    converter = CONVERTERS[format]
    if weights not in converter.weights:
        raise InputError(f"--weights {weights} is not for format {format}; choose from {', '.join(converter.weights)}")
    if precision not in converter.precisions:
        known = ", ".join(converter.precisions)
        raise InputError(f"--precision {precision} is not for format {format}; choose from {known}")


def check_options(
    output: Path, target: str, weights: str, precision: str, labels: str, format: str = "nb"
) -> None:
    """Refuse options that do not go together.

    Raises:
        InputError: they do not, or `output` cannot be the name of a model.
    """
    if target not in TARGETS:
        raise InputError(f"there is no target '{target}'; choose from {', '.join(TARGETS)}")
    if weights not in WEIGHTS:
        raise InputError(f"weights cannot be stored as '{weights}'; choose from {', '.join(WEIGHTS)}")
    if labels not in LABEL_MAPS:
        raise InputError(f"there is no label map '{labels}'; choose from {', '.join(LABEL_MAPS)}")
    if precision not in PRECISIONS:
        raise InputError(f"nothing computes in '{precision}'; choose from {', '.join(PRECISIONS)}")
    if precision == "int8" and target != "arm":
        # Of a trained PP-MobileSeg-Tiny, the x86 library of 2.13 gives 28 to 52 % of the labels that Paddle simulates.
        raise InputError(f"--precision int8 is for arm: Paddle-Lite's int8 kernels for {target} give other labels")
    if precision == "fp16" and target != "arm":
        raise InputError(f"--precision fp16 needs ARM's half-precision kernels and {target} has none; omit it")
    if precision != "float32" and weights != "float32":
        raise InputError(
            f"--precision {precision} and --weights {weights} cannot be combined: Paddle-Lite does one or the other"
        )
    if output.suffix != FORMATS[format] or output.is_dir():
        raise InputError(f"cannot write the model to {output}: give a file name that ends in {FORMATS[format]}")


def _check_calibration(
    exported: Union[str, Path, LoweredModel], format: str, precision: str, calibration: Optional[Pictures]
) -> None:
    """Refuse a calibration in float32, int8 without one, and a model that was quantised for another engine.

    Raises:
        InputError: there is one where none counts, or none where one is needed.
    """
    calibrated = isinstance(exported, LoweredModel) and exported.recipe is not None
    if calibrated and precision != "int8":
        raise InputError(f"a quantised model cannot compute in {precision}; convert the export again")
    if calibrated and ("results" in exported.recipe) != (format == "onnx"):
        raise InputError(f"a model quantised for another format does not become {format}; convert the export again")
    if precision == "int8" and calibration is None and not calibrated:
        raise InputError(
            "--precision int8 needs --calibration FOLDER: some hundred pictures like those of use, without labels"
        )
    if precision == "float32" and calibration is not None:
        raise InputError("--calibration is for --precision int8 and fp16; omit it, or compute in one of them")


def _check_loads(nb: Path, metadata: Metadata) -> None:
    """Load the model and run it once, to see that its output is what the metadata says.

    Raises:
        ToolError: it is not, or Paddle-Lite fails.
    """
    with LitePredictor(nb) as predictor:
        result = predictor.run(np.zeros(metadata.input.shape, np.float32))
    described = metadata.output
    if str(result.dtype) != described.dtype or list(result.shape) != described.shape:
        raise ToolError(
            f"Paddle-Lite gives {result.dtype} of shape {list(result.shape)} where Paddle gives {described.dtype} of "
            f"{described.shape}, so an op works differently there; `mobileseg export --output_op none` omits one op"
        )


def _clear_version_padding(nb: Path) -> None:
    """Make the same model give the same bytes: opt fills up the 16 characters of its version with whatever is there."""
    with open(nb, "r+b") as file:
        file.seek(2)
        text = file.read(16).split(b"\0")[0]
        file.seek(2)
        file.write(text.ljust(16, b"\0"))


