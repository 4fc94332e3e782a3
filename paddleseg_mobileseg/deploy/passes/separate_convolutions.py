"""Pairs of convolutions that opt would join to one, and join wrongly.

lite/core/optimizer/mir/fusion/conv_conv_fuser.cc (v2.13-rc) looks for one pair of convolutions with nothing but a bias
between them that is worth joining, the second one 1x1, and then joins every such pair of the program. What it computes
is right for two 1x1 convolutions only: of a larger first kernel it takes the first position for all of them, groups of
the first one are passed over, and a second one with a padding or a stride ends opt. The network then gives other
numbers without a word.
"""

from typing import Optional

from ..ir.edit import Edit
from ..ir.exported import ExportedModel
from ..ir.program import OpDesc, get_attr, inputs_of, outputs_of

_VANISHING = ("batch_norm", "elementwise_add", "scale", "dropout")
"""What opt takes into the convolution before it, or takes out."""


def keep_convolutions_apart(model: ExportedModel) -> int:
    """Put a reshape to the same shape between such pairs, which moves no number on any target."""
    edit = Edit(model)
    apart = 0
    for first in list(edit.ops):
        second = _joined_with(edit, first) if first.type == "conv2d" else None
        if second is not None and not _joined_right(edit, first, second):
            edit.read_through_reshape(second, inputs_of(second, "Input")[0])
            apart += 1
    edit.close()
    return apart


def _joined_with(edit: Edit, first: OpDesc) -> Optional[OpDesc]:
    """The convolution that opt sees directly behind `first`."""
    op: Optional[OpDesc] = edit.only_reader(outputs_of(first, "Output")[0])
    while op is not None and op.type in _VANISHING:
        added = inputs_of(op, "Y")
        if added and edit.parameter(added[0]) is None:
            return None
        op = edit.only_reader(outputs_of(op, "Y" if op.type == "batch_norm" else "Out")[0])
    return op if op is not None and op.type == "conv2d" and get_attr(op, "groups", 1) == 1 else None


def _joined_right(edit: Edit, first: OpDesc, second: OpDesc) -> bool:
    """Whether opt computes the right weights for the two; the second one has one group."""
    kernels = [edit.parameter(inputs_of(op, "Filter")[0]) for op in (first, second)]
    small = all(kernel is not None and kernel.shape[2:] == (1, 1) for kernel in kernels)
    plain = get_attr(second, "strides") == [1, 1] and not any(get_attr(second, "paddings", []))
    return small and plain and get_attr(first, "groups", 1) == 1
