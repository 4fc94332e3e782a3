"""Activations, softmax and arithmetic element by element, rounded wherever the half-precision kernels round.

lite/backends/arm/math/fp16/activation_fp16.cc, elementwise_fp16.cc and softmax_fp16.cc (release/v2.13). Their
exponential is a polynomial in halves; here it is the exact one, rounded.
"""

from typing import Callable, Dict

import numpy as np

from .rounding import half_sum, to_half


def _half(number: float) -> np.float32:
    return np.float32(np.float16(number))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def clipped(x: np.ndarray, most: float) -> np.ndarray:
    """relu6 and its like."""
    return np.clip(x, 0, _half(most))


def hard_sigmoid(x: np.ndarray, slope: float, offset: float) -> np.ndarray:
    return np.clip(to_half(to_half(x * _half(slope)) + _half(offset)), 0, 1)


def hard_swish(x: np.ndarray, threshold: float = 6.0, scale: float = 6.0, offset: float = 3.0) -> np.ndarray:
    gate = np.clip(to_half(x + _half(offset)), 0, _half(threshold))
    return to_half(to_half(x * _half(1 / scale)) * gate)


def sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return to_half(1 / to_half(1 + to_half(np.exp(-x))))


def swish(x: np.ndarray) -> np.ndarray:
    return to_half(x * sigmoid(x))


def tanh(x: np.ndarray) -> np.ndarray:
    return to_half(np.tanh(x))


def scaled(x: np.ndarray, factor: float, addend: float) -> np.ndarray:
    return to_half(to_half(x * _half(factor)) + _half(addend))


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    powers = to_half(np.exp(to_half(x - x.max(axis=axis, keepdims=True))))
    return to_half(powers / np.expand_dims(half_sum(powers, axis), axis))


ARITHMETIC: Dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "elementwise_add": np.add,
    "elementwise_sub": np.subtract,
    "elementwise_mul": np.multiply,
    "elementwise_div": np.divide,
    "elementwise_max": np.maximum,
    "elementwise_min": np.minimum,
}


def broadcast(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """`y` with the axes that let it meet `x`, whose axis `axis` its first one lies at; -1 aligns the last ones."""
    if axis == -1 or y.ndim >= x.ndim:
        return y
    return y.reshape(*y.shape, *(1,) * (x.ndim - axis - y.ndim))
