"""Which ops of a program compute in int8, and the ops that make it so."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Set

import numpy as np

from ..ir.edit import Edit, new_op, set_input
from ..ir.exported import ExportedModel
from ..ir.integers import LARGEST, UNSIGNED_BITS
from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of

_AWAY_FROM_ZERO = 1
"""How Paddle's ops round halves, as opt rounds weights (`std::round`) and ARM activations (`fcvtas`)."""


class Result(NamedTuple):
    """Where the result of a layer is rounded too.

    Attributes:
        name: the variable, behind the layer's bias and its ReLU.
        largest: what no value exceeds; infinite where nothing cuts it off.
        unsigned: whether none is below zero.
    """

    name: str
    largest: float
    unsigned: bool


class Layer(NamedTuple):
    """A convolution or a linear layer.

    Attributes:
        name: the variable that it writes.
        kind: its op's type.
        source: the variable that it reads.
        weights: the parameter.
        axis: of the output channels in `weights`.
        result: None where it stays in float32.
    """

    name: str
    kind: str
    source: str
    weights: str
    axis: int
    result: Optional[Result] = None

    @property
    def rounded(self) -> List[str]:
        """The variables that need a threshold."""
        return [self.source] if self.result is None else [self.source, self.result.name]


_SLOTS = {
    "conv2d": ("Input", "Filter", "Output", 0),
    "mul": ("X", "Y", "Out", 1),
    "depthwise_conv2d": ("Input", "Filter", "Output", 0),
}
"""Of each kind the slots of source, weights and result, and the axis of the output channels."""

_PADDLE_LITE = ("conv2d", "mul")
"""What it computes in int8.

Depthwise convolutions stay in float32: Paddle-Lite's int8 kernels for them take as many instructions as those of
float32, and an int8 result more than one of float32 (3.5 and 1.8 for each number of a 1x1 convolution). With them,
three networks took 3 to 6 % more than without.
"""


_ONNX_RUNTIME = ("conv2d", "depthwise_conv2d")
"""What it computes in int8.

A linear layer with a bias becomes a `Gemm` before its optimiser looks for integers, and that one stays in float32.
"""

_BOUNDS = {"relu": np.inf, "relu6": 6.0}


def layers_of(edit: Edit, results: bool = False) -> List[Layer]:
    """All layers of a program that can compute in int8, in their order.

    Args:
        results: for ONNX Runtime, whose int8 convolutions write int8: with where to round their results, and with the
            depthwise ones, for which it takes more instructions in float32 than for all others in int8. Linear layers
            stay in float32, and so do the last ones, whose results no other one reads: less than a step may decide on
            a class.
    """
    ops = [op for op in edit.ops if op.type in (_ONNX_RUNTIME if results else _PADDLE_LITE)]
    layers = [layer for layer in map(lambda op: _layer(edit, op), ops) if layer is not None]
    if not results:
        return layers
    inner = _read_by_layers(edit, {layer.name for layer in layers})
    return [layer._replace(result=_result(edit, layer)) for layer in layers if layer.name in inner]


def _layer(edit: Edit, op: OpDesc) -> Optional[Layer]:
    source_slot, weights_slot, result_slot, axis = _SLOTS[op.type]
    source, weights = inputs_of(op, source_slot)[0], inputs_of(op, weights_slot)[0]
    array = edit.parameter(weights)
    if array is None or array.dtype != np.float32 or edit.parameter(source) is not None:
        return None
    # A product with the rows of several axes taken together is no linear layer.
    if op.type == "mul" and (array.ndim != 2 or get_attr(op, "y_num_col_dims", 1) != 1):
        return None
    return Layer(outputs_of(op, result_slot)[0], op.type, source, weights, axis)


def _read_by_layers(edit: Edit, names: Set[str]) -> Set[str]:
    """The variables that layers read, directly or through others."""
    found: Set[str] = set()
    for op in reversed(edit.ops):
        if any(name in names or name in found for name in outputs_of(op)):
            found.update(inputs_of(op))
    return found


