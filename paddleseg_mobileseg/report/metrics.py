"""Scores of label maps against the truth."""

from typing import Any, Dict, Sequence

import numpy as np


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Pixels of each true class (row) that got each predicted class (column), int64, [classes, classes].

    Args:
        truth, predicted: class numbers below `classes`, of one shape.
    """
    pairs = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def scores_of(confusion: np.ndarray, names: Sequence[str]) -> Dict[str, Any]:
    """mIoU, pixel accuracy, and IoU, precision and recall of each class; 0 for a class that nothing has."""
    hit = np.diag(confusion).astype(float)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    iou = hit / np.maximum(predicted + true - hit, 1)
    precision, recall = hit / np.maximum(predicted, 1), hit / np.maximum(true, 1)
    rows = zip(names, iou, precision, recall, true / confusion.sum())
    return {
        "miou": float(iou.mean()),
        "accuracy": float(hit.sum() / confusion.sum()),
        "classes": [
            {"name": name, "iou": float(a), "precision": float(b), "recall": float(c), "share": float(d)}
            for name, a, b, c, d in rows
        ],
        "confusion": confusion.tolist(),
    }
