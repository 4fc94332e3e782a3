"""What is taken for what: the part of a confusion matrix that a reader can take in."""

from typing import Any, Dict, List, Sequence

import numpy as np

WHOLE = 20
"""Up to so many classes a page shows the whole matrix."""


def confused_pairs(confusion: Sequence[Sequence[int]], names: Sequence[str], count: int = 12) -> List[Dict[str, Any]]:
    """The pairs of classes of which the one is most often taken for the other.

    Args:
        confusion: pixels of each true class (row) that got each predicted class (column).
        names: of the classes.
        count: of pairs, at most.

    Returns:
        "truth" and "prediction" by name, "share" of the true class's pixels that got the other, and "pixels", their
        share of all pixels; the largest share first. A class that holds next to no pixels comes after all others.
    """
    matrix = np.asarray(confusion, np.float64)
    of_class, everything = matrix.sum(axis=1), max(1.0, matrix.sum())
    shares = matrix / np.maximum(of_class, 1)[:, None]
    np.fill_diagonal(shares, 0)
    rare = of_class < 1e-4 * everything
    order = sorted(np.argwhere(shares > 0).tolist(), key=lambda pair: (rare[pair[0]], -shares[pair[0], pair[1]]))
    return [
        {
            "truth": names[true],
            "prediction": names[other],
            "share": float(shares[true, other]),
            "pixels": float(matrix[true, other] / everything),
        }
        for true, other in order[:count]
    ]
