"""Attributes that opt insists on and that Paddle has left out of programs since 2.4.

Paddle-Lite, lite/operators/activation_ops.cc: `AttachImpl` asks for "threshold" of relu6 and "beta" of swish without
looking whether they are there; Paddle 2.4 took them out of the ops' definitions.
"""

from ..ir.exported import ExportedModel
from ..ir.program import AttrType, has_attr, set_attr

# With the value that they always have.
_DROPPED_ATTRIBUTES = {
    "relu6": ("threshold", 6.0),
    "swish": ("beta", 1.0),
}


def restore_dropped_attributes(model: ExportedModel) -> int:
    """opt aborts with `No attributes called threshold found for relu6`: write the attribute that Paddle leaves out."""
    changed = 0
    for block in model.program.blocks:
        for op in block.ops:
            name, value = _DROPPED_ATTRIBUTES.get(op.type, (None, None))
            if name and not has_attr(op, name):
                set_attr(op, name, value, AttrType.FLOAT)
                changed += 1
    return changed
