"""What pads a label in training says the same of it as the data set does: `ignore_index`.

PaddleSeg's transforms pad labels with 255 whatever the data set ignores, so that a border would count as a class.
"""

import inspect
from typing import Any, Dict, Mapping

from paddleseg.cvlibs import manager

from ..errors import InputError

_DEFAULT = 255
_PADDING = "label_padding_value"
_LARGEST = 255
"""Labels are images of eight bits while they are transformed; OpenCV would pad with 0 for -1, and 255 for 300."""


def agree_on_ignored(content: Mapping[str, Any], path: str) -> None:
    """Give the transforms of `train_dataset` the data set's `ignore_index`, where they are not told otherwise.

    Args:
        content: a merged config whose components were checked; the transforms in it are changed.
        path: its file, for messages.

    Raises:
        InputError: training and validation ignore different numbers, a transform pads with what is neither ignored nor
            a class, or it cannot pad with what is ignored.
    """
    given = content["train_dataset"]
    ignored = _ignored_by(given)
    other = content.get("val_dataset")
    if other is not None and _ignored_by(other) != ignored:
        raise InputError(
            f"{path}: train_dataset has the ignore_index {ignored} and val_dataset {_ignored_by(other)}, and PaddleSeg "
            "has one loss and one score for both; write the same ignore_index into both"
        )
    num_classes = given.get("num_classes", content["model"].get("num_classes", 0))
    for position, step in enumerate(given.get("transforms") or []):
        where = f"{path}: train_dataset.transforms[{position}]"
        _agree(step, ignored, num_classes, where)


def _ignored_by(section: Mapping[str, Any]) -> int:
    kind = manager.DATASETS.components_dict.get(section["type"])
    return section.get("ignore_index", getattr(kind, "IGNORE_INDEX", _DEFAULT))


def _agree(step: Dict[str, Any], ignored: int, num_classes: int, where: str) -> None:
    taken = inspect.signature(manager.TRANSFORMS[step["type"]]).parameters
    for name in (_PADDING, "ignore_index"):
        if name in taken and name not in step and taken[name].default != ignored:
            step[name] = ignored
    padding = step.get(_PADDING, taken[_PADDING].default if _PADDING in taken else ignored)
    if padding != ignored and not (isinstance(padding, int) and 0 <= padding < num_classes):
        raise InputError(
            f"{where}: {_PADDING} {padding} is neither the ignore_index {ignored} nor a class; remove it, and the "
            "border is ignored"
        )
    if _PADDING in taken and padding == ignored and not 0 <= ignored <= _LARGEST:
        raise InputError(
            f"{where}: {step['type']} pads labels of eight bits and cannot pad with the ignore_index {ignored}; have "
            "the labels written with 255 for it: mobileseg init PROJECT --model MODEL --data FOLDER --void VALUE"
        )
