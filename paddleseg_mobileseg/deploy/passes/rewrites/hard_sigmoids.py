"""Gates that are written as a chain of ops, as the one op that Paddle-Lite has for them.

PaddleSeg's TopFormer gates with relu6(x + 3) / 6, three ops of which two are only there to scale.
"""

import math
from typing import Optional

from ...ir.edit import Edit, new_op
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of


def join_hard_sigmoids(model: ExportedModel) -> int:
    """Write scale, relu6, scale as `hard_sigmoid`, where nothing else reads what lies between."""
    edit = Edit(model)
    changed = 0
    for position, last in enumerate(edit.ops):
        clip = _before(edit, last, "relu6")
        first = clip and _before(edit, clip, "scale")
        if last.type != "scale" or first is None or clip is None:
            continue
        (slope, shift), (factor, offset) = _affine(first), _affine(last)
        limit = get_attr(clip, "threshold", 6.0)
        # hard_sigmoid ends at 0 and 1.
        if slope <= 0 or offset != 0 or not math.isclose(limit * factor, 1, rel_tol=1e-6):
            continue
        edit.ops[position] = new_op(
            "hard_sigmoid",
            {"X": inputs_of(first, "X")},
            {"Out": outputs_of(last, "Out")},
            slope=slope / limit,
            offset=shift / limit,
        )
        edit.index()
        changed += 1
    edit.close()
    return changed


def _before(edit: Edit, op: OpDesc, kind: str) -> Optional[OpDesc]:
    """The op of that kind that makes the input of `op` and of nothing else."""
    names = inputs_of(op)
    producer = edit.producers.get(names[0]) if len(names) == 1 else None
    return producer if producer is not None and producer.type == kind and edit.only_reader(names[0]) else None


def _affine(op: OpDesc) -> tuple:
    """Factor and addend of a `scale`."""
    factor, addend = get_attr(op, "scale", 1.0), get_attr(op, "bias", 0.0)
    return factor, addend if get_attr(op, "bias_after_scale", True) else addend * factor
