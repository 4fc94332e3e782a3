"""A picture of a page with its truth, its prediction and its mistakes."""

from typing import Any, Dict, List

import cv2
import numpy as np

from ..classes import Classes
from .overlays import data_uri, mistakes, overlay

_LONGEST_SIDE = 480
_MOST_ENTRIES = 12
_VOID = (0, 0, 0)


def picture_row(image: np.ndarray, truth: np.ndarray, labels: np.ndarray, classes: Classes) -> Dict[str, Any]:
    """What the gallery of a page shows of one picture.

    Args:
        image: uint8 RGB [H, W, 3].
        truth: class numbers [H, W]; what is no class does not count.
        labels: class numbers [H, W] of the prediction.
        classes: of both.

    Returns:
        "image", "truth", "prediction" and "mistakes" for the `src` of an <img>; "right", the share of the pixels that
        count and are right, 0 to 1, None where none counts; "legend", the most frequent classes of truth and
        prediction as (name, colour).
    """
    counted = (truth >= 0) & (truth < len(classes))
    right = float((truth == labels)[counted].mean()) if counted.any() else None
    scale = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
    size = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    known = np.where(counted, truth, len(classes))
    small_truth, small_labels = (
        cv2.resize(each.astype(np.int32), size, interpolation=cv2.INTER_NEAREST) for each in (known, labels)
    )
    palette = [*classes.colours, _VOID]
    void = small_truth == len(classes)
    return {
        "image": data_uri(image),
        "truth": data_uri(overlay(image, small_truth, palette)),
        "prediction": data_uri(overlay(image, small_labels, palette)),
        "mistakes": data_uri(mistakes(image, small_truth, np.where(void, small_truth, small_labels))),
        "right": right,
        "legend": _legend(truth[counted], labels, classes) + ([("not counted", _VOID)] if void.any() else []),
    }


def _legend(truth: np.ndarray, labels: np.ndarray, classes: Classes) -> List[Any]:
    counts = np.bincount(truth.ravel(), minlength=len(classes))[: len(classes)]
    counts = counts + np.bincount(labels.ravel(), minlength=len(classes))[: len(classes)]
    frequent = [index for index in np.argsort(-counts, kind="stable")[:_MOST_ENTRIES] if counts[index]]
    return [(classes.names[index], classes.colours[index]) for index in frequent]
