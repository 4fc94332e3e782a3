"""Batch norms behind convolutions, taken into their weights: what opt does when it converts, for other converters.

A quantised convolution needs it before its weights are rounded: what stands between it and the rounding of its result
would keep both apart.
"""

from typing import Dict, List, Tuple

from ..ir.edit import Edit, new_op, set_input
from ..ir.exported import ExportedModel
from ..ir.program import OpDesc, inputs_of, outputs_of
from .in_turn import Passes, apply_in_turn
from .rewrites.channel_affines import affine_of

_CONVOLUTIONS = ("conv2d", "depthwise_conv2d")


def _fold(model: ExportedModel) -> int:
    edit = Edit(model)
    kept: List[OpDesc] = []
    for op in edit.ops:
        convolution = edit.producers.get(inputs_of(op, "X")[0]) if op.type == "batch_norm" else None
        takes = convolution is not None and _can_take(edit, convolution, op)
        kept.append(_with_bias(edit, convolution, op) if takes else op)
    changed = sum(before is not after for before, after in zip(edit.ops, kept))
    edit.ops = kept
    edit.close()
    return changed


def _can_take(edit: Edit, convolution: OpDesc, norm: OpDesc) -> bool:
    if convolution.type not in _CONVOLUTIONS or inputs_of(convolution, "Bias"):
        return False
    alone = edit.only_reader(outputs_of(convolution, "Output")[0]) is not None
    constant = edit.parameter(inputs_of(convolution, "Filter")[0]) is not None
    return alone and constant and affine_of(edit, norm) is not None


def _with_bias(edit: Edit, convolution: OpDesc, norm: OpDesc) -> OpDesc:
    """Scale a convolution's weights as a batch norm does; gives the op that adds what is left of the norm."""
    affine, name = affine_of(edit, norm), inputs_of(convolution, "Filter")[0]
    # A parameter of its own: another convolution may share the weights.
    set_input(convolution, name, edit.new_parameter(name, edit.parameter(name) * affine.factor[:, None, None, None]))
    bias = edit.new_parameter(inputs_of(norm, "Bias")[0], affine.addend)
    source, result = outputs_of(convolution, "Output"), outputs_of(norm, "Y")
    return new_op("elementwise_add", {"X": source, "Y": [bias]}, {"Out": result}, axis=1)


_FOLDED: Passes = [("took batch norms into convolutions", _fold)]


def fold_norms(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Leave no batch norm behind a convolution in a lowered program, as of `apply_in_turn`."""
    return apply_in_turn(model, _FOLDED)
