"""A network converted as it was exported and with the rewrites, and the labels that both must give."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.convert import write_model
from paddleseg_mobileseg.deploy.ir.double import in_double
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import count_classes
from paddleseg_mobileseg.deploy.ir.program import dims_of
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.support import check_support
from paddleseg_mobileseg.errors import InputError


@dataclass(frozen=True)
class Converted:
    """One of the two.

    Attributes:
        ops: how many operations of each kind the program has.
        passes: what the conversion changed, and how many operations that concerned.
        models: the `.nb` by target.
    """

    ops: Dict[str, int]
    passes: Dict[str, int]
    models: Dict[str, Path]


@dataclass(frozen=True)
class Pair:
    """Both, by whether they are rewritten, and what they are held against.

    Attributes:
        labels: of the program as it was exported, in double precision, [N, H, W].
    """

    converted: Dict[bool, Converted]
    labels: np.ndarray


def facts_of(exported: Path) -> Tuple[int, int, int]:
    """Height and width of an export's input, and its classes.

    Raises:
        InputError: it cannot be read, or does not say.
    """
    model = read_exported(exported)
    height, width = dims_of(model.variables()[model.input_name])[2:]
    classes = count_classes(model)
    if min(height, width) < 1 or classes is None:
        raise InputError(f"{exported} has no fixed input size or no classes; export logits of one size")
    return height, width, classes


def convert_pair(exported: Path, folder: Path, batch: np.ndarray, targets: Sequence[str]) -> Pair:
    """Convert an export both ways.

    Args:
        exported: its folder.
        folder: for the conversions.
        batch: float32 of the network's input shape, to compare labels on.
        targets: what to convert for.

    Raises:
        InputError: the export cannot be converted.
        ToolError: opt failed, or a step changed what the network computes.
    """
    converted = {}
    for rewritten in (False, True):
        lowered = lower(exported, "exact", optimize=rewritten)
        models = {}
        for target in targets:
            place = folder / ("rewritten" if rewritten else "exported") / target
            place.mkdir(parents=True)
            check_support(lowered.program, target)
            models[target] = place / "model.nb"
            passes = write_model(lowered, models[target], target).passes
        converted[rewritten] = Converted(lowered.program.op_counts(), passes, models)
        if not rewritten:
            double = StaticGraph(in_double(lowered.program)).run(batch.astype(np.float64))
            labels = lowered.output.labels(double.astype(np.float32))
    return Pair(converted, labels)
