"""Outputs that only training reads, which Paddle leaves out of an exported program and opt insists on.

Paddle-Lite, lite/operators/flatten_op.cc: `FlattenContiguousRangeOp::AttachImpl` takes the first name of "XShape"
where there may be none; lite/operators/instance_norm_op.cc: "SavedMean" and "SavedVariance" must exist.
"""

from ..ir.exported import ExportedModel
from ..ir.program import TENSOR, BlockDesc, OpDesc, VarType, outputs_of, tensor_of

_DROPPED_OUTPUTS = {
    "flatten_contiguous_range": ["XShape"],
    "instance_norm": ["SavedMean", "SavedVariance"],
}


def restore_dropped_outputs(model: ExportedModel) -> int:
    """opt dies of SIGSEGV on a flatten, and aborts on an instance norm, without the outputs that Paddle leaves out."""
    changed = 0
    for block in model.program.blocks:
        for op in block.ops:
            missing = [slot for slot in _DROPPED_OUTPUTS.get(op.type, ()) if not outputs_of(op, slot)]
            for slot in missing:
                _add_output(block, op, slot)
            changed += bool(missing)
    return changed


def _add_output(block: BlockDesc, op: OpDesc, slot: str) -> None:
    variable = block.vars.add(name=f"{outputs_of(op)[0]}.{slot}")
    variable.type.type = TENSOR
    tensor_of(variable).data_type = VarType.FP32
    for index in reversed(range(len(op.outputs))):
        if op.outputs[index].parameter == slot:
            del op.outputs[index]
    op.outputs.add(parameter=slot, arguments=[variable.name])
