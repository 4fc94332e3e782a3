"""Half precision in float32 arrays: rounding, and sums whose accumulator is a half.

A product of two halves is exact in float32, so a fused multiply-add in half precision is one of float32 whose result is
rounded once more, up to ties.
"""

import numpy as np

LARGEST = 65504.0
"""The largest half; what is beyond it becomes infinity."""

_SPLIT = np.float32(2**13 + 1)
_BLOCK_ELEMENTS = 1 << 16
"""Accumulators worked on at a time: with their copies they stay in a core's cache."""


def to_half(array: np.ndarray) -> np.ndarray:
    """Each number rounded to the nearest half, kept as float32; beyond the largest half it is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(np.float16).astype(np.float32)


def fused_products(weights: np.ndarray, columns: np.ndarray, start: np.ndarray) -> np.ndarray:
    """`start` + weights x columns, added one product after the other in accumulators of half precision.

    An accumulator is rounded to 11 bits after each step; its exponent has no limits until the end, when a sum beyond
    the largest half becomes infinite and one below the least normal half is rounded as such.

    Args:
        weights: halves [..., M, K].
        columns: halves [..., K, P].
        start: halves that broadcast to [..., M, P].

    Returns:
        Halves [..., M, P].
    """
    shape = (*np.broadcast_shapes(weights.shape[:-2], columns.shape[:-2]), weights.shape[-2], columns.shape[-1])
    result = np.empty(shape, np.float32)
    start = np.broadcast_to(start, shape)
    width = max(1, _BLOCK_ELEMENTS // max(1, int(np.prod(shape[:-1]))))
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, shape[-1], width):
            block = slice(begin, begin + width)
            total = start[..., block].copy()
            _accumulate(total, weights, columns[..., block])
            result[..., block] = total
    return to_half(result)


def _accumulate(total: np.ndarray, weights: np.ndarray, columns: np.ndarray) -> None:
    product, split = np.empty_like(total), np.empty_like(total)
    for step in range(weights.shape[-1]):
        np.multiply(weights[..., step, np.newaxis], columns[..., step, np.newaxis, :], out=product)
        total += product
        # Dekker's split: the upper 11 bits of a float32.
        np.multiply(total, _SPLIT, out=split)
        np.subtract(split, total, out=product)
        np.subtract(split, product, out=total)


def half_sum(array: np.ndarray, axis: int) -> np.ndarray:
    """The sum along an axis, each addition rounded to a half, one after the other."""
    parts = np.moveaxis(array, axis, 0)
    total = parts[0]
    for part in parts[1:]:
        total = to_half(total + part)
    return total