def _result(edit: Edit, layer: Layer) -> Result:
    name = layer.name
    reader = edit.only_reader(name)
    if reader is not None and reader.type == "elementwise_add":
        others = [edit.parameter(each) for each in inputs_of(reader) if each != name]
        if len(others) == 1 and others[0] is not None and others[0].size == edit.dims(name)[1]:
            name = outputs_of(reader, "Out")[0]
            reader = edit.only_reader(name)
    if reader is not None and reader.type in _BOUNDS:
        return Result(outputs_of(reader, "Out")[0], _BOUNDS[reader.type], True)
    return Result(name, np.inf, False)


def weight_thresholds(weights: np.ndarray, axis: int) -> np.ndarray:
    """The largest absolute weight of each output channel, float32; 127 steps reach it.

    Args:
        weights: float32.
        axis: of the output channels.
    """
    others = tuple(each for each in range(weights.ndim) if each != axis)
    return np.abs(weights).max(axis=others)


def rounded_weights(weights: np.ndarray, axis: int) -> np.ndarray:
    """What int8 makes of weights: whole multiples of 1/127 of their channel's threshold, float32."""
    shape = [-1 if each == axis else 1 for each in range(weights.ndim)]
    steps = (weight_thresholds(weights, axis) / np.float32(LARGEST)).reshape(shape).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        units = weights.astype(np.float64) / steps
    # A channel of zeros has no step.
    units = np.where(np.isfinite(units), units, 0.0)
    return (np.copysign(np.floor(np.abs(units) + 0.5), units) * steps).astype(np.float32)


def quantised_program(model: ExportedModel, layers: List[Layer], thresholds: Mapping[str, float]) -> ExportedModel:
    """A copy of a program in which `layers` read int8, and write it where they have a `result`.

    Args:
        model: legalized and rewritten, in float32.
        layers: of `layers_of`, all of them or some.
        thresholds: by the name of a layer's source and of its result, the absolute value that 127 steps reach, or 255
            of an unsigned result; above 0.
    """
    model = model.copy()
    edit = Edit(model)
    wanted = {layer.name: layer for layer in layers}
    results = {layer.result.name: layer.result for layer in layers if layer.result is not None}
    rounded: Dict[str, str] = {}
    ops: List[OpDesc] = []
    for op in edit.ops:
        for name in inputs_of(op):
            if name in results:
                set_input(op, name, rounded[name])
        layer = next((wanted[name] for name in outputs_of(op) if name in wanted), None)
        if layer is not None:
            if layer.source not in rounded:
                ops.append(_activation_op(edit, layer.source, thresholds[layer.source]))
                rounded[layer.source] = outputs_of(ops[-1], "Out")[0]
            if layer.weights not in rounded:
                ops.append(_weights_op(edit, layer))
                rounded[layer.weights] = outputs_of(ops[-1], "Out")[0]
            for name in (layer.source, layer.weights):
                set_input(op, name, rounded[name])
        ops.append(op)
        for name in outputs_of(op):
            if name in results:
                result = results[name]
                ops.append(_activation_op(edit, name, min(thresholds[name], result.largest), result.unsigned))
                rounded[name] = outputs_of(ops[-1], "Out")[0]
    edit.ops = ops
    edit.close()
    return model


def _activation_op(edit: Edit, source: str, threshold: float, unsigned: bool = False) -> OpDesc:
    array = np.array([threshold], np.float32)
    # opt reads the scale that the op gives, Paddle the one that it takes.
    given, taken = (edit.new_parameter(f"{source}.threshold", array) for _ in range(2))
    return new_op(
        "fake_quantize_dequantize_moving_average_abs_max",
        {"X": [source], "InScale": [taken]},
        {"Out": [edit.new_variable(source, edit.dims(source))], "OutScale": [given]},
        bit_length=UNSIGNED_BITS if unsigned else 8,
        is_test=True,
        round_type=_AWAY_FROM_ZERO,
    )


def _weights_op(edit: Edit, layer: Layer) -> OpDesc:
    weights = edit.parameter(layer.weights)
    given = edit.new_parameter(f"{layer.weights}.threshold", weight_thresholds(weights, layer.axis))
    return new_op(
        "fake_channel_wise_quantize_dequantize_abs_max",
        {"X": [layer.weights]},
        {"Out": [edit.new_variable(layer.source, weights.shape)], "OutScale": [given]},
        bit_length=8,
        quant_axis=layer.axis,
        round_type=_AWAY_FROM_ZERO,
    )
