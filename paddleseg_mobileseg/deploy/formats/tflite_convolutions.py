"""Convolutions and linear layers with what LiteRT computes in one op with them: norms, biases, activations."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of
from .tflite_layouts import IMAGE, PLAIN, Tensors

ACTIVATIONS = {"relu": "RELU", "relu6": "RELU6"}
"""Those that an op can have within it."""


@dataclass
class Affine:
    """What stands behind an op, taken into it: y = factor * x + shift by channel, and an activation.

    Attributes:
        result: the variable that the joint op gives.
        joined: ops that are no longer to be translated.
    """

    factor: np.ndarray
    shift: np.ndarray
    result: str
    activation: str
    joined: List[OpDesc]


def absorb(tensors: Tensors, result: str, channels: int, shift: Optional[np.ndarray] = None) -> Affine:
    """Follow the only readers of `result`, of so many channels, as long as they can be joined to the op before.

    Args:
        shift: that the op has already.
    """
    found = Affine(np.ones(channels), np.zeros(channels) if shift is None else shift, result, "NONE", [])
    while True:
        reader = tensors.edit.only_reader(found.result)
        step = None if reader is None else _channel_affine(tensors, reader, found.result, channels)
        if step is None:
            break
        factor, added = step
        found.factor, found.shift = found.factor * factor, found.shift * factor + added
        found.result = outputs_of(reader, "Y" if reader.type == "batch_norm" else "Out")[0]
        found.joined.append(reader)
    join_activation(tensors, found)
    return found


def join_activation(tensors: Tensors, found: Affine) -> None:
    """Take the activation behind `found.result` into it, if there is one that can be."""
    reader = tensors.edit.only_reader(found.result)
    if reader is not None and reader.type in ACTIVATIONS and get_attr(reader, "threshold", 6.0) == 6.0:
        found.activation, found.result = ACTIVATIONS[reader.type], outputs_of(reader, "Out")[0]
        found.joined.append(reader)


def batch_norm_affine(tensors: Tensors, op: OpDesc) -> Tuple[np.ndarray, np.ndarray]:
    """Factor and shift of a batch norm by channel, in double precision."""
    names = (inputs_of(op, slot)[0] for slot in ("Scale", "Bias", "Mean", "Variance"))
    scale, bias, mean, variance = (tensors.edit.parameter(name).astype(np.float64) for name in names)
    factor = scale / np.sqrt(variance + get_attr(op, "epsilon", 1e-5))
    return factor, bias - mean * factor


def _channel_affine(
    tensors: Tensors, op: OpDesc, source: str, channels: int
) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    if op.type == "batch_norm" and inputs_of(op, "X") == [source]:
        return batch_norm_affine(tensors, op)
    if op.type not in ("elementwise_add", "elementwise_mul") or inputs_of(op, "X") != [source]:
        return None
    array = tensors.edit.parameter(inputs_of(op, "Y")[0])
    axis = get_attr(op, "axis", -1)
    rank = len(tensors.dims(source))
    by_channel = array is not None and (
        array.shape == (channels,) and axis % rank == 1 or array.shape == (1, channels, 1, 1) and rank == 4
    )
    if not by_channel:
        return None
    values = array.astype(np.float64).reshape(channels)
    return (np.ones(channels), values) if op.type == "elementwise_add" else (values, np.zeros(channels))


def convolution(tensors: Tensors, op: OpDesc) -> List[OpDesc]:
    """Translate a convolution; gives the ops that it took in."""
    graph, schema = tensors.graph, tensors.graph.schema
    source, weights = inputs_of(op, "Input")[0], tensors.edit.parameter(inputs_of(op, "Filter")[0])
    channels, in_channels = weights.shape[0], tensors.dims(source)[1]
    bias = [tensors.edit.parameter(name) for name in inputs_of(op, "Bias")]
    behind = absorb(tensors, outputs_of(op, "Output")[0], channels, bias[0].astype(np.float64) if bias else None)
    scaled = weights * behind.factor.reshape(-1, 1, 1, 1)
    depthwise = get_attr(op, "groups", 1) == in_channels > 1
    arranged = scaled.transpose(1, 2, 3, 0) if depthwise else scaled.transpose(0, 2, 3, 1)
    strides, dilations = get_attr(op, "strides"), get_attr(op, "dilations", [1, 1])
    image, padding = padded(tensors, op, source, weights.shape[2:], dilations, behind.result)
    settings = dict(
        padding=padding, strideH=strides[0], strideW=strides[1], dilationHFactor=dilations[0],
        dilationWFactor=dilations[1], fusedActivationFunction=getattr(schema.ActivationFunctionType, behind.activation),
    )  # fmt: skip
    if depthwise:
        settings["depthMultiplier"] = channels // in_channels
    (made,) = graph.op(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [
            image,
            graph.constant(arranged.astype(np.float32), f"{behind.result}.weights"),
            graph.constant(behind.shift.astype(np.float32), f"{behind.result}.bias"),
        ],
        [tensors.output(behind.result, IMAGE)],
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        **settings,
    )
    tensors.define(behind.result, IMAGE, made)
    return behind.joined


def padded(
    tensors: Tensors,
    op: OpDesc,
    source: str,
    size: Sequence[int],
    dilations: Sequence[int],
    result: str,
    value: float = 0.0,
) -> Tuple[int, int]:
    """The input of a convolution or pool with its margin, as far as LiteRT does not make it, and LiteRT's rule.

    Args:
        size: of the kernel.
        result: the variable that the op gives.
        value: of the margin.
    """
    graph, schema = tensors.graph, tensors.graph.schema
    image, algorithm = tensors.get(source, IMAGE), get_attr(op, "padding_algorithm", "EXPLICIT")
    if algorithm == "VALID":
        return image, schema.Padding.VALID
    reach = [dilation * (kernel - 1) for dilation, kernel in zip(dilations, size)]
    given, strides = get_attr(op, "paddings"), get_attr(op, "strides")
    before = [given[0], given[-2 if len(given) == 4 else -1]]
    centred = [2 * margin for margin in before] == reach and strides == [1, 1] and len(given) == 2
    if algorithm == "SAME" or centred and any(before):
        return image, schema.Padding.SAME
    # As many rows as the last position of the kernel reaches, and no more.
    spans = zip(tensors.dims(source)[2:], tensors.dims(result)[2:], strides, reach, before)
    after = [max(0, (out - 1) * stride + span + 1 - has - first) for has, out, stride, span, first in spans]
    if any(before) or any(after):
        margins = np.asarray([[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]], np.int32)
        shape = [have + int(sum(margin)) for have, margin in zip(graph.shape(image), margins)]
        given = [image, graph.constant(margins, "margins")]
        if value:
            given.append(graph.constant(np.float32(value), "margin"))
        kind, options = ("PADV2", "PadV2Options") if value else ("PAD", "PadOptions")
        (image,) = graph.op(kind, given, [(shape, "float32", f"{source}.padded")], options)
    return image, schema.Padding.VALID


def linear(tensors: Tensors, op: OpDesc) -> List[OpDesc]:
    """Translate the product of a matrix and a parameter; gives the ops that it took in."""
    graph, schema = tensors.graph, tensors.graph.schema
    weights = tensors.edit.parameter(inputs_of(op, "Y")[0])
    weights = weights if get_attr(op, "trans_y", False) else weights.T
    behind = absorb(tensors, outputs_of(op, "Out")[0], len(weights))
    (made,) = graph.op(
        "FULLY_CONNECTED",
        [
            tensors.get(inputs_of(op, "X")[0], PLAIN),
            graph.constant((weights * behind.factor[:, np.newaxis]).astype(np.float32), f"{behind.result}.weights"),
            graph.constant(behind.shift.astype(np.float32), f"{behind.result}.bias"),
        ],
        [tensors.output(behind.result, PLAIN)],
        "FullyConnectedOptions",
        fusedActivationFunction=getattr(schema.ActivationFunctionType, behind.activation),
    )
    tensors.define(behind.result, PLAIN, made)
    return behind.joined
