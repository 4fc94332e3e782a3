"""Unpickling data without running what the pickle names: a pickle can name any function to be called."""

import pickle
from typing import Any

from ..errors import InputError

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("collections", "OrderedDict"),
    ("builtins", "tuple"),
    ("builtins", "set"),
    ("__builtin__", "set"),
    ("_codecs", "encode"),
}


# The unpickler in C makes room for as many objects as a damaged file says it will number, up to 64 GB.
class ArrayUnpickler(pickle._Unpickler):
    """Makes arrays and plain Python data; any other callable is an InputError."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise InputError(
                f"it asks to run {module}.{name} while being read; only arrays are accepted, "
                "so get the checkpoint from its publisher again"
            )
        return super().find_class(module, name)
