"""Scales behind convolutions, which opt takes into them even where an activation lies between.

lite/core/optimizer/mir/fusion/conv_scale_fuser.cc (v2.13-rc) multiplies the weights and the bias of a convolution by
what follows it, after other passes have joined its activation to it: relu(x) - 2 becomes relu(x - 2), without a word.
And the bias that it writes has lost the mark by which half precision finds its weights.
"""

from typing import Optional

from ..ir.edit import Edit
from ..ir.exported import ExportedModel
from ..ir.program import OpDesc, get_attr, inputs_of

_JOINED = ("batch_norm", "elementwise_add", "dropout", "relu", "relu6", "leaky_relu", "hard_swish")
"""What opt takes into the convolution before it, or takes out."""


def keep_scales_apart(model: ExportedModel) -> int:
    """Put a reshape to the same shape before such scales, which moves no number on any target."""
    edit = Edit(model)
    apart = 0
    for scale in [op for op in edit.ops if op.type == "scale" and not _changes_nothing(op)]:
        source = inputs_of(scale, "X")[0]
        if not _behind_convolution(edit, source):
            continue
        edit.read_through_reshape(scale, source)
        apart += 1
    edit.close()
    return apart


def _changes_nothing(op: OpDesc) -> bool:
    return get_attr(op, "scale", 1.0) == 1.0 and get_attr(op, "bias", 0.0) == 0.0


def _behind_convolution(edit: Edit, name: str) -> bool:
    """Whether opt will find a convolution right before a variable that one op reads."""
    op: Optional[OpDesc] = edit.producers.get(name)
    while op is not None and op.type in _JOINED and edit.only_reader(name) is not None:
        name = inputs_of(op, "X")[0]
        op = edit.producers.get(name)
    return op is not None and op.type in ("conv2d", "depthwise_conv2d") and edit.only_reader(name) is not None
