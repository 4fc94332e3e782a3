"""Which ops of a program compute in int8, and the ops that make it so."""

from typing import Dict, List, Mapping, NamedTuple, Optional

import numpy as np

from ..ir.edit import Edit, new_op, set_input
from ..ir.exported import ExportedModel
from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of

LARGEST = 127
"""The largest of the integers; the least is -127, so that zero stays zero and every sign has as many."""

_AWAY_FROM_ZERO = 1
"""How Paddle's ops round halves, as opt rounds weights (`std::round`) and ARM activations (`fcvtas`)."""


class Layer(NamedTuple):
    """A convolution that is not depthwise, or a linear layer.

    Attributes:
        name: the variable that it writes.
        kind: its op's type.
        source: the variable that it reads.
        weights: the parameter.
        axis: of the output channels in `weights`.
    """

    name: str
    kind: str
    source: str
    weights: str
    axis: int


_SLOTS = {
    "conv2d": ("Input", "Filter", "Output", 0),
    "mul": ("X", "Y", "Out", 1),
}
"""Of each kind the slots of source, weights and result, and the axis of the output channels.

Depthwise convolutions stay in float32: Paddle-Lite's int8 kernels for them take as many instructions as those of
float32, and an int8 result more than one of float32 (3.5 and 1.8 for each number of a 1x1 convolution). With them,
three networks took 3 to 6 % more than without.
"""


def layers_of(edit: Edit) -> List[Layer]:
    """All layers of a program that can compute in int8, in their order."""
    return [layer for layer in map(lambda op: _layer(edit, op), edit.ops) if layer is not None]


def _layer(edit: Edit, op: OpDesc) -> Optional[Layer]:
    if op.type not in _SLOTS:
        return None
    source_slot, weights_slot, result_slot, axis = _SLOTS[op.type]
    source, weights = inputs_of(op, source_slot)[0], inputs_of(op, weights_slot)[0]
    array = edit.parameter(weights)
    if array is None or array.dtype != np.float32 or edit.parameter(source) is not None:
        return None
    # A product with the rows of several axes taken together is no linear layer.
    if op.type == "mul" and (array.ndim != 2 or get_attr(op, "y_num_col_dims", 1) != 1):
        return None
    return Layer(outputs_of(op, result_slot)[0], op.type, source, weights, axis)


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
    """A copy of a program in which `layers` read int8.

    Args:
        model: legalized and rewritten, in float32.
        layers: of `layers_of`, all of them or some.
        thresholds: by the name of a layer's source, the absolute value that 127 steps reach; above 0.
    """
    model = model.copy()
    edit = Edit(model)
    wanted = {layer.name: layer for layer in layers}
    rounded: Dict[str, str] = {}
    ops: List[OpDesc] = []
    for op in edit.ops:
        layer = next((wanted[name] for name in outputs_of(op) if name in wanted), None)
        if layer is not None:
            for name, quantise in ((layer.source, _activation_op), (layer.weights, _weights_op)):
                if name not in rounded:
                    ops.append(quantise(edit, layer, thresholds))
                    rounded[name] = outputs_of(ops[-1], "Out")[0]
                set_input(op, name, rounded[name])
        ops.append(op)
    edit.ops = ops
    edit.close()
    return model


def _activation_op(edit: Edit, layer: Layer, thresholds: Mapping[str, float]) -> OpDesc:
    threshold = np.array([thresholds[layer.source]], np.float32)
    # opt reads the scale that the op gives, Paddle the one that it takes.
    given, taken = (edit.new_parameter(f"{layer.source}.threshold", threshold) for _ in range(2))
    return new_op(
        "fake_quantize_dequantize_moving_average_abs_max",
        {"X": [layer.source], "InScale": [taken]},
        {"Out": [edit.new_variable(layer.source, edit.dims(layer.source))], "OutScale": [given]},
        bit_length=8,
        is_test=True,
        round_type=_AWAY_FROM_ZERO,
    )


def _weights_op(edit: Edit, layer: Layer, thresholds: Mapping[str, float]) -> OpDesc:
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
