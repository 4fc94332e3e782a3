"""Largest values of 2x2 blocks with one position of padding that changes nothing.

The kernel for pools of 2x2 without paddings reads the first half of the second row twice (`P2x2S2P0_MAX` in
lite/backends/arm/math/fp16/pooling_fp16.cc, release/v2.13); paddings that differ lead to the general one.
"""

from typing import List

from ...ir.edit import Edit, copied, new_op
from ...ir.exported import ExportedModel
from ...ir.program import AttrType, OpDesc, get_attr, inputs_of, outputs_of, set_attr


def pad_largest_of_four(model: ExportedModel) -> int:
    """Give max pools of 2x2 a padding at the side of an even length; of two odd ones the last column is cut off."""
    edit = Edit(model)
    ops: List[OpDesc] = []
    changed = 0
    for op in edit.ops:
        added = _padded(edit, op) if _is_largest_of_four(op) else [op]
        changed += added[-1] is not op
        ops += added
    edit.ops = ops
    edit.close()
    return changed


def _is_largest_of_four(op: OpDesc) -> bool:
    given = op.type == "pool2d" and get_attr(op, "pooling_type") == "max" and not get_attr(op, "adaptive")
    if not given or get_attr(op, "global_pooling") or any(get_attr(op, "paddings", [])):
        return False
    plain = not get_attr(op, "ceil_mode") and get_attr(op, "padding_algorithm", "EXPLICIT") != "SAME"
    return plain and get_attr(op, "ksize") == get_attr(op, "strides") == [2, 2]


def _padded(edit: Edit, op: OpDesc) -> List[OpDesc]:
    source = inputs_of(op, "X")[0]
    batch, channels, height, width = edit.dims(source)
    ops = []
    if height % 2 and width % 2:
        cut = edit.new_variable(outputs_of(op, "Out")[0], [batch, channels, height, width - 1])
        attributes = dict(axes=[3], starts=[0], ends=[width - 1], infer_flags=[1], decrease_axis=[])
        ops.append(new_op("slice", {"Input": [source]}, {"Out": [cut]}, **attributes))
        source, width = cut, width - 1
    padded = copied(op, {"X": [source]}, {})
    set_attr(padded, "paddings", [0, 1, 0, 0] if width % 2 else [0, 0, 0, 1], AttrType.INTS)
    set_attr(padded, "padding_algorithm", "EXPLICIT", AttrType.STRING)
    return [*ops, padded]
