"""A lowered program as a model of another engine than Paddle-Lite, held against Paddle."""

from dataclasses import replace
from pathlib import Path
from typing import Optional

import numpy as np

from ..classes import Classes
from ..errors import InputError, ToolError
from ..files import write_text
from . import COMPUTED_IN, Limits
from .calibration import Pictures, agreement_with
from .formats.converters import CONVERTERS
from .ir.double import in_double
from .ir.io_signature import count_classes, describe_input
from .ir.static_graph import StaticGraph
from .lower import LoweredModel
from .passes.spelt_out import spell_out
from .runtime.agreement import measure_agreement
from .runtime.engines import engine_of
from .runtime.inputs import noise
from .runtime.metadata import Metadata, WeightsFile, metadata_path, sha256_of, weights_path
from .runtime.versions import versions


def translate(
    lowered: LoweredModel, model: Path, format: str, weights: str = "float32", precision: str = "float32"
) -> Metadata:
    """Write a lowered model for another engine than Paddle-Lite, with its JSON file, into a folder of one's own.

    Args:
        lowered: quantised where it is to compute in int8.
        format, weights, precision: as of `convert`. In half precision, weights are stored so too.
        model: the file.

    Raises:
        InputError: the folder cannot be written, or a transform of deploy.yaml cannot be reproduced at the size.
        ToolError: a converter has no translation of an op, or failed.
    """
    converter, described = CONVERTERS[format], describe_input(lowered.program)
    program, spelt_out = spell_out(lowered.program, converter.from_onnx)
    weights = "float16" if precision == "fp16" else weights
    names = converter.write(program, model, weights, precision)
    apart = weights_path(model)
    weights_file = WeightsFile(sha256_of(apart), apart.stat().st_size) if apart.is_file() else None
    metadata = Metadata(
        target="any",
        precision=COMPUTED_IN[precision],
        weights=weights,
        agreement=lowered.agreement,
        recipe=lowered.recipe,
        input=replace(described, name=names.input, layout=names.layout),
        output=replace(lowered.output, name=names.output),
        num_classes=count_classes(lowered.program),
        classes=classes_of(lowered),
        sha256=sha256_of(model),
        bytes=model.stat().st_size + (weights_file.bytes if weights_file else 0),
        opt_version=None,
        versions={**versions(), **converter.versions()},
        source_ops=lowered.source.op_counts(),
        passes={**lowered.passes, **spelt_out},
        format=format,
        weights_file=weights_file,
    )
    write_text(metadata_path(model), metadata.to_json())
    return metadata


def classes_of(lowered: LoweredModel) -> Optional[Classes]:
    """The classes that the export lists.

    Raises:
        InputError: there are not as many as the program tells apart.
    """
    classes, count = lowered.source.classes, count_classes(lowered.program)
    if classes is not None and count is not None and len(classes) != count:
        raise InputError(
            f"{lowered.source.folder / 'deploy.yaml'} lists {len(classes)} classes, and the network tells {count} "
            "apart; export the model again"
        )
    return classes


def check_translation(lowered: LoweredModel, model: Path, metadata: Metadata) -> None:
    """Hold a translated model in float32 against Paddle on noise, where its engine is installed.

    Raises:
        ToolError: its output is another, or the engine fails.
    """
    engine = engine_of(metadata)
    if engine.version() is None:
        return
    batch = noise(metadata.input.shape, seed=0)
    with engine.load(model, label_maps=False) as predictor:
        output = predictor.run(batch)
    fault = translation_fault(lowered, batch, output, metadata.limits)
    if fault:
        raise ToolError(f"{engine.title} does not compute what Paddle does: {fault}; please report this with the model")


def measure_translation(
    lowered: LoweredModel, model: Path, metadata: Metadata, calibration: Optional[Pictures], images: int
) -> Metadata:
    """The same with how a translated model in fewer bits agrees with float32, as far as that can be told here.

    Most hosts have no kernels for halves, and there an engine rounds the weights, and the features or none of them.

    Args:
        lowered: in float32.
        calibration, images: as of `agreement_with`.

    Raises:
        InputError: a picture cannot be read.
        ToolError: the engine fails.
    """
    engine = engine_of(metadata)
    if engine.version() is None or metadata.input.preprocessing is None:
        return metadata
    with engine.load(model, label_maps=False) as predictor:
        here = f"{engine.title} on this host, not on ARM"
        agreement = agreement_with(lowered, predictor.run, here, calibration, images)
    measured = replace(metadata, agreement=agreement)
    write_text(metadata_path(model), measured.to_json())
    return measured


def translation_fault(lowered: LoweredModel, batch: np.ndarray, output: np.ndarray, limits: Limits) -> Optional[str]:
    """Why an engine's output is not that of the lowered program, in words; None where it is.

    Of logits only the values count: at low resolution one pixel is a thousandth, and the classes of some lie together.
    Where it is further from Paddle's float32 than the limits, both are held against double precision, from which an
    engine may be twice as far as Paddle is: a network may multiply roundings, and those of any order are as good.
    """
    reference = StaticGraph(lowered.program).run(batch)
    if reference.shape != output.shape:
        given = f"{output.dtype} of shape {list(output.shape)}"
        return f"it gives {given}, not {reference.dtype} of {list(reference.shape)}"
    output = output.astype(reference.dtype)
    if reference.dtype.kind == "f":
        limits = replace(limits, agreement=0.0)
    fault = measure_agreement(reference, output, "noise").fault(limits)
    if fault is None:
        return None
    exact = StaticGraph(in_double(lowered.program)).run(batch.astype(np.float64))
    own, found = (measure_agreement(exact, each.astype(exact.dtype), "noise") for each in (reference, output))
    wider = replace(
        limits,
        difference=max(limits.difference, 2 * (own.relative_difference or 0.0)),
        agreement=min(limits.agreement, 1 - 2 * (1 - own.pixel_agreement)),
    )
    return found.fault(wider) and fault
