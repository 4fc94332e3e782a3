"""Reading checkpoints without running what is in them, and writing `.pdparams` files.

A `.pdparams` file is a pickle of NumPy arrays, which `pickle_reader` reads; PyTorch's files are read by `torch_reader`,
and `.safetensors` by the package of that name.
"""

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, Mapping, Union

import numpy as np
import paddle

from ..errors import InputError, shown
from ..files import atomic_path
from .pickle_reader import Source, load
from .pickle_values import Damaged, PlainValues
from .safetensors_file import SUFFIX, read_safetensors, safetensors_bytes
from .torch_reader import is_torch_file, read_torch_file

TRUST = "MOBILESEG_TRUST_PICKLES"
"""The environment variable that, set to 1, lets Paddle unpickle."""

NAMES_OF_PARAMETERS = "StructuredToParameterName@@"
"""The table that `paddle.save` puts beside the tensors: what Paddle calls each."""


@contextmanager
def explained(name: Union[str, Path]) -> Iterator[None]:
    """Say of whatever goes wrong in the block that it is about the checkpoint called `name`, as an InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"there is no checkpoint {name}; give the path of a .safetensors, .pdparams or PyTorch file"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read checkpoint {name}: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"checkpoint {name} is refused: {error}") from error
    except Exception as error:  # a damaged file raises nearly anything, depending on the byte that is wrong
        reason = error if isinstance(error, Damaged) else f"{type(error).__name__}: {shown(error, 160)}"
        raise InputError(
            f"checkpoint {name} is damaged or not a checkpoint ({reason}); copy or download it again"
        ) from error


@contextmanager
def _reading(path: Union[str, Path]) -> Iterator[None]:
    """`explained`, for a block that opens the file."""
    with explained(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError("it is no file; give the path of a .safetensors, .pdparams or PyTorch file")
        yield


def plain_content(file: BinaryIO, size: int) -> Any:
    """The content of a pickle as plain Python data and arrays; nothing that it names is run.

    Args:
        file: opened for reading bytes; it is left behind the pickle's end.
        size: bytes that are left in it.

    Raises:
        Damaged: it is cut off, or no pickle.
        InputError: it asks for anything but arrays to be made.
    """
    return load(Source(file, size), PlainValues(size))


def read_pickle(path: Union[str, Path]) -> Any:
    """What `paddle.save` wrote, as plain Python data and arrays.

    Raises:
        InputError: the file is missing, damaged, or asks for anything but arrays to be made.
    """
    with _reading(path), open(path, "rb") as file:
        return plain_content(file, os.fstat(file.fileno()).st_size)


def read_checkpoint(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The tensors of a checkpoint by name, as arrays that may be read-only.

    Args:
        path: a `.safetensors` or `.pdparams` file, a folder of a training run that holds `model.pdparams`, or a
            PyTorch file.

    Raises:
        InputError: the file is missing, damaged, not a table of tensors, or not just data.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.pdparams"
    with _reading(path):
        if path.suffix == SUFFIX:
            return _some(read_safetensors(path))
        with open(path, "rb") as file:
            torch_file = is_torch_file(file.read(16))
        if torch_file:
            return _some(read_torch_file(path))
    content = read_pickle(path)
    with _reading(path):
        return _some(_tensors(content))


def _tensors(content: Any) -> Dict[str, np.ndarray]:
    if not isinstance(content, dict):
        raise InputError(f"it holds a {type(content).__name__}, not a table of tensors by name")
    tensors = {}
    for name, value in content.items():
        if name == NAMES_OF_PARAMETERS:
            continue
        # paddle.save writes a tensor outside a state dict as the pair (name, array).
        value = value[1] if isinstance(value, tuple) and len(value) == 2 else value
        if not isinstance(value, np.ndarray) or type(name) is not str:
            raise InputError(
                f"'{shown(name)}' is a {type(value).__name__}, not a tensor; "
                "give the model's .pdparams, not the optimizer's .pdopt"
            )
        tensors[name] = value
    return tensors


def _some(tensors: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    if not tensors:
        raise InputError("it holds no tensors; give the model's checkpoint")
    return tensors


def write_checkpoint(path: Union[str, Path], tensors: Mapping[str, np.ndarray]) -> None:
    """Write a `.safetensors` file, or a `.pdparams` file that PaddleSeg reads too, whole or not at all.

    Args:
        path: its ending says which.
        tensors: by name.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as scratch:
        if Path(path).suffix == SUFFIX:
            scratch.write_bytes(safetensors_bytes(tensors))
        else:
            paddle.save({name: paddle.to_tensor(value) for name, value in tensors.items()}, str(scratch))
