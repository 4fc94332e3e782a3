"""Paddle's ops of quantisation as marks that paddle2onnx lets through, and what they stand for.

paddle2onnx (1.2 and 1.3) has no translation of the `fake_` ops. It has one of `quantize_linear`, but takes these out
again and puts its own where it thinks that ONNX Runtime wants them: around no linear layer, all zero points 0, so that
no activation is folded into a convolution. What it does with `round`, which no network has, is plain: one op.
"""

from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ..ir.edit import Edit, new_op, set_input
from ..ir.exported import ExportedModel
from ..ir.integers import LARGEST, LARGEST_UNSIGNED, UNSIGNED_BITS
from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of
from .fold_constants import keep_what_is_needed

_OF_WEIGHTS = "fake_channel_wise_quantize_dequantize_abs_max"
_OF_ACTIVATIONS = "fake_quantize_dequantize_moving_average_abs_max"
_MARK = "round"

_ENDS = {"relu": np.inf, "relu6": 6.0}
"""Activations that cut below zero, and where they cut above."""


class Integers(NamedTuple):
    """How a variable is rounded.

    Attributes:
        steps: what an integer is worth, float32: [C] of weights, [1] of an activation.
        axis: of the channels; None of an activation.
        unsigned: whether no value is below zero, and the integers are 0 to 255; else they are -127 to 127.
    """

    steps: np.ndarray
    axis: Optional[int]
    unsigned: bool


def spell_out_integers(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, Integers]]:
    """A copy of a quantised program with marks for the ops of quantisation.

    Returns:
        The program, and by the name of what a mark writes, how that is rounded. A ReLU that such a rounding cuts off as
        well is left out.
    """
    model = model.copy()
    edit = Edit(model)
    found: Dict[str, Integers] = {}
    ops: List[OpDesc] = []
    for op in edit.ops:
        if op.type not in (_OF_WEIGHTS, _OF_ACTIVATIONS):
            ops.append(op)
            continue
        source, result = inputs_of(op, "X")[0], outputs_of(op, "Out")[0]
        found[result] = _integers(edit, op)
        mark = new_op(_MARK, {"X": [source]}, {"Out": [result]})
        activation = edit.producers.get(source)
        if found[result].unsigned and activation is not None and edit.only_reader(source) is not None:
            largest = float(found[result].steps[0]) * LARGEST_UNSIGNED
            if largest <= _ENDS.get(activation.type, 0.0) * (1 + 1e-6):
                set_input(mark, source, inputs_of(activation, "X")[0])
        ops.append(mark)
    edit.ops = ops
    edit.close()
    keep_what_is_needed(model, {})
    return model, found


def _integers(edit: Edit, op: OpDesc) -> Integers:
    if op.type == _OF_WEIGHTS:
        thresholds = edit.model.params[outputs_of(op, "OutScale")[0]]
        return Integers(thresholds / np.float32(LARGEST), get_attr(op, "quant_axis"), False)
    threshold = edit.model.params[inputs_of(op, "InScale")[0]]
    unsigned = get_attr(op, "bit_length") == UNSIGNED_BITS
    return Integers(threshold / np.float32(LARGEST_UNSIGNED if unsigned else LARGEST), None, unsigned)
