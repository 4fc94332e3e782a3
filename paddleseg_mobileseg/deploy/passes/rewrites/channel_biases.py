"""Biases of convolutions as one number a channel, the only form that opt takes into the convolution.

Paddle's export adds them as [1, C, 1, 1]. lite/core/optimizer/mir/fusion/conv_elementwise_fuse_pass.cc (release/v2.13)
passes over that, so that addition, batch norm and activation behind the convolution stay ops of their own; and
lite/core/optimizer/mir/fp16_attribute_pass.cc leaves such a bias in float32 where kernels read half precision.
"""

from ...ir.edit import Edit
from ...ir.exported import ExportedModel
from ...ir.program import AttrType, inputs_of, set_attr
from .convolutions import CONVOLUTIONS


def flatten_channel_biases(model: ExportedModel) -> int:
    """Give the biases behind convolutions the shape [C]."""
    edit = Edit(model)
    changed = 0
    for op in edit.ops:
        if op.type != "elementwise_add":
            continue
        sums, bias = inputs_of(op, "X")[0], inputs_of(op, "Y")[0]
        array, convolution = edit.parameter(bias), edit.producers.get(sums)
        if array is None or convolution is None or convolution.type not in CONVOLUTIONS:
            continue
        channels = edit.dims(sums)[1]
        if list(array.shape) != [1, channels, 1, 1]:
            continue
        for slot in op.inputs:
            if slot.parameter == "Y":
                slot.arguments[:] = [edit.new_parameter(bias, array.reshape(channels))]
        set_attr(op, "axis", 1, AttrType.INT)
        changed += 1
    edit.close()
    return changed
