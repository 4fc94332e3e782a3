"""Each kind of op of a lowered program as LiteRT has it."""

from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from ...errors import ToolError
from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of
from .tflite_convolutions import Affine, batch_norm_affine, convolution, join_activation, linear, padded
from .tflite_layouts import IMAGE, PLAIN, TO_PLAIN, Tensors

Translation = Callable[[Tensors, OpDesc], Optional[List[OpDesc]]]
"""Appends an op to the graph; gives those behind it that it took in."""

_TO_IMAGE_AXIS = {0: 0, 1: 3, 2: 1, 3: 2}
_LOWEST = float(np.finfo(np.float32).min)


class NoTranslation(ToolError):
    """LiteRT lacks an op, or what an op does."""


def _only(op: OpDesc, slot: str = "X") -> str:
    return inputs_of(op, slot)[0]


def _result(op: OpDesc) -> str:
    return outputs_of(op, "Out")[0]


def _axis(tensors: Tensors, name: str, axis: int, layout: str) -> int:
    axis %= len(tensors.dims(name))
    return _TO_IMAGE_AXIS[axis] if layout == IMAGE else axis


def _layout(tensors: Tensors, name: str) -> str:
    return tensors.native(name) if len(tensors.dims(name)) == 4 else PLAIN


def _same_layout(tensors: Tensors, op: OpDesc, kind: str) -> None:
    """An op of one tensor that looks at each number alone."""
    source, result = _only(op), _result(op)
    layout = _layout(tensors, source)
    (made,) = tensors.graph.op(kind, [tensors.get(source, layout)], [tensors.output(result, layout)])
    tensors.define(result, layout, made)


def _simple(kind: str) -> Translation:
    return lambda tensors, op: _same_layout(tensors, op, kind)


def _with_number(tensors: Tensors, kind: str, tensor: int, number: float, name: str, activation: str = "NONE") -> int:
    """An op of a tensor and one number."""
    graph = tensors.graph
    other = graph.constant(np.float32(number).reshape(1), "number")
    options = {"ADD": "AddOptions", "MUL": "MulOptions"}.get(kind, "MaximumMinimumOptions")
    fused = getattr(graph.schema.ActivationFunctionType, activation)
    settings = {} if kind in ("MAXIMUM", "MINIMUM") else {"fusedActivationFunction": fused}
    return graph.op(kind, [tensor, other], [(graph.shape(tensor), "float32", name)], options, **settings)[0]


def _stepwise(steps: Callable[[OpDesc], Sequence[tuple]]) -> Translation:
    """An op as several ops of its tensor and a number each."""

    def translate(tensors: Tensors, op: OpDesc) -> None:
        source, result = _only(op), _result(op)
        layout = _layout(tensors, source)
        made = tensors.get(source, layout)
        for kind, number, *activation in steps(op):
            made = _with_number(tensors, kind, made, number, result, *activation)
        tensors.define(result, layout, made)

    return translate


def _hard_sigmoid(op: OpDesc) -> Sequence[tuple]:
    slope, offset = get_attr(op, "slope", 1 / 6), get_attr(op, "offset", 0.5)
    # It is a sixth of relu6 of six times as much, which an addition has within it.
    return [("MUL", 6 * slope), ("ADD", 6 * offset, "RELU6"), ("MUL", 1 / 6)]


def _scale(op: OpDesc) -> Sequence[tuple]:
    factor, bias = get_attr(op, "scale", 1.0), get_attr(op, "bias", 0.0)
    if not get_attr(op, "bias_after_scale", True):
        bias *= factor
    return [("MUL", factor)] * (factor != 1.0) + [("ADD", bias)] * (bias != 0.0)


def _clip(op: OpDesc) -> Sequence[tuple]:
    return [("MAXIMUM", get_attr(op, "min")), ("MINIMUM", get_attr(op, "max"))]


def _batch_norm(tensors: Tensors, op: OpDesc) -> None:
    """One that stands behind no convolution."""
    source, result = _only(op), outputs_of(op, "Y")[0]
    made = tensors.get(source, IMAGE)
    for kind, values in zip(("MUL", "ADD"), batch_norm_affine(tensors, op)):
        other = tensors.graph.constant(values.astype(np.float32), f"{result}.{kind.lower()}")
        (made,) = tensors.graph.op(
            kind, [made, other], [tensors.output(result, IMAGE)], f"{kind.title()}Options", fusedActivationFunction=0
        )
    tensors.define(result, IMAGE, made)


