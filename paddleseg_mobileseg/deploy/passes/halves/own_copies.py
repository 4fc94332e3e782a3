"""Copies of what a `concat` reads beside others, where it may come in float32.

Ops without a kernel for half precision give float32, and `concat`, which takes anything, turns the inputs that differ
from the first one into halves where they lie (lite/kernels/arm/concat_compute.cc, release/v2.13); whoever reads them
after it takes halves for float32.
"""

from typing import List

from ...ir.edit import Edit, new_op, set_input
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, inputs_of

IN_FLOAT32 = frozenset(("split", "slice", "shuffle_channel", "relu6", "clip", "reduce_mean"))
"""Ops that opt leaves in float32."""


def copy_what_others_read(model: ExportedModel) -> int:
    """Let each `concat` have copies of its own of what it shares with other ops."""
    edit = Edit(model)
    ops: List[OpDesc] = []
    changed = 0
    for op in edit.ops:
        if op.type == "concat":
            for name in dict.fromkeys(inputs_of(op, "X")):
                copy = _copied(edit, name, ops)
                set_input(op, name, copy)
                changed += copy != name
        ops.append(op)
    edit.ops = ops
    edit.close()
    return changed


def _copied(edit: Edit, name: str, ops: List[OpDesc]) -> str:
    """The variable that `concat` is to read in the place of another one; the copy is added to `ops`."""
    producer = edit.producers.get(name)
    if producer is None or producer.type not in IN_FLOAT32 or edit.only_reader(name) is not None:
        return name
    copy = edit.new_variable(name, edit.dims(name))
    ops.append(new_op("assign", {"X": [name]}, {"Out": [copy]}))
    return copy
