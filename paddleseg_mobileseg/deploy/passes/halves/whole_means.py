"""Averages over whole maps as `reduce_mean`, which opt leaves in float32.

The pool for half precision adds a map up in eight accumulators of 11 bits (`pooling_global_avg_fp16` in
lite/backends/arm/math/fp16/pooling_fp16.cc, release/v2.13), and what gates are made of suffers most.
"""

from typing import List

from ...ir.edit import Edit, new_op
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of


def means_of_whole_maps(model: ExportedModel) -> int:
    """Put `reduce_mean` in the place of pools that give one mean of each map."""
    edit = Edit(model)
    ops: List[OpDesc] = []
    changed = 0
    for op in edit.ops:
        whole = op.type == "pool2d" and _is_whole_mean(edit, op)
        if whole:
            inputs, outputs = {"X": inputs_of(op, "X")}, {"Out": outputs_of(op, "Out")}
            op = new_op("reduce_mean", inputs, outputs, dim=[2, 3], keep_dim=True, reduce_all=False)
        ops.append(op)
        changed += whole
    edit.ops = ops
    edit.close()
    return changed


def _is_whole_mean(edit: Edit, op: OpDesc) -> bool:
    source, result = (edit.dims(names[0]) for names in (inputs_of(op, "X"), outputs_of(op, "Out")))
    if get_attr(op, "pooling_type") != "avg" or get_attr(op, "data_format", "NCHW") not in ("NCHW", "AnyLayout"):
        return False
    # A map of one position is its own mean, which costs nothing.
    if result[2:] != [1, 1] or source[2:] == [1, 1]:
        return False
    covers = list(get_attr(op, "ksize", [])) == source[2:] and not any(get_attr(op, "paddings", []))
    return bool(get_attr(op, "global_pooling") or get_attr(op, "adaptive") or covers)
