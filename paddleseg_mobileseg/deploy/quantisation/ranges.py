"""How large the numbers of a variable get on pictures, and where int8 should end."""

from typing import Dict, Iterable, List, Sequence

import numpy as np

from ..ir.exported import ExportedModel
from ..ir.static_graph import StaticGraph

_BINS = 8192
_SHARE = 0.9999
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

    def threshold(self, share: float = _SHARE) -> float:
        """The value that `share` of all do not exceed, to the width of a bin."""
        reached = np.searchsorted(np.cumsum(self.counts), share * self.counts.sum())
        return max((min(int(reached), _BINS - 1) + 1) * self.width, _LEAST)

    def squared_error_threshold(self, steps: int = 127) -> float:
        """The value at which int8 loses least: rounding within, cutting off beyond."""
        if not self.width:
            return _LEAST
        centres = (np.arange(_BINS) + 0.5) * self.width
        top = int(np.nonzero(self.counts)[0][-1]) + 1
        count, first, second = (
            np.concatenate([[0.0], np.cumsum(self.counts * power)]) for power in (1.0, centres, centres**2)
        )
        ends = np.unique(np.linspace(top / 64, top, 256).astype(int))
        ends = ends[ends > 0]
        limit = ends * self.width
        inside = count[ends] * (limit / steps) ** 2 / 12
        outside = (
            (second[-1] - second[ends]) - 2 * limit * (first[-1] - first[ends]) + limit**2 * (count[-1] - count[ends])
        )
        return max(float(limit[np.argmin(inside + outside)]), _LEAST)
