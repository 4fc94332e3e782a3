"""Resizes by a factor that leaves a rest, which Paddle and Paddle-Lite compute differently.

Paddle, paddle/phi/kernels/cpu/interpolate_kernel.cc: the step through the input is 1 / factor. Paddle-Lite,
lite/backends/arm/math/interpolate.cc and lite/kernels/x86/interpolate_compute.cc: it is input size / output size.
"""

from typing import Dict, List, Optional

from ..ir.exported import ExportedModel
from ..ir.program import (
    AttrType,
    BlockDesc,
    OpDesc,
    VarDesc,
    dims_of,
    get_attr,
    inputs_of,
    outputs_of,
    set_attr,
    set_tensor,
)


def uneven_scaling(op: OpDesc, variables: Dict[str, VarDesc]) -> Optional[List[float]]:
    """How much of its input a resize by a factor covers, [height, width], where that is not all of it.

    Paddle steps through the input by 1 / factor and leaves out what the last step does not reach;
    Paddle-Lite stretches the whole input over the output. Half of 13 rows are 6, of the first 12.
    """
    factors = get_attr(op, "scale")
    if op.type not in ("bilinear_interp_v2", "nearest_interp_v2") or not factors or get_attr(op, "align_corners"):
        return None
    if inputs_of(op) != inputs_of(op, "X"):
        return None
    source, result = (dims_of(variables[name]) for name in (inputs_of(op, "X")[0], outputs_of(op, "Out")[0]))
    covered = [size / factor for size, factor in zip(result[2:], (factors * 2)[:2])]
    return None if -1 in source[2:] or covered == source[2:] else covered


def crop_uneven_scaling(model: ExportedModel) -> int:
    """Paddle-Lite resizes by a factor to other numbers where the factor leaves a rest: cut the rest off before."""
    variables = model.variables()
    ops: List[OpDesc] = []
    changed = 0
    for op in model.block.ops:
        covered = uneven_scaling(op, variables)
        if covered and all(size.is_integer() for size in covered):
            ops.append(_crop(model.block, op, variables[inputs_of(op, "X")[0]], [int(size) for size in covered]))
            changed += 1
        ops.append(op)
    model.set_ops(ops)
    return changed


def _crop(block: BlockDesc, op: OpDesc, source: VarDesc, size: List[int]) -> OpDesc:
    """A slice of `source` to `size`, [height, width]; `op` reads its result from now on."""
    result = block.vars.add()
    result.CopyFrom(source)
    result.name = f"{source.name}.cropped_to_{size[0]}x{size[1]}_for_{outputs_of(op)[0]}"
    set_tensor(result, [*dims_of(source)[:2], *size])
    crop = OpDesc(type="slice")
    crop.inputs.add(parameter="Input", arguments=[source.name])
    crop.outputs.add(parameter="Out", arguments=[result.name])
    for name, numbers in (("axes", [2, 3]), ("starts", [0, 0]), ("ends", size), ("infer_flags", [1, 1])):
        set_attr(crop, name, numbers, AttrType.INTS)
    set_attr(crop, "decrease_axis", [], AttrType.INTS)
    for slot in op.inputs:
        if slot.parameter == "X":
            slot.arguments[:] = [result.name]
    return crop
