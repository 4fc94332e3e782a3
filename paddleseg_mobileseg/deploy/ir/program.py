"""Paddle's program format (paddle/fluid/framework/framework.proto): the messages that describe ops and variables."""

from typing import Any, List, Optional, Sequence

import numpy as np
from paddle.base.proto import framework_pb2

ProgramDesc = framework_pb2.ProgramDesc
BlockDesc = framework_pb2.BlockDesc
OpDesc = framework_pb2.OpDesc
VarDesc = framework_pb2.VarDesc
VarType = framework_pb2.VarType
AttrType = framework_pb2.AttrType

# Paddle 3.1 renamed what a file has under the same numbers.
_RENAMED = hasattr(VarType, "DENSE_TENSOR")
TENSOR = VarType.DENSE_TENSOR if _RENAMED else VarType.LOD_TENSOR
TENSOR_ARRAY = VarType.DENSE_TENSOR_ARRAY if _RENAMED else VarType.LOD_TENSOR_ARRAY
_TENSOR_FIELD = "dense_tensor" if _RENAMED else "lod_tensor"

DTYPES = {
    VarType.BOOL: np.dtype(np.bool_),
    VarType.UINT8: np.dtype(np.uint8),
    VarType.INT8: np.dtype(np.int8),
    VarType.INT16: np.dtype(np.int16),
    VarType.INT32: np.dtype(np.int32),
    VarType.INT64: np.dtype(np.int64),
    VarType.FP16: np.dtype(np.float16),
    VarType.FP32: np.dtype(np.float32),
    VarType.FP64: np.dtype(np.float64),
}
VAR_TYPES = {dtype: var_type for var_type, dtype in DTYPES.items()}

_ATTR_FIELDS = {
    AttrType.INT: "i",
    AttrType.FLOAT: "f",
    AttrType.STRING: "s",
    AttrType.BOOLEAN: "b",
    AttrType.LONG: "l",
    AttrType.INTS: "ints",
    AttrType.FLOATS: "floats",
    AttrType.STRINGS: "strings",
    AttrType.BOOLEANS: "bools",
    AttrType.LONGS: "longs",
}


def inputs_of(op: OpDesc, slot: Optional[str] = None) -> List[str]:
    """Names of the variables that `op` reads, from all its slots or from one."""
    return [name for var in op.inputs if slot in (None, var.parameter) for name in var.arguments]


def outputs_of(op: OpDesc, slot: Optional[str] = None) -> List[str]:
    """Names of the variables that `op` writes, to all its slots or to one."""
    return [name for var in op.outputs if slot in (None, var.parameter) for name in var.arguments]


def clear_input(op: OpDesc, slot: str) -> None:
    """Leave `slot` without variables."""
    for var in op.inputs:
        if var.parameter == slot:
            del var.arguments[:]


def has_attr(op: OpDesc, name: str) -> bool:
    return any(attr.name == name for attr in op.attrs)


def get_attr(op: OpDesc, name: str, default: Any = None) -> Any:
    """Value of an attribute: a number, a text, or a list of them."""
    for attr in op.attrs:
        if attr.name == name and attr.type in _ATTR_FIELDS:
            value = getattr(attr, _ATTR_FIELDS[attr.type])
            return value if isinstance(value, (bool, int, float, str)) else list(value)
    return default


def set_attr(op: OpDesc, name: str, value: Any, attr_type: int) -> None:
    """Set an attribute, whatever it was before; `attr_type` is one of `AttrType`."""
    for index, attr in enumerate(op.attrs):
        if attr.name == name:
            del op.attrs[index]
            break
    attr = op.attrs.add(name=name, type=attr_type)
    field = _ATTR_FIELDS[attr_type]
    if isinstance(value, (list, tuple)):
        getattr(attr, field).extend(value)
    else:
        setattr(attr, field, value)


def says_what_tensor(var: VarDesc) -> bool:
    """Whether the description of a variable has what `tensor_of` gives."""
    return var.type.HasField(_TENSOR_FIELD)


def tensor_of(var: VarDesc) -> "VarType.TensorDesc":
    """What a variable's description says of its `dims` and its `data_type`."""
    return getattr(var.type, _TENSOR_FIELD).tensor


def dims_of(var: VarDesc) -> List[int]:
    """Sizes of a tensor variable; -1 where only running tells."""
    return list(tensor_of(var).dims)


def set_tensor(var: VarDesc, dims: Sequence[int], dtype: Optional[np.dtype] = None) -> None:
    """Change what a variable's description says of its sizes and, where given, its dtype."""
    tensor = tensor_of(var)
    del tensor.dims[:]
    tensor.dims.extend(int(size) for size in dims)
    if dtype is not None:
        tensor.data_type = VAR_TYPES[np.dtype(dtype)]