def _elementwise(kind: str) -> Translation:
    def translate(tensors: Tensors, op: OpDesc) -> List[OpDesc]:
        names, result = [_only(op), _only(op, "Y")], _result(op)
        rank = len(tensors.dims(result))
        full = [name for name in names if len(tensors.dims(name)) == rank and tensors.edit.parameter(name) is None]
        layout = IMAGE if rank == 4 and any(tensors.native(name) == IMAGE for name in full) else PLAIN
        behind = Affine(np.ones(1), np.zeros(1), result, "NONE", [])
        join_activation(tensors, behind)
        operands = [_operand(tensors, name, rank, layout, get_attr(op, "axis", -1)) for name in names]
        (made,) = tensors.graph.op(
            kind,
            operands,
            [tensors.output(behind.result, layout)],
            f"{kind.title()}Options",
            fusedActivationFunction=getattr(tensors.graph.schema.ActivationFunctionType, behind.activation),
        )
        tensors.define(behind.result, layout, made)
        return behind.joined

    return translate


def _operand(tensors: Tensors, name: str, rank: int, layout: str, axis: int) -> int:
    """A tensor as one of `rank` axes, those of fewer beginning at `axis` as Paddle counts."""
    dims = tensors.dims(name)
    if len(dims) == rank:
        return tensors.get(name, layout)
    first = rank - len(dims) if axis == -1 else axis
    full = [1] * first + dims + [1] * (rank - first - len(dims))
    spread = tensors.reshaped(tensors.get(name, PLAIN), full, name)
    return tensors.turned(spread, (0, 2, 3, 1), name) if layout == IMAGE else spread


def _mean(tensors: Tensors, op: OpDesc, source: str, axes: Sequence[int], result: str) -> None:
    graph, layout = tensors.graph, _layout(tensors, source)
    dims = tensors.dims(source)
    axes = [axis % len(dims) for axis in axes]
    kept = [1 if axis in axes else size for axis, size in enumerate(dims)]
    over = graph.constant(np.asarray([_axis(tensors, source, axis, layout) for axis in axes], np.int32), "axes")
    (made,) = graph.op(
        "MEAN", [tensors.get(source, layout), over], [(tensors.laid_out(kept, layout), "float32", result)],
        "ReducerOptions", keepDims=True,
    )  # fmt: skip
    if tensors.dims(result) == kept:
        tensors.define(result, layout, made)
        return
    plain = tensors.turned(made, TO_PLAIN, result) if layout == IMAGE else made
    tensors.define(result, PLAIN, tensors.reshaped(plain, tensors.dims(result), result))


def _reduce_mean(tensors: Tensors, op: OpDesc) -> None:
    source = _only(op)
    whole = get_attr(op, "reduce_all", False)
    _mean(tensors, op, source, range(len(tensors.dims(source))) if whole else get_attr(op, "dim"), _result(op))


