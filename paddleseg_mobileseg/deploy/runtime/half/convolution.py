"""Convolutions and linear layers as Paddle-Lite's kernels for half precision add them up.

Which kernel runs a convolution is decided in lite/kernels/arm/conv_compute.cc (release/v2.13); all of them keep their
sums in halves. Dense 3x3 of stride 1 goes by Winograd's transforms, whose roundings are the larger ones.
"""

from typing import Optional, Sequence, Tuple

import numpy as np

from .rounding import fused_products, to_half

_LANES = 8
_FEW_CHANNELS = 8
"""Up to so many, a 3x3 convolution is added up directly."""

_LARGE_MAP = 128
"""From so many positions on, Winograd's tiles are of 4x4 outputs and not of 2x2."""

# Transforms of tile, kernel and result, for outputs of 2x2 and 4x4 (Lavin and Gray, arXiv:1509.09308).
_WINOGRAD = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
         [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
        [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
         [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}  # fmt: skip


def convolve(
    feature: np.ndarray,
    kernel: np.ndarray,
    bias: Optional[np.ndarray],
    strides: Sequence[int],
    paddings: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> np.ndarray:
    """A convolution of halves.

    Args:
        feature: [N, C, H, W].
        kernel: [M, C / groups, h, w].
        bias: [M]; None for none.
        paddings: top, bottom, left and right.

    Returns:
        Halves [N, M, H', W'].
    """
    count, rows, columns = len(kernel), kernel.shape[2], kernel.shape[3]
    start = np.zeros(count, np.float32) if bias is None else bias
    top, bottom, left, right = paddings
    feature = np.pad(feature, ((0, 0), (0, 0), (top, bottom), (left, right)))
    height = (feature.shape[2] - dilations[0] * (rows - 1) - 1) // strides[0] + 1
    width = (feature.shape[3] - dilations[1] * (columns - 1) - 1) // strides[1] + 1
    plain = groups == 1 and (rows, columns) == (3, 3) and list(strides) == [1, 1] and list(dilations) == [1, 1]
    if plain and min(count, feature.shape[1]) > _FEW_CHANNELS:
        return _winograd(feature, kernel, start, (height, width))
    # [N, C, h x w, H' x W']: what each tap sees.
    taps = np.stack(
        [
            feature[
                :,
                :,
                row * dilations[0] : row * dilations[0] + (height - 1) * strides[0] + 1 : strides[0],
                column * dilations[1] : column * dilations[1] + (width - 1) * strides[1] + 1 : strides[1],
            ].reshape(*feature.shape[:2], height * width)
            for row in range(rows)
            for column in range(columns)
        ],
        axis=2,
    )
    batch = len(feature)
    if groups == feature.shape[1] and count == groups:
        # Element by element: one row of weights a channel.
        found = fused_products(kernel.reshape(count, 1, -1), taps, start[:, np.newaxis, np.newaxis])
    else:
        seen = taps.reshape(batch, groups, -1, height * width)
        weights = kernel.reshape(groups, count // groups, -1)
        found = fused_products(weights, seen, start.reshape(groups, -1, 1))
    return found.reshape(batch, count, height, width)


def _winograd(feature: np.ndarray, kernel: np.ndarray, start: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """A 3x3 convolution of stride 1 over a padded feature."""
    batch, channels = feature.shape[:2]
    height, width = size
    unit = 4 if height * width >= _LARGE_MAP else 2
    of_tile, of_kernel, of_result = (np.array(matrix, np.float32) for matrix in _WINOGRAD[unit])
    down, across = -(-height // unit), -(-width // unit)
    side = unit + 2
    room = ((0, 0), (0, 0), (0, down * unit + 2 - feature.shape[2]), (0, across * unit + 2 - feature.shape[3]))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(feature, room), (side, side), axis=(2, 3))
    tiles = windows[:, :, ::unit, ::unit].reshape(batch, channels, down * across, side, side)
    seen = to_half(to_half(of_tile @ tiles) @ of_tile.T)
    weights = to_half(to_half(to_half(of_kernel) @ kernel) @ to_half(of_kernel).T)
    # One product of matrices for each of the side x side places.
    seen = np.moveaxis(seen.reshape(batch, channels, down * across, side * side), -1, 1)
    weights = np.moveaxis(weights.reshape(len(kernel), channels, side * side), -1, 0)
    sums = fused_products(weights, seen, np.zeros((1, 1), np.float32))
    sums = np.moveaxis(sums, 1, -1).reshape(batch, len(kernel), down * across, side, side)
    found = to_half(to_half(of_result @ sums) @ of_result.T)
    found = to_half(found + start[:, np.newaxis, np.newaxis, np.newaxis])
    found = found.reshape(batch, len(kernel), down, across, unit, unit).transpose(0, 1, 2, 4, 3, 5)
    return found.reshape(batch, len(kernel), down * unit, across * unit)[:, :, :height, :width]


def linear(rows: np.ndarray, weights: np.ndarray, bias: Optional[np.ndarray]) -> np.ndarray:
    """A linear layer of halves: rows [R, K], weights [K, M] and bias [M]; gives [R, M].

    A single row is added up in lanes, each of every eighth product (lite/backends/arm/math/fp16/gemv_fp16.cc).
    """
    if len(rows) == 1:
        length = len(weights)
        rest = -length % _LANES
        lanes = np.pad(rows, ((0, 0), (0, rest))).reshape(-1, _LANES).T
        parts = np.pad(weights, ((0, rest), (0, 0))).reshape(-1, _LANES, weights.shape[1])
        found = fused_products(lanes[:, np.newaxis], parts.transpose(1, 0, 2), np.zeros(1, np.float32))
        while len(found) > 1:
            found = to_half(found[0::2] + found[1::2])
        found = found[0]
    else:
        found = fused_products(rows, weights, np.zeros((1, 1), np.float32))
    return found if bias is None else to_half(found + bias)
