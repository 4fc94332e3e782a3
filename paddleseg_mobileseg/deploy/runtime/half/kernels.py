"""What each op of an optimised program computes, by its type: in halves, or in float32 where it has no other kernel."""

from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from ...ir.program import OpDesc, get_attr
from . import pointwise, resampling
from .convolution import convolve, linear
from .rounding import fused_products, to_half

Inputs = Dict[str, List[np.ndarray]]
"""Arrays by the op's slots."""


class Kernel:
    """One op about to be run.

    Attributes:
        op: its description.
        inputs: arrays by slot.
        in_half: whether it computes in halves.
    """

    def __init__(self, op: OpDesc, inputs: Inputs, in_half: bool):
        self.op, self.inputs, self.in_half = op, inputs, in_half

    @property
    def x(self) -> np.ndarray:
        """The array that most ops have alone."""
        return self.inputs["X"][0]

    def one(self, slot: str) -> Any:
        """The array of a slot; None where it has none."""
        arrays = self.inputs.get(slot)
        return arrays[0] if arrays else None

    def attribute(self, name: str, default: Any = None) -> Any:
        return get_attr(self.op, name, default)

    def rounded(self, array: np.ndarray) -> np.ndarray:
        """An intermediate or final result as the kernel holds it."""
        return to_half(array) if self.in_half else np.float32(array)

    def sides(self, feature: np.ndarray, size: Sequence[int]) -> List[int]:
        """Paddings of windows of `size` over a feature [N, C, H, W]: at the top, bottom, left and right."""
        given, way = self.attribute("paddings", [0, 0]), self.attribute("padding_algorithm", "EXPLICIT")
        if way == "SAME":
            axes = zip(feature.shape[2:], size, self.attribute("strides"))
            sums = [max((-(-have // stride) - 1) * stride + length - have, 0) for have, length, stride in axes]
            return [sums[0] // 2, -(-sums[0] // 2), sums[1] // 2, -(-sums[1] // 2)]
        if way == "VALID":
            return [0, 0, 0, 0]
        return list(given) if len(given) == 4 else [given[0], given[0], given[1], given[1]]


def _activated(kernel: Kernel, array: np.ndarray, kind: str) -> np.ndarray:
    """An activation that opt joined to the op before it."""
    if kind == "relu":
        return pointwise.relu(array)
    if kind == "relu6":
        return pointwise.clipped(array, kernel.attribute("fuse_brelu_threshold", kernel.attribute("alpha", 6.0)))
    if kind == "hard_swish":
        names = ("threshold", "scale", "offset")
        return pointwise.hard_swish(array, *(kernel.attribute(f"hard_swish_{name}") for name in names))
    if kind == "leaky_relu":
        return np.where(array < 0, kernel.rounded(array * np.float32(kernel.attribute("leaky_relu_alpha"))), array)
    raise NotImplementedError(f"{kernel.op.type} with {kind}")


def _convolution(kernel: Kernel) -> np.ndarray:
    if not kernel.in_half:
        raise NotImplementedError(f"{kernel.op.type} in float32")
    feature, weights = kernel.one("Input"), to_half(kernel.one("Filter"))
    found = convolve(
        feature,
        weights,
        None if kernel.one("Bias") is None else to_half(kernel.one("Bias").reshape(-1)),
        kernel.attribute("strides"),
        kernel.sides(feature, weights.shape[2:]),
        [1, 1] if kernel.attribute("padding_algorithm") == "SAME" else kernel.attribute("dilations"),
        kernel.attribute("groups", 1),
    )
    return _activated(kernel, found, kernel.attribute("act_type")) if kernel.attribute("with_act") else found


def _linear(kernel: Kernel) -> np.ndarray:
    if not kernel.in_half:
        raise NotImplementedError(f"{kernel.op.type} in float32")
    fully = kernel.op.type == "fc"
    x = kernel.one("Input" if fully else "X")
    axes = kernel.attribute("in_num_col_dims" if fully else "x_num_col_dims", 1)
    if kernel.attribute("op_type") in ("matmul", "matmul_v2"):
        axes = x.ndim - 1
    weights, bias = kernel.one("W" if fully else "Y"), kernel.one("Bias")
    rows = x.reshape(int(np.prod(x.shape[:axes])), -1)
    found = linear(rows, to_half(weights), None if bias is None else to_half(bias.reshape(-1)))
    found = found.reshape(*x.shape[:axes], weights.shape[1])
    kind = kernel.attribute("activation_type", "")
    return _activated(kernel, found, kind) if kind else found


def _matmul(kernel: Kernel) -> np.ndarray:
    x, y = kernel.rounded(kernel.x), kernel.rounded(kernel.one("Y"))
    x = np.swapaxes(x, -1, -2) if kernel.attribute("trans_x", kernel.attribute("transpose_X")) else x
    y = np.swapaxes(y, -1, -2) if kernel.attribute("trans_y", kernel.attribute("transpose_Y")) else y
    if not kernel.in_half:
        return np.float32(x @ y)
    found = fused_products(x, y, np.zeros((1, 1), np.float32))
    factor = kernel.attribute("alpha", 1.0)
    return found if factor == 1.0 else to_half(found * np.float32(factor))


def _arithmetic(kernel: Kernel) -> np.ndarray:
    kind = kernel.op.type.replace("fusion_", "").replace("_activation", "")
    x, y = kernel.rounded(kernel.x), kernel.rounded(kernel.one("Y"))
    found = kernel.rounded(pointwise.ARITHMETIC[kind](x, pointwise.broadcast(x, y, kernel.attribute("axis", -1))))
    return _activated(kernel, found, kernel.attribute("act_type")) if kernel.attribute("act_type") else found


def _batch_norm(kernel: Kernel) -> np.ndarray:
    scale, bias, mean, variance = (kernel.one(slot) for slot in ("Scale", "Bias", "Mean", "Variance"))
    factor = scale / np.sqrt(variance + np.float32(kernel.attribute("epsilon")))
    shape = (-1, *(1,) * (kernel.x.ndim - 2))
    factor, addend = (kernel.rounded(each).reshape(shape) for each in (factor, bias - mean * factor))
    return kernel.rounded(kernel.x * factor + addend)


def _pool(kernel: Kernel) -> np.ndarray:
    x, largest = kernel.x, kernel.attribute("pooling_type") == "max"
    size = kernel.attribute("ksize")
    sides = kernel.sides(x, size)
    whole = kernel.attribute("global_pooling") or not any(sides) and list(size) == list(x.shape[2:])
    if whole or kernel.attribute("adaptive") and list(size) == [1, 1]:
        return x.max(axis=(2, 3), keepdims=True) if largest else resampling.pool_whole(x, kernel.rounded)
    if kernel.attribute("adaptive"):
        return resampling.pool_adaptive(x, size, largest, kernel.rounded)
    strides, round_up = kernel.attribute("strides"), kernel.attribute("ceil_mode", False)
    exclusive = kernel.attribute("exclusive", True)
    return resampling.pool(x, largest, size, strides, sides, exclusive, kernel.rounded, round_up)


def _resized(kernel: Kernel) -> np.ndarray:
    size = kernel.attribute("out_h"), kernel.attribute("out_w")
    factors = kernel.attribute("scale", [])
    if min(size) < 1 and factors:
        factors = factors if isinstance(factors, list) else [factors]
        size = tuple(int(have * factors[axis % len(factors)]) for axis, have in enumerate(kernel.x.shape[2:]))
    if min(size) < 1 or any(kernel.one(slot) is not None for slot in ("OutSize", "SizeTensor", "Scale")):
        raise NotImplementedError(f"{kernel.op.type} to a size that is computed")
    aligned = kernel.attribute("align_corners")
    if kernel.op.type.startswith("nearest"):
        return resampling.nearest(kernel.x, size, aligned)
    return resampling.bilinear(kernel.x, size, aligned, kernel.attribute("align_mode") == 0, kernel.rounded)


def _mean(kernel: Kernel) -> np.ndarray:
    axes = None if kernel.attribute("reduce_all") else tuple(kernel.attribute("dim"))
    return kernel.rounded(kernel.x.mean(axis=axes, keepdims=bool(kernel.attribute("keep_dim")), dtype=np.float64))


def _scale(kernel: Kernel) -> np.ndarray:
    if not kernel.in_half:
        raise NotImplementedError("scale in float32")
    factor, addend = kernel.attribute("scale", 1.0), kernel.attribute("bias", 0.0)
    addend = addend if kernel.attribute("bias_after_scale", True) else addend * factor
    found = pointwise.scaled(kernel.x, factor, addend)
    kind = kernel.attribute("activation_type", "")
    return _activated(kernel, found, kind) if kind else found


def _slice(kernel: Kernel) -> np.ndarray:
    cut = [slice(None)] * kernel.one("Input").ndim
    for axis, start, end in zip(*(kernel.attribute(name) for name in ("axes", "starts", "ends"))):
        cut[axis] = slice(start, end)
    found = kernel.one("Input")[tuple(cut)]
    gone = kernel.attribute("decrease_axis", [])
    return found.squeeze(tuple(gone)) if gone else found


def _split(kernel: Kernel) -> List[np.ndarray]:
    axis, sections = kernel.attribute("axis"), kernel.attribute("sections", [])
    return np.split(kernel.x, np.cumsum(sections)[:-1] if sections else kernel.attribute("num"), axis)


def _reshape(kernel: Kernel) -> np.ndarray:
    shape = kernel.attribute("shape")
    return kernel.x.reshape([kernel.x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def _shuffle(kernel: Kernel) -> np.ndarray:
    batch, channels, *size = kernel.x.shape
    groups = kernel.attribute("group")
    return kernel.x.reshape(batch, groups, channels // groups, *size).swapaxes(1, 2).reshape(kernel.x.shape)


def _flatten(kernel: Kernel) -> np.ndarray:
    first, last = kernel.attribute("start_axis", 1), kernel.attribute("stop_axis", -1) % kernel.x.ndim
    return kernel.x.reshape(*kernel.x.shape[:first], -1, *kernel.x.shape[last + 1 :])


def _unsqueeze(kernel: Kernel) -> np.ndarray:
    found = kernel.x
    for axis in kernel.attribute("axes"):
        found = np.expand_dims(found, axis)
    return found


def _squeeze(kernel: Kernel) -> np.ndarray:
    axes = tuple(kernel.attribute("axes") or [axis for axis, size in enumerate(kernel.x.shape) if size == 1])
    return kernel.x.squeeze(axes)


KERNELS: Dict[str, Callable[[Kernel], Any]] = {
    "arg_max": lambda kernel: kernel.x.argmax(kernel.attribute("axis")),
    "assign": lambda kernel: kernel.x,
    "batch_norm": _batch_norm,
    "bilinear_interp_v2": _resized,
    "calib": lambda kernel: to_half(kernel.one("Input")),
    "clip": lambda kernel: np.clip(kernel.x, kernel.attribute("min"), kernel.attribute("max")),
    "concat": lambda kernel: np.concatenate(kernel.inputs["X"], kernel.attribute("axis")),
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "fc": _linear,
    "flatten_contiguous_range": _flatten,
    "hard_sigmoid": lambda kernel: pointwise.hard_sigmoid(
        kernel.x, kernel.attribute("slope"), kernel.attribute("offset")
    ),
    "hard_swish": lambda kernel: pointwise.hard_swish(
        kernel.x, *(kernel.attribute(name) for name in ("threshold", "scale", "offset"))
    ),
    "matmul": _matmul,
    "matmul_v2": _matmul,
    "mul": _linear,
    "nearest_interp_v2": _resized,
    "pool2d": _pool,
    "reduce_mean": _mean,
    "relu": lambda kernel: pointwise.relu(kernel.x),
    "relu6": lambda kernel: np.clip(kernel.x, 0, kernel.attribute("threshold", 6.0)),
    "reshape": _reshape,
    "reshape2": _reshape,
    "scale": _scale,
    "shuffle_channel": _shuffle,
    "sigmoid": lambda kernel: pointwise.sigmoid(kernel.x),
    "slice": _slice,
    "softmax": lambda kernel: pointwise.softmax(kernel.x, kernel.attribute("axis", -1)),
    "split": _split,
    "squeeze2": _squeeze,
    "swish": lambda kernel: pointwise.swish(kernel.x),
    "tanh": lambda kernel: pointwise.tanh(kernel.x),
    "transpose2": lambda kernel: kernel.x.transpose(kernel.attribute("axis")),
    "unsqueeze2": _unsqueeze,
    **{kind: _arithmetic for kind in pointwise.ARITHMETIC},
    **{f"fusion_{kind}_activation": _arithmetic for kind in pointwise.ARITHMETIC},
}