def _pool(tensors: Tensors, op: OpDesc) -> None:
    graph, source, result = tensors.graph, _only(op), _result(op)
    size, largest = list(get_attr(op, "ksize")), get_attr(op, "pooling_type") == "max"
    adaptive = get_attr(op, "adaptive", False)
    if get_attr(op, "global_pooling", False) or adaptive and size == [1, 1]:
        if largest:
            raise NoTranslation(f"LiteRT has no largest number of a whole map, which {result} is")
        _mean(tensors, op, source, (2, 3), result)
        return
    strides = list(get_attr(op, "strides"))
    if adaptive:
        have, wanted = tensors.dims(source)[2:], tensors.dims(result)[2:]
        if any(a % b for a, b in zip(have, wanted)):
            raise NoTranslation(f"LiteRT has no pool over uneven blocks, which {result} is")
        size = strides = [a // b for a, b in zip(have, wanted)]
        image, padding = tensors.get(source, IMAGE), graph.schema.Padding.VALID
    else:
        image, padding = padded(tensors, op, source, size, [1, 1], result, _LOWEST if largest else 0.0)
        margin = graph.shape(image) != graph.shape(tensors.get(source, IMAGE))
        if not largest and (margin or padding == graph.schema.Padding.SAME and not get_attr(op, "exclusive", True)):
            raise NoTranslation(f"LiteRT counts the margin of a mean otherwise than {result} does")
    (made,) = graph.op(
        "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D", [image], [tensors.output(result, IMAGE)], "Pool2DOptions",
        padding=padding, strideH=strides[0], strideW=strides[1], filterHeight=size[0], filterWidth=size[1],
        fusedActivationFunction=0,
    )  # fmt: skip
    tensors.define(result, IMAGE, made)


def _resize(tensors: Tensors, op: OpDesc) -> None:
    graph, source, result = tensors.graph, _only(op), _result(op)
    bilinear, corners = op.type.startswith("bilinear"), get_attr(op, "align_corners", False)
    centres = bilinear and not corners and get_attr(op, "align_mode", 1) == 0
    size = graph.constant(np.asarray(tensors.dims(result)[2:], np.int32), "size")
    (made,) = graph.op(
        "RESIZE_BILINEAR" if bilinear else "RESIZE_NEAREST_NEIGHBOR",
        [tensors.get(source, IMAGE), size],
        [tensors.output(result, IMAGE)],
        "ResizeBilinearOptions" if bilinear else "ResizeNearestNeighborOptions",
        alignCorners=bool(corners),
        halfPixelCenters=centres,
    )
    tensors.define(result, IMAGE, made)


def _matmul(tensors: Tensors, op: OpDesc) -> Optional[List[OpDesc]]:
    names, result = [_only(op), _only(op, "Y")], _result(op)
    turned = bool(get_attr(op, "trans_x", False)), bool(get_attr(op, "trans_y", False))
    array = tensors.edit.parameter(names[1])
    if len(tensors.dims(names[0])) == 2 and array is not None and array.ndim == 2 and not turned[0]:
        return linear(tensors, op)
    (made,) = tensors.graph.op(
        "BATCH_MATMUL", [tensors.get(name, PLAIN) for name in names], [tensors.output(result, PLAIN)],
        "BatchMatMulOptions", adjX=turned[0], adjY=turned[1], asymmetricQuantizeInputs=False,
    )  # fmt: skip
    tensors.define(result, PLAIN, made)
    return None


def _softmax(tensors: Tensors, op: OpDesc) -> None:
    source, result = _only(op), _result(op)
    last = len(tensors.dims(source)) - 1
    layout = _layout(tensors, source)
    if _axis(tensors, source, get_attr(op, "axis", -1), layout) != last:
        layout = IMAGE if layout == PLAIN and last == 3 else PLAIN
    if _axis(tensors, source, get_attr(op, "axis", -1), layout) != last:
        raise NoTranslation(f"LiteRT has softmax over the last axis alone, and {result} is over another")
    given, written = [tensors.get(source, layout)], [tensors.output(result, layout)]
    tensors.define(result, layout, tensors.graph.op("SOFTMAX", given, written, "SoftmaxOptions", beta=1.0)[0])


def _concat(tensors: Tensors, op: OpDesc) -> None:
    names, result = inputs_of(op, "X"), _result(op)
    layout = IMAGE if len(tensors.dims(result)) == 4 and _layout(tensors, names[0]) == IMAGE else PLAIN
    (made,) = tensors.graph.op(
        "CONCATENATION", [tensors.get(name, layout) for name in names], [tensors.output(result, layout)],
        "ConcatenationOptions", axis=_axis(tensors, result, get_attr(op, "axis", 0), layout), fusedActivationFunction=0,
    )  # fmt: skip
    tensors.define(result, layout, made)


def _cut_out(tensors: Tensors, source: str, begins: Dict[int, int], result: str, dims: Sequence[int]) -> None:
    """The part of a tensor of sizes `dims` that begins at `begins`, by axis as the program counts."""
    layout, graph = _layout(tensors, source), tensors.graph
    begin = [begins.get(axis, 0) for axis in range(len(dims))]
    given = [tensors.get(source, layout)]
    given += [graph.constant(np.asarray(tensors.laid_out(each, layout), np.int32), "part") for each in (begin, dims)]
    (made,) = graph.op("SLICE", given, [(tensors.laid_out(dims, layout), "float32", result)], "SliceOptions")
    if tensors.dims(result) != list(dims):
        plain = tensors.turned(made, TO_PLAIN, result) if layout == IMAGE else made
        layout, made = PLAIN, tensors.reshaped(plain, tensors.dims(result), result)
    tensors.define(result, layout, made)


def _split(tensors: Tensors, op: OpDesc) -> None:
    source, position = _only(op), 0
    axis = get_attr(op, "axis", 0) % len(tensors.dims(source))
    for result in outputs_of(op, "Out"):
        _cut_out(tensors, source, {axis: position}, result, tensors.dims(result))
        position += tensors.dims(result)[axis]


def _slice(tensors: Tensors, op: OpDesc) -> None:
    source, dims, begins = _only(op, "Input"), list(tensors.dims(_only(op, "Input"))), {}
    for axis, start, end in zip(get_attr(op, "axes"), get_attr(op, "starts"), get_attr(op, "ends")):
        start, end = (min(max(at + dims[axis] if at < 0 else at, 0), dims[axis]) for at in (start, end))
        begins[axis], dims[axis] = start, end - start
    _cut_out(tensors, source, begins, _result(op), dims)


def _reshape(tensors: Tensors, op: OpDesc) -> None:
    source, result = _only(op), _result(op)
    tensors.define(result, PLAIN, tensors.reshaped(tensors.get(source, PLAIN), tensors.dims(result), result))


def _transpose(tensors: Tensors, op: OpDesc) -> None:
    tensors.define(_result(op), PLAIN, tensors.turned(tensors.get(_only(op), PLAIN), get_attr(op, "axis"), _result(op)))


def _shuffle(tensors: Tensors, op: OpDesc) -> None:
    source, result, groups = _only(op), _result(op), get_attr(op, "group")
    image = tensors.get(source, IMAGE)
    *size, channels = tensors.graph.shape(image)
    parts = tensors.reshaped(image, [int(np.prod(size)), groups, channels // groups], result)
    tensors.define(result, IMAGE, tensors.reshaped(tensors.turned(parts, (0, 2, 1), result), [*size, channels], result))


def _argmax(tensors: Tensors, op: OpDesc) -> None:
    graph, source, result = tensors.graph, _only(op), _result(op)
    layout = _layout(tensors, source)
    axis = graph.constant(np.asarray(_axis(tensors, source, get_attr(op, "axis"), layout), np.int32), "axis")
    if get_attr(op, "keepdims", False):
        raise NoTranslation(f"LiteRT's arg_max drops its axis, which {result} keeps")
    dims, dtype, _ = tensors.output(result, PLAIN)
    kind = getattr(graph.schema.TensorType, dtype.upper())
    given, written = [tensors.get(source, layout), axis], [(dims, dtype, result)]
    tensors.define(result, PLAIN, graph.op("ARG_MAX", given, written, "ArgMaxOptions", outputType=kind)[0])


def _cast(tensors: Tensors, op: OpDesc) -> None:
    source, result = _only(op), _result(op)
    layout = _layout(tensors, source)
    given, written = [tensors.get(source, layout)], [tensors.output(result, layout)]
    tensors.define(result, layout, tensors.graph.op("CAST", given, written, "CastOptions")[0])


def _same(tensors: Tensors, op: OpDesc) -> None:
    tensors.alias(_result(op), _only(op))


TRANSLATIONS: Dict[str, Translation] = {
    "arg_max": _argmax,
    "assign": _same,
    "batch_norm": _batch_norm,
    "bilinear_interp_v2": _resize,
    "cast": _cast,
    "clip": _stepwise(_clip),
    "concat": _concat,
    "conv2d": convolution,
    "depthwise_conv2d": convolution,
    "elementwise_add": _elementwise("ADD"),
    "elementwise_mul": _elementwise("MUL"),
    "elementwise_sub": _elementwise("SUB"),
    "flatten_contiguous_range": _reshape,
    "hard_sigmoid": _stepwise(_hard_sigmoid),
    "hard_swish": _simple("HARD_SWISH"),
    "matmul_v2": _matmul,
    "nearest_interp_v2": _resize,
    "pool2d": _pool,
    "reduce_mean": _reduce_mean,
    "relu": _simple("RELU"),
    "relu6": _simple("RELU6"),
    "reshape2": _reshape,
    "scale": _stepwise(_scale),
    "shuffle_channel": _shuffle,
    "sigmoid": _simple("LOGISTIC"),
    "slice": _slice,
    "softmax": _softmax,
    "split": _split,
    "squeeze2": _reshape,
    "transpose2": _transpose,
    "unsqueeze2": _reshape,
}
"""By the type of op."""
