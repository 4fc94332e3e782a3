"""Adaptive averages over even blocks as pools of a given size.

The kernel for those whose blocks are a multiple of four wide takes the last row of blocks of an odd height together
with the row below them (`pooling_avg_fp16_adaptive_exclusive_p0` in lite/backends/arm/math/fp16/pooling_fp16.cc,
release/v2.13); that for pools of a given size adds up what it should.
"""

from ...ir.edit import Edit
from ...ir.exported import ExportedModel
from ...ir.program import AttrType, get_attr, outputs_of, set_attr
from ..rewrites.even_pools import block_of


def pools_of_given_size(model: ExportedModel) -> int:
    """Give the adaptive average pools that cut maps into equal blocks the size of these."""
    edit = Edit(model)
    changed = 0
    for op in edit.ops:
        block = block_of(edit, op) if op.type == "pool2d" and get_attr(op, "adaptive") else None
        if block is None or edit.dims(outputs_of(op, "Out")[0])[2:] == [1, 1]:
            continue
        for name, value in (("ksize", block), ("strides", block), ("paddings", (0, 0))):
            set_attr(op, name, list(value), AttrType.INTS)
        for name, value in (("adaptive", False), ("global_pooling", False), ("exclusive", True), ("ceil_mode", False)):
            set_attr(op, name, value, AttrType.BOOLEAN)
        set_attr(op, "padding_algorithm", "EXPLICIT", AttrType.STRING)
        changed += 1
    edit.close()
    return changed
