"""Parameter files (`.pdiparams`)."""

import math
import struct
from pathlib import Path
from typing import Dict, Iterator, Union

import numpy as np
from google.protobuf.message import DecodeError

from ...errors import InputError, shown
from ...files import atomic_path, read_regular
from .program import DTYPES, TENSOR, VAR_TYPES, ProgramDesc, VarDesc, VarType, dims_of, tensor_of

_MOST_HEADER_BYTES = 1000
"""More than what stands before each tensor's data."""

_MOST_BYTES = 1 << 31


def persistables(program: ProgramDesc) -> Iterator[VarDesc]:
    """The variables that the parameter file holds."""
    for var in program.blocks[0].vars:
        if var.persistable and var.type.type == TENSOR:
            yield var


class _Cursor:
    """Reads a parameter file front to back and never past its end."""

    def __init__(self, path: Path, most: int):
        self.path = path
        self.data = read_regular(path, most)
        self.at = 0
        self.tensor = ""

    def damaged(self, what: str) -> InputError:
        return InputError(f"{self.path} cannot be used: {what} at '{shown(self.tensor)}'; export the model again")

    def take(self, size: int) -> memoryview:
        if size < 0 or self.at + size > len(self.data):
            raise self.damaged("it is cut short or damaged")
        self.at += size
        return memoryview(self.data)[self.at - size : self.at]

    def number(self, code: str) -> int:
        return struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]


def read_params(path: Path, program: ProgramDesc, sizes_told: bool = True) -> Dict[str, np.ndarray]:
    """Read the combined parameter file of `program`.

    The format is Paddle's `save_combine` (paddle/fluid/operators/save_combine_op.h, and `SerializeToStream` in
    paddle/fluid/framework/lod_tensor.cc): the persistable tensors in the order of their sorted names,
    each as version, level-of-detail table, TensorDesc and raw data, without its name.

    Args:
        sizes_told: the program tells each tensor's sizes; that of opt tells those from before it fused ops.

    Raises:
        InputError: the file is missing or damaged, or belongs to another program.
    """
    variables = sorted(persistables(program), key=lambda var: var.name)
    if not variables:
        return {}
    sizes = [math.prod(dims_of(var)) * DTYPES[tensor_of(var).data_type].itemsize for var in variables]
    if not path.exists():
        raise InputError(f"cannot read the parameters {path}: there is no such file; export the model again")
    try:
        cursor = _Cursor(path, sum(sizes) + len(sizes) * _MOST_HEADER_BYTES if sizes_told else _MOST_BYTES)
    except InputError as error:
        raise InputError(f"{error}; is it of this program? Export the model again") from error
    if sizes_told and len(cursor.data) < sum(sizes):
        raise InputError(f"{path} cannot be used: it is cut short; export the model again")
    params = {}
    for var in variables:
        cursor.tensor = var.name
        params[var.name] = _read_tensor(cursor, var, sizes_told)
    if cursor.at != len(cursor.data):
        raise cursor.damaged("it holds more than the program's parameters")
    return params


def _read_tensor(cursor: _Cursor, var: VarDesc, size_told: bool) -> np.ndarray:
    """The next array of the file, which must be what the program says of `var`."""
    if cursor.number("I") != 0:
        raise cursor.damaged("it has an unknown version")
    for _ in range(cursor.number("Q")):
        cursor.take(cursor.number("Q"))
    if cursor.number("I") != 0:
        raise cursor.damaged("it has an unknown tensor version")
    description = VarType.TensorDesc()
    try:
        description.ParseFromString(bytes(cursor.take(cursor.number("i"))))
    except DecodeError as error:
        raise cursor.damaged("its description is damaged") from error
    if description.data_type not in DTYPES:
        raise cursor.damaged(f"its dtype {description.data_type} is none that Paddle-Lite reads")
    dtype, dims = DTYPES[description.data_type], list(description.dims)
    if size_told and dims != dims_of(var):
        raise cursor.damaged(f"it holds shape {shown(dims)} where the program has {dims_of(var)}")
    if description.data_type != tensor_of(var).data_type:
        raise cursor.damaged(f"it holds {dtype}, and the program says otherwise")
    return np.frombuffer(cursor.take(math.prod(dims) * dtype.itemsize), dtype=dtype).reshape(dims)


def write_params(path: Union[str, Path], params: Dict[str, np.ndarray]) -> None:
    """Write `params` as `read_params` reads them.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as scratch, open(scratch, "wb") as file:
        for name in sorted(params):
            array = np.ascontiguousarray(params[name]).reshape(params[name].shape)
            description = VarType.TensorDesc(data_type=VAR_TYPES[array.dtype], dims=array.shape).SerializeToString()
            file.write(struct.pack("<IQIi", 0, 0, 0, len(description)))
            file.write(description)
            file.write(array.tobytes())
