"""How large the numbers of a variable get on pictures, and where int8 should end."""

from typing import Dict, Iterable, Sequence

import numpy as np

from ...errors import InputError
from ..ir.exported import ExportedModel
from ..ir.static_graph import StaticGraph

_BINS = 8192
SHARE = 0.9999
"""Of the absolute values on pictures, how many int8 reaches: the rest is cut off.

Of five networks trained on the built-in scenes none lost more than 0.0004 mIoU with it; all values, 99.999 % and the
least squared error gave 0.0 to 0.5 points of agreement less, or the same.
"""
_LEAST = 1e-8
"""A threshold for what is zero throughout."""


class AbsoluteValues:
    """A histogram of |x| whose bins grow wider as larger values come."""

    def __init__(self) -> None:
        self.counts = np.zeros(_BINS, np.int64)
        self.width = 0.0

    def add(self, values: np.ndarray) -> None:
        """Count an array of any shape, float32 and finite."""
        sizes = np.abs(values, dtype=np.float32).ravel()
        largest = float(sizes.max(initial=0.0))
        if not largest:
            self.counts[0] += sizes.size
            return
        if not self.width:
            self.width = largest / (_BINS - 1)
        while largest >= self.width * _BINS:
            self.counts = np.concatenate([self.counts.reshape(-1, 2).sum(axis=1), np.zeros(_BINS // 2, np.int64)])
            self.width *= 2
        self.counts += np.bincount((sizes * np.float32(1 / self.width)).astype(np.int32), minlength=_BINS)[:_BINS]

    def threshold(self, share: float = SHARE) -> float:
        """The value that `share` of all do not exceed, to the width of a bin; above 0."""
        reached = np.searchsorted(np.cumsum(self.counts), share * self.counts.sum())
        return max((min(int(reached), _BINS - 1) + 1) * self.width, _LEAST)


def observe(
    model: ExportedModel, batches: Iterable[np.ndarray], names: Sequence[str]
) -> Dict[str, AbsoluteValues]:
    """The absolute values of variables over all batches.

    Args:
        model: in float32.
        batches: of the network's input.
        names: variables of its main block.

    Raises:
        InputError: there are no batches, one is not taken, or a variable gets NaN or infinite.
    """
    graph, found = StaticGraph(model), {name: AbsoluteValues() for name in names}
    for batch in batches:
        for name, values in zip(names, graph.values(batch, names)):
            if not np.isfinite(values).all():
                raise InputError(f"{model.folder}: '{name}' gets NaN or infinity on a picture: unusable weights")
            found[name].add(values)
    return found
