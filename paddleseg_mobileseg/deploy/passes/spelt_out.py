"""What Paddle-Lite has one op for and other formats have not, spelt out: the last passes before a translation.

paddle2onnx (1.2 and 1.3) has no translation of `shuffle_channel`, and writes a split into a number of equal parts
without their sizes: pnnx (20261020) then writes a layer without any, with which ncnn dies.
"""

from typing import Dict, List, Tuple

from ..ir.edit import Edit, new_op
from ..ir.exported import ExportedModel
from ..ir.program import AttrType, OpDesc, get_attr, inputs_of, outputs_of, set_attr
from .in_turn import Passes, apply_in_turn


def spell_out_shuffles(model: ExportedModel) -> int:
    """Write `shuffle_channel` as [N, g x c, h, w] -> [N, g, c, h, w] -> [N, c, g, h, w] -> [N, c x g, h, w]."""
    edit = Edit(model)
    spelt: List[OpDesc] = []
    for op in edit.ops:
        if op.type != "shuffle_channel":
            spelt.append(op)
            continue
        source, result, groups = inputs_of(op, "X")[0], outputs_of(op, "Out")[0], get_attr(op, "group")
        batch, channels, *size = edit.dims(source)
        split = [batch, groups, channels // groups, *size]
        turned = [batch, channels // groups, groups, *size]
        parts, swapped = edit.new_variable(source, split), edit.new_variable(source, turned)
        spelt += [
            new_op("reshape2", {"X": [source]}, {"Out": [parts]}, shape=split),
            new_op("transpose2", {"X": [parts]}, {"Out": [swapped]}, axis=[0, 2, 1, 3, 4]),
            new_op("reshape2", {"X": [swapped]}, {"Out": [result]}, shape=[batch, channels, *size]),
        ]
    changed = (len(spelt) - len(edit.ops)) // 2
    edit.ops = spelt
    edit.close()
    return changed


def spell_out_splits(model: ExportedModel) -> int:
    """Give each split into a number of parts their sizes."""
    edit, changed = Edit(model), 0
    for op in edit.ops:
        if op.type == "split" and get_attr(op, "num", 0):
            axis = get_attr(op, "axis", 0) % len(edit.dims(inputs_of(op, "X")[0]))
            set_attr(op, "sections", [edit.dims(name)[axis] for name in outputs_of(op, "Out")], AttrType.INTS)
            set_attr(op, "num", 0, AttrType.INT)
            changed += 1
    edit.close()
    return changed


_SPELT_OUT: Passes = [
    ("spelt out channel shuffles", spell_out_shuffles),
    ("gave splits the sizes of their parts", spell_out_splits),
]


def spell_out(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Leave no op in a lowered program that only Paddle-Lite has, as of `apply_in_turn`."""
    return apply_in_turn(model, _SPELT_OUT)
