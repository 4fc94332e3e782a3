"""Pools and interpolations: in halves as lite/backends/arm/math/fp16/pooling_fp16.cc and interpolate_fp16.cc add them.

The same functions serve kernels of float32, whose `rounded` leaves numbers alone.
"""

from typing import Callable, Sequence, Tuple

import numpy as np

Rounding = Callable[[np.ndarray], np.ndarray]

_GROUP = 32
"""Positions that a pool over the whole map takes in a step."""


def pool_whole(feature: np.ndarray, rounded: Rounding) -> np.ndarray:
    """The mean of each map: eight lanes of parts that are divided before they are added."""
    batch, channels, height, width = feature.shape
    numbers = feature.reshape(batch, channels, height * width)
    count = height * width
    share = rounded(np.float32([1 / count]))
    lanes = np.zeros((batch, channels, 8), np.float32)
    end = count // _GROUP * _GROUP
    for begin in range(0, end, _GROUP):
        four = [numbers[..., begin + 8 * part : begin + 8 * part + 8] for part in range(4)]
        for first, second in ((0, 2), (1, 3)):
            lanes = rounded(lanes + rounded(share * rounded(four[first] + four[second])))
    while end + 8 <= count:
        lanes, end = rounded(lanes + rounded(share * numbers[..., end : end + 8])), end + 8
    lanes = rounded(lanes[..., :4] + lanes[..., 4:])
    lanes = rounded(lanes[..., 0::2] + lanes[..., 1::2])
    total = rounded(lanes[..., 0] + lanes[..., 1])
    for place in range(end, count):
        total = rounded(total + rounded(numbers[..., place] / np.float32(count)))
    return total.reshape(batch, channels, 1, 1)


def pool(
    feature: np.ndarray,
    largest: bool,
    size: Sequence[int],
    strides: Sequence[int],
    paddings: Sequence[int],
    exclusive: bool,
    rounded: Rounding,
    round_up: bool = False,
) -> np.ndarray:
    """Windows of a fixed size.

    Args:
        feature: [N, C, H, W].
        largest: the largest number of each window, instead of the mean.
        paddings: top, bottom, left and right.
        exclusive: divide by the number of positions inside the feature only.
        round_up: whether a window that reaches beyond the end counts.
    """
    top, bottom, left, right = paddings
    fill = -np.inf if largest else 0
    room = [strides[axis] - 1 if round_up else 0 for axis in (0, 1)]
    padding = ((0, 0), (0, 0), (top, bottom + room[0]), (left, right + room[1]))
    padded = np.pad(feature, padding, constant_values=fill)
    present = np.pad(np.ones(feature.shape[2:], np.float32), padding[2:])
    total = count = None
    rows = (padded.shape[2] - size[0]) // strides[0] + 1
    columns = (padded.shape[3] - size[1]) // strides[1] + 1
    for row in range(size[0]):
        for column in range(size[1]):
            window = (
                slice(row, row + (rows - 1) * strides[0] + 1, strides[0]),
                slice(column, column + (columns - 1) * strides[1] + 1, strides[1]),
            )
            part, inside = padded[(..., *window)], present[window]
            if total is None:
                total, count = part, inside
            else:
                total = np.maximum(total, part) if largest else rounded(total + part)
                count = count + inside
    return total if largest else rounded(total / (count if exclusive else np.float32(size[0] * size[1])))


def pool_adaptive(feature: np.ndarray, shape: Sequence[int], largest: bool, rounded: Rounding) -> np.ndarray:
    """As many windows as `shape` says, of sizes that differ where they must."""
    rows, columns = ([(index * length // parts, -(-(index + 1) * length // parts)) for index in range(parts)]
                     for length, parts in zip(feature.shape[2:], shape))  # fmt: skip
    found = np.empty((*feature.shape[:2], *shape), np.float32)
    for row, (top, bottom) in enumerate(rows):
        for column, (left, right) in enumerate(columns):
            window = feature[:, :, top:bottom, left:right]
            found[:, :, row, column] = pool(
                window, largest, window.shape[2:], (1, 1), (0, 0, 0, 0), True, rounded
            )[:, :, 0, 0]
    return found


def bilinear(
    feature: np.ndarray, size: Tuple[int, int], align_corners: bool, half_pixels: bool, rounded: Rounding
) -> np.ndarray:
    """Interpolation along rows and then down columns, its weights rounded too.

    Args:
        half_pixels: positions are the middles of pixels, as align_mode 0 says where corners are not aligned.
    """
    for axis, length in ((3, size[1]), (2, size[0])):
        have = feature.shape[axis]
        if align_corners:
            place = np.arange(length) * ((have - 1) / max(length - 1, 1))
        else:
            place = np.arange(length) * (have / length)
            place = np.maximum((np.arange(length) + 0.5) * (have / length) - 0.5, 0) if half_pixels else place
        low = np.minimum(place.astype(int), have - 1)
        high = np.minimum(low + 1, have - 1)
        shape = [-1 if each == axis else 1 for each in range(4)]
        upper = rounded(np.float32(place - low)).reshape(shape)
        lower = rounded(np.float32(1 - (place - low))).reshape(shape)
        feature = rounded(rounded(feature.take(low, axis) * lower) + feature.take(high, axis) * upper)
    return feature


def nearest(feature: np.ndarray, size: Tuple[int, int], align_corners: bool) -> np.ndarray:
    for axis, length in ((3, size[1]), (2, size[0])):
        have = feature.shape[axis]
        ratio = (have - 1) / max(length - 1, 1) if align_corners else have / length
        place = np.floor(np.arange(length) * ratio + (0.5 if align_corners else 0)).astype(int)
        feature = feature.take(np.minimum(place, have - 1), axis)
    return feature
