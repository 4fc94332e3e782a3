"""Constant folding: whatever depends only on parameters, constants and the fixed input shape is computed here and now.

Paddle-Lite has no kernel for some ops that a network only uses to prepare a constant, such as the
interpolation of a position embedding to the size of its feature (`linear_interp_v2`: lite/kernels/arm has a float32
one, lite/kernels/x86 none; PaddleSeg issue 3386). Paddle's own kernels evaluate them,
so that the legalized program gives bit-equal results.
"""

from collections import Counter
from typing import Dict, List, Optional, Set

import numpy as np

from ..ir.exported import ExportedModel
from ..ir.program import (
    TENSOR,
    AttrType,
    OpDesc,
    VarDesc,
    clear_input,
    dims_of,
    get_attr,
    has_attr,
    inputs_of,
    outputs_of,
    set_attr,
    set_tensor,
)
from ..ir.static_graph import evaluate, infer_shapes

# Attribute <- the input that may replace it as one tensor, or as a list of one-element tensors.
_TENSOR_ATTRIBUTES = {
    "reshape2": [("shape", "Shape", "ShapeTensor")],
    "expand_v2": [("shape", "Shape", "expand_shapes_tensor")],
    "tile": [("repeat_times", "RepeatTimes", "repeat_times_tensor")],
    "slice": [("starts", "StartsTensor", "StartsTensorList"), ("ends", "EndsTensor", "EndsTensorList")],
}
_PARAM_DTYPES = (np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64))


def fold_constants(model: ExportedModel) -> int:
    """Fold the main block of `model` in place; its input shape must be fixed.

    Returns:
        How many ops are gone.

    Raises:
        InputError: the network does not take its input shape.
    """
    before = len(model.block.ops)
    values = _known_values(model)
    keep_what_is_needed(model, values)
    return before - len(model.block.ops)


def _known_values(model: ExportedModel) -> Dict[str, np.ndarray]:
    """Walk the ops in order; give the arrays of all variables that do not depend on the image.

    On the way every variable's sizes are brought up to date, and inputs that turn out constant
    become attributes where the op has one for them.
    """
    variables = model.variables()
    written = Counter(name for block in model.program.blocks for op in block.ops for name in outputs_of(op))
    values = {name: array for name, array in model.params.items() if not written[name]}
    control_flow = False
    for op in model.block.ops:
        if op.type in ("feed", "fetch"):
            continue
        if has_attr(op, "sub_block"):
            # What a loop or a branch writes may have another size each time.
            control_flow = True
            continue
        _absorb_constants(op, values)
        for name, dims in infer_shapes(op, model, variables).items():
            set_tensor(variables[name], dims)
        if any(written[name] > 1 for name in outputs_of(op)):
            continue
        if op.type == "shape" and not control_flow:
            dims = dims_of(variables[inputs_of(op)[0]])
            if -1 not in dims:
                values[outputs_of(op)[0]] = np.array(dims, dtype=np.int32)
        # An op with a seed is random; anything else gives the same for the same inputs.
        elif not has_attr(op, "seed") and all(name in values for name in inputs_of(op)):
            values.update(evaluate(op, model, variables, values, _fetchable(op, variables)))
    return values


def _fetchable(op: OpDesc, variables: Dict[str, VarDesc]) -> List[str]:
    # XShape only serves the gradient of reshape2 and its like, and holds no data.
    hidden = set(outputs_of(op, "XShape"))
    return [
        name for name in outputs_of(op) if name not in hidden and variables[name].type.type == TENSOR
    ]


def _constant(op: OpDesc, values: Dict[str, np.ndarray], slots: List[str]) -> Optional[List[int]]:
    """The integers that the first used one of `slots` holds; None if none is used or not all are known."""
    for slot in slots:
        names = inputs_of(op, slot)
        if names:
            if not all(name in values for name in names):
                return None
            return [int(number) for name in names for number in values[name].reshape(-1)]
    return None


def _absorb_constants(op: OpDesc, values: Dict[str, np.ndarray]) -> None:
    """Turn constant inputs of `op` into the attributes that they stand for."""
    if op.type.endswith("_interp_v2"):
        _absorb_output_size(op, values)
    for attr, *slots in _TENSOR_ATTRIBUTES.get(op.type, []):
        numbers = _constant(op, values, slots)
        if numbers is None:
            continue
        set_attr(op, attr, numbers, AttrType.INTS)
        for slot in slots:
            clear_input(op, slot)
        if has_attr(op, "infer_flags"):
            # 1: this axis' start and end are known without running.
            set_attr(op, "infer_flags", [1] * len(numbers), AttrType.INTS)


def _absorb_output_size(op: OpDesc, values: Dict[str, np.ndarray]) -> None:
    slots = ["SizeTensor", "OutSize"]
    sizes = _constant(op, values, slots)
    # With a scale beside the size, the kernels take their step from the scale: not the same numbers.
    if sizes is None or inputs_of(op, "Scale") or get_attr(op, "scale"):
        return
    for attr, size in zip(("out_d", "out_h", "out_w")[-len(sizes) :], sizes):
        set_attr(op, attr, size, AttrType.INT)
    for slot in slots:
        clear_input(op, slot)


def keep_what_is_needed(model: ExportedModel, values: Dict[str, np.ndarray]) -> None:
    """Drop the ops that nothing needs any more; results in `values` that something needs become parameters."""
    variables = model.variables()
    needed: Set[str] = {name for block in model.program.blocks[1:] for op in block.ops for name in inputs_of(op)}
    kept: List[OpDesc] = []
    for op in reversed(model.block.ops):
        outputs = outputs_of(op)
        wanted = [name for name in outputs if name in needed]
        if outputs and not wanted and op.type != "fetch" and not has_attr(op, "sub_block"):
            continue
        # Ops without inputs, such as fill_constant, are small and every target has them: no reason to store them.
        if wanted and inputs_of(op) and all(_storable(values.get(name)) for name in wanted):
            for name in wanted:
                model.params[name] = values[name]
                variables[name].persistable = True
                set_tensor(variables[name], values[name].shape, values[name].dtype)
            continue
        kept.append(op)
        needed.update(inputs_of(op))
    used = needed | {name for op in kept for name in outputs_of(op)}
    model.set_ops(kept[::-1])
    for index in reversed(range(len(model.block.vars))):
        if model.block.vars[index].name not in used:
            model.params.pop(model.block.vars[index].name, None)
            del model.block.vars[index]


def _storable(array: Optional[np.ndarray]) -> bool:
    return array is not None and array.ndim > 0 and array.dtype in _PARAM_DTYPES
