"""Reading checkpoints without running what is in them, and writing `.pdparams` files.

A `.pdparams` file is a pickle of NumPy arrays. PyTorch's files are read by `torch_checkpoint`.
"""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Union

import numpy as np
import paddle

from ..errors import InputError
from ..files import atomic_path
from .safe_pickle import ArrayUnpickler
from .torch_reader import is_torch_file, read_torch_file


@contextmanager
def _reading(path: Union[str, Path]) -> Iterator[None]:
    """Say of whatever goes wrong in the block that it is about the checkpoint at `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"there is no checkpoint {path}; give the path of a .pdparams or PyTorch file") from error
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"checkpoint {path} is refused: {error}") from error
    except Exception as error:  # a damaged pickle raises nearly anything, depending on the byte that is wrong
        raise InputError(
            f"checkpoint {path} is damaged or not a checkpoint ({type(error).__name__}: {error}); "
            "copy or download it again"
        ) from error


def read_pickle(path: Union[str, Path]) -> Any:
    """What `paddle.save` wrote, as plain Python data and arrays.

    Raises:
        InputError: the file is missing, damaged, or asks for anything but arrays to be made.
    """
    with _reading(path), open(path, "rb") as file:
        return ArrayUnpickler(file).load()


def read_checkpoint(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The tensors of a checkpoint by name.

    Args:
        path: a `.pdparams` file, a folder of a training run that holds `model.pdparams`, or a PyTorch file.

    Raises:
        InputError: the file is missing, damaged, not a table of tensors, or not just data.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.pdparams"
    with _reading(path):
        with open(path, "rb") as file:
            torch_file = is_torch_file(file.read(16))
        if torch_file:
            tensors = read_torch_file(path)
    if torch_file:
        return _some(path, tensors)
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
    return _some(path, tensors)


def _some(path: Path, tensors: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
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
