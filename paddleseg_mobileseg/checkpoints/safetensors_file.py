"""Checkpoints as `.safetensors`: a table of names, types, shapes and places, and the numbers. Nothing in it can run."""

from pathlib import Path
from typing import Dict, Mapping, Union

import numpy as np
from safetensors import deserialize
from safetensors.numpy import save

from ..errors import InputError, shown
from .torch_reader import widened

SUFFIX = ".safetensors"

_TYPES = {
    "BOOL": "bool",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "F16": "float16",
    "BF16": "uint16",
    "F32": "float32",
    "F64": "float64",
}


def read_safetensors(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The tensors of a `.safetensors` file by name; bfloat16 becomes float32.

    Raises:
        InputError: a tensor's numbers are of a type that NumPy lacks. What the package raises for a header or a
            length that is wrong is for the caller to name.
    """
    tensors: Dict[str, np.ndarray] = {}
    # The package holds every place in the file against the tensor's type and shape, and lets none overlap.
    for name, found in deserialize(Path(path).read_bytes()):
        kind = found["dtype"]
        if kind not in _TYPES:
            raise InputError(f"tensor '{shown(name)}' has numbers of type {shown(kind)}; save it as F32")
        array = np.frombuffer(found["data"], np.dtype(_TYPES[kind]).newbyteorder("<")).reshape(found["shape"])
        array = widened(array) if kind == "BF16" else array.astype(_TYPES[kind], copy=False)
        array.flags.writeable = False
        tensors[name] = array
    return tensors


def safetensors_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    """The content of a `.safetensors` file."""
    return save({name: np.ascontiguousarray(value).reshape(value.shape) for name, value in tensors.items()})
