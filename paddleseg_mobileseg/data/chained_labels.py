"""Labels of logits that are interpolated several times, without doing that to every class.

Interpolations one after another are one linear map an axis, and each pixel a mean of few logits that lie side by side:
the classes that cannot win there are left out, tile by tile.
"""

from typing import List, NamedTuple, Tuple

import numpy as np

from ..errors import InputError
from ..labels import interpolation_taps

_TILE = 64
"""About so many rows and columns of the result are a tile, but at least those between two logits: few classes can win
in a small one, and each costs a while."""

_LARGEST = np.float32(np.finfo(np.float32).max / 4)


def identity(size: int) -> np.ndarray:
    """The map that leaves an axis as it is, [size, size]."""
    return np.eye(size)


def interpolated(axis: np.ndarray, size: int, align_corners: bool) -> np.ndarray:
    """A map [had, h] with Paddle's bilinear interpolation to `size` behind it, [size, h]."""
    low, high, weight = interpolation_taps(len(axis), size, align_corners)
    weight = weight.astype(np.float64)[:, np.newaxis]
    return axis[low] * (1 - weight) + axis[high] * weight


class _Block(NamedTuple):
    """Neighbouring rows (or columns) of the result, and those of the logits that they are made of."""

    begin: int
    end: int
    low: int
    high: int


def chained_labels(logits: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The argmax over the classes of `rows @ logits @ columns.T`, ties going to the lowest class.

    The sums are those of float32, in another order than those of the interpolations one by one.

    Args:
        logits: float32 [C, h, w].
        rows: [H, h], of `interpolated`.
        columns: [W, w].

    Returns:
        int32 [H, W].

    Raises:
        InputError: a logit is not a number.
    """
    if np.isnan(logits).any():
        raise InputError("logits: some are not numbers (NaN); the network's output is broken")
    logits = np.clip(logits, -_LARGEST, _LARGEST)
    row_blocks, row_taps = _blocks(rows)
    column_blocks, column_taps = _blocks(columns)
    can_win = _can_win(logits, row_taps, column_taps)
    rows, columns = rows.astype(np.float32), columns.astype(np.float32)
    labels = np.empty((len(rows), len(columns)), np.int32)
    for top in row_blocks:
        for left in column_blocks:
            down = _windows(top, can_win.shape[1], row_taps)
            classes = np.flatnonzero(can_win[:, down, _windows(left, can_win.shape[2], column_taps)].any(axis=(1, 2)))
            part = logits[classes, top.low:top.high, left.low:left.high]
            across = part @ columns[left.begin:left.end, left.low:left.high].T
            values = rows[top.begin:top.end, top.low:top.high] @ across
            labels[top.begin:top.end, left.begin:left.end] = _winners(values, classes)
    return labels


def _winners(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """As `classes[values.argmax(axis=0)]`, in a fraction of the time."""
    best, labels = values[0], np.full(values.shape[1:], classes[0], np.int32)
    for label, value in zip(classes[1:], values[1:]):
        better = value > best
        np.copyto(best, value, where=better)
        np.copyto(labels, label, where=better)
    return labels


def _blocks(axis: np.ndarray) -> Tuple[List[_Block], int]:
    """The rows of a map in blocks, and the most neighbours that a row takes its mean of."""
    used = axis != 0
    first = used.argmax(axis=1)
    behind = axis.shape[1] - used[:, ::-1].argmax(axis=1)
    logits_a_tile = max(1, round(_TILE * axis.shape[1] / len(axis)))
    cuts = [0, *(np.flatnonzero(np.diff(first // logits_a_tile)) + 1).tolist(), len(axis)]
    blocks = [
        _Block(begin, end, int(first[begin:end].min()), int(behind[begin:end].max()))
        for begin, end in zip(cuts, cuts[1:])
    ]
    return blocks, int((behind - first).max())


def _windows(block: _Block, count: int, taps: int) -> slice:
    """Windows of `_can_win` that each mean of a block lies in one of; there are `count`."""
    begin = min(block.low, count - 1)
    return slice(begin, max(block.high - taps, begin) + 1)


def _can_win(logits: np.ndarray, row_taps: int, column_taps: int) -> np.ndarray:
    """For each class and window of neighbours whether some mean over it may be the largest: [C, h - taps + 1, ...].

    The means of all classes have the same weights: the largest logit of a class must reach the smallest of each other.
    """
    highest = _over_windows(np.maximum, logits, row_taps, column_taps)
    beaten_below = _over_windows(np.minimum, logits, row_taps, column_taps).max(axis=0)
    rounding = 2**-18 * np.abs(logits).max()
    return highest >= beaten_below - rounding


def _over_windows(best: np.ufunc, logits: np.ndarray, row_taps: int, column_taps: int) -> np.ndarray:
    count = logits.shape[1] - row_taps + 1
    logits = best.reduce([logits[:, start:start + count] for start in range(row_taps)])
    count = logits.shape[2] - column_taps + 1
    return best.reduce([logits[:, :, start:start + count] for start in range(column_taps)])
