"""A program in double precision: what its numbers would be without the roundings of float32."""

import numpy as np

from .exported import ExportedModel
from .program import TENSOR, AttrType, VarType, get_attr, set_attr, tensor_of

_DTYPE_ATTRIBUTES = ("dtype", "in_dtype", "out_dtype")


def in_double(model: ExportedModel) -> ExportedModel:
    """A copy of a program that computes in float64 wherever it computed in float32, and takes float64."""
    model = model.copy()
    for block in model.program.blocks:
        for variable in block.vars:
            tensor = tensor_of(variable)
            if variable.type.type == TENSOR and tensor.data_type == VarType.FP32:
                tensor.data_type = VarType.FP64
        for op in block.ops:
            for name in _DTYPE_ATTRIBUTES:
                if get_attr(op, name) == VarType.FP32:
                    set_attr(op, name, int(VarType.FP64), AttrType.INT)
            if op.type == "shuffle_channel":
                # Its kernel in Paddle 2.6 copies four bytes of each number; that of the newer op copies all.
                op.type = "channel_shuffle"
                set_attr(op, "groups", get_attr(op, "group"), AttrType.INT)
                set_attr(op, "data_format", "NCHW", AttrType.STRING)
    for name, array in model.params.items():
        if array.dtype == np.float32:
            model.params[name] = array.astype(np.float64)
    return model
