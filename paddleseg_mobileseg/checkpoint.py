"""Reading and writing `.pdparams` files without running what is in them.

A `.pdparams` file is a pickle, and a pickle can name any function to be called while it is read.
Here only NumPy's own array constructors may be named.
"""

import pickle
from pathlib import Path
from typing import Any, Dict, Mapping, Union

import numpy as np
import paddle

from .errors import InputError
from .files import atomic_path

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("collections", "OrderedDict"),
    ("builtins", "tuple"),
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise InputError(
                f"it asks to run {module}.{name} while being read; only arrays are accepted, "
                "so get the checkpoint from its publisher again"
            )
        return super().find_class(module, name)


def read_pickle(path: Union[str, Path]) -> Any:
    """What `paddle.save` wrote, as plain Python data and arrays.

    Raises:
        InputError: the file is missing, damaged, or asks for anything but arrays to be made.
    """
    try:
        with open(path, "rb") as file:
            return _ArrayUnpickler(file).load()
    except FileNotFoundError as error:
        raise InputError(f"there is no checkpoint {path}; give the path of a .pdparams file") from error
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"checkpoint {path} is refused: {error}") from error
    except Exception as error:  # a damaged pickle raises nearly anything, depending on the byte that is wrong
        raise InputError(
            f"checkpoint {path} is damaged or not a checkpoint ({type(error).__name__}: {error}); "
            "copy or download it again"
        ) from error


def read_checkpoint(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The tensors of a PaddleSeg checkpoint by name.

    Args:
        path: a `.pdparams` file, or a folder of a training run that holds `model.pdparams`.

    Raises:
        InputError: the file is missing, damaged, not a table of tensors, or not just data.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.pdparams"
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise InputError(f"checkpoint {path} holds a {type(content).__name__}, not a table of tensors by name")
    tensors = {}
    for name, value in content.items():
        if name == "StructuredToParameterName@@":
            continue
        # paddle.save writes a tensor outside a state dict as the pair (name, array).
        value = value[1] if isinstance(value, tuple) and len(value) == 2 else value
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"checkpoint {path}: '{name}' is a {type(value).__name__}, not a tensor; "
                "give the model's .pdparams, not the optimizer's .pdopt"
            )
        tensors[name] = value
    if not tensors:
        raise InputError(f"checkpoint {path} holds no tensors")
    return tensors


def write_checkpoint(path: Union[str, Path], tensors: Mapping[str, np.ndarray]) -> None:
    """Write a `.pdparams` file that PaddleSeg and this plugin read, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as scratch:
        paddle.save({name: paddle.to_tensor(value) for name, value in tensors.items()}, str(scratch))
