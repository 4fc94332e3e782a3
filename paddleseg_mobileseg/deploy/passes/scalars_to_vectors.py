"""Constants of shape [], which Paddle-Lite cannot run, as constants of shape [1].

Paddle-Lite, lite/operators/fill_constant_op.cc and assign_value_op.cc: an empty shape counts as no shape. Paddle has
0-D tensors since 2.5.
"""

from typing import Dict

from ..ir.exported import ExportedModel
from ..ir.program import OpDesc, VarDesc, dims_of, get_attr, inputs_of, outputs_of, set_attr, set_tensor

_COMPARISONS = ("equal", "not_equal", "less_than", "less_equal", "greater_than", "greater_equal")


def scalars_to_vectors(model: ExportedModel) -> int:
    """The runtime aborts on a constant of shape []: give it shape [1] where broadcasting makes them equal."""
    variables = model.variables()
    changed = 0
    for op in model.block.ops:
        if op.type not in ("fill_constant", "assign_value") or get_attr(op, "shape") != []:
            continue
        name = outputs_of(op)[0]
        readers = [reader for reader in model.block.ops if name in inputs_of(reader)]
        if not all(_broadcasts(reader, name, variables) for reader in readers):
            continue
        for attr in op.attrs:
            if attr.name == "shape":
                set_attr(op, "shape", [1], attr.type)
                break
        set_tensor(variables[name], [1])
        changed += 1
    return changed


def _broadcasts(op: OpDesc, scalar: str, variables: Dict[str, VarDesc]) -> bool:
    """Whether `op` combines `scalar` with a tensor of at least one axis, so that [] and [1] give the same."""
    if not (op.type.startswith("elementwise_") or op.type in _COMPARISONS):
        return False
    return any(name != scalar and dims_of(variables[name]) for name in inputs_of(op))
