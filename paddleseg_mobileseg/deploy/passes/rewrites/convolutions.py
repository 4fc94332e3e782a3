"""Which convolutions rewrites act on."""

from ...ir.edit import Edit
from ...ir.program import OpDesc, get_attr, inputs_of

CONVOLUTIONS = ("conv2d", "depthwise_conv2d")


def is_pointwise(edit: Edit, op: OpDesc) -> bool:
    """Whether an op is a 1x1 convolution over all channels, without a bias of its own."""
    if op.type != "conv2d" or inputs_of(op, "Bias") or get_attr(op, "groups", 1) != 1:
        return False
    kernel = edit.parameter(inputs_of(op, "Filter")[0])
    plain = get_attr(op, "strides") == [1, 1] and not any(get_attr(op, "paddings", []))
    return kernel is not None and kernel.shape[2:] == (1, 1) and plain
