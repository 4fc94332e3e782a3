"""What makes an exported program fit for Paddle-Lite 2.13: one pass a fault, each acting only where the fault is.

No pass changes a number: Paddle gives the same output for the mended program as for the original.
"""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..errors import InputError
from .exported import ExportedModel
from .folding import fold_constants
from .program import (
    DTYPES,
    AttrType,
    BlockDesc,
    OpDesc,
    VarDesc,
    VarType,
    dims_of,
    get_attr,
    has_attr,
    inputs_of,
    outputs_of,
    set_attr,
    set_tensor,
)

# Attributes that opt insists on and that Paddle leaves out of a program since 2.4, with the value they always have.
_DROPPED_ATTRIBUTES = {
    "relu6": ("threshold", 6.0),
    "swish": ("beta", 1.0),
}

# Outputs that only training reads, which Paddle leaves out of an exported program and opt insists on.
_DROPPED_OUTPUTS = {
    "flatten_contiguous_range": ["XShape"],
    "instance_norm": ["SavedMean", "SavedVariance"],
}


def restore_dropped_attributes(model: ExportedModel) -> int:
    """opt aborts with `No attributes called threshold found for relu6`: write the attribute that Paddle leaves out."""
    mended = 0
    for block in model.program.blocks:
        for op in block.ops:
            name, value = _DROPPED_ATTRIBUTES.get(op.type, (None, None))
            if name and not has_attr(op, name):
                set_attr(op, name, value, AttrType.FLOAT)
                mended += 1
    return mended


def restore_dropped_outputs(model: ExportedModel) -> int:
    """opt dies of SIGSEGV on a flatten, and aborts on an instance norm, without the outputs that Paddle leaves out."""
    mended = 0
    for block in model.program.blocks:
        for op in block.ops:
            missing = [slot for slot in _DROPPED_OUTPUTS.get(op.type, ()) if not outputs_of(op, slot)]
            for slot in missing:
                _add_output(block, op, slot)
            mended += bool(missing)
    return mended


def _add_output(block: BlockDesc, op: OpDesc, slot: str) -> None:
    variable = block.vars.add(name=f"{outputs_of(op)[0]}.{slot}")
    variable.type.type = VarType.LOD_TENSOR
    variable.type.lod_tensor.tensor.data_type = VarType.FP32
    for index in reversed(range(len(op.outputs))):
        if op.outputs[index].parameter == slot:
            del op.outputs[index]
    op.outputs.add(parameter=slot, arguments=[variable.name])


def scalars_to_vectors(model: ExportedModel) -> int:
    """The runtime aborts on a constant of shape []: give it shape [1] where broadcasting makes them equal."""
    variables = model.variables()
    mended = 0
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
        mended += 1
    return mended


_COMPARISONS = ("equal", "not_equal", "less_than", "less_equal", "greater_than", "greater_equal")


def _broadcasts(op: OpDesc, scalar: str, variables: Dict[str, VarDesc]) -> bool:
    """Whether `op` combines `scalar` with a tensor of at least one axis, so that [] and [1] give the same."""
    if not (op.type.startswith("elementwise_") or op.type in _COMPARISONS):
        return False
    return any(name != scalar and dims_of(variables[name]) for name in inputs_of(op))


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
    mended = 0
    for op in model.block.ops:
        covered = uneven_scaling(op, variables)
        if covered and all(size.is_integer() for size in covered):
            ops.append(_crop(model.block, op, variables[inputs_of(op, "X")[0]], [int(size) for size in covered]))
            mended += 1
        ops.append(op)
    model.set_ops(ops)
    return mended


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


PASSES: List[Tuple[str, Callable[[ExportedModel], int]]] = [
    ("restored attributes that Paddle leaves out", restore_dropped_attributes),
    ("folded ops that do not depend on the picture", fold_constants),
    ("restored outputs that Paddle leaves out", restore_dropped_outputs),
    ("gave scalar constants an axis", scalars_to_vectors),
    ("cropped what a resize by a factor leaves out", crop_uneven_scaling),
]


def fix_input_shape(model: ExportedModel, shape: Optional[Sequence[int]] = None) -> ExportedModel:
    """The same model with nothing unknown in its input shape.

    Args:
        model: as exported.
        shape: N, C, H, W; needed where the model was exported without `--input_shape`. An unknown N
            alone becomes 1.

    Raises:
        InputError: sizes stay unknown, or `shape` contradicts the model.
    """
    model = model.copy()
    variable = model.variables()[model.input_name]
    exported = dims_of(variable)
    dtype = DTYPES.get(variable.type.lod_tensor.tensor.data_type)
    if dtype != np.float32 or len(exported) != 4 or exported[1] not in (-1, 3):
        raise InputError(
            f"{model.folder} takes {dtype} of shape {exported}; a network for pictures takes float32 of [N, 3, H, W]"
        )
    wanted = list(exported) if shape is None else list(shape)
    if shape is None:
        wanted[:2] = [1 if exported[0] == -1 else exported[0], 3]
    if min(wanted) < 1 or len(wanted) != 4:
        if shape is not None:
            raise InputError(f"--input-shape takes four sizes N C H W of 1 or more, not {' '.join(map(str, shape))}")
        raise InputError(
            f"{model.folder} was exported without a fixed size (input {exported}): "
            "give --input-shape 1 3 H W, or export again with --input_shape 1 3 H W"
        )
    if any(have not in (-1, want) for have, want in zip([exported[0], 3, *exported[2:]], wanted)):
        raise InputError(
            f"--input-shape {wanted} contradicts {model.folder}, which was exported for {exported}: "
            "leave the flag away, or export again with the new --input_shape"
        )
    set_tensor(variable, wanted)
    return model


def mend(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply every pass to a copy of `model`, whose input shape must be fixed.

    Returns:
        The mended model, and for each pass that had something to do, how many ops it changed.

    Raises:
        InputError: the network does not take its input shape.
    """
    model = model.copy()
    done = {}
    for description, apply in PASSES:
        count = apply(model)
        if count:
            done[description] = count
    return model, done
