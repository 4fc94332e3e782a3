"""Reading PyTorch checkpoints without PyTorch, and without running what is in them.

Two formats: the zip archive that `torch.save` writes since 1.6 (`data.pkl` and one uncompressed member for each
storage), and the stream of pickles before it (`_save` and `_legacy_save` in torch/serialization.py). Both pickle
tensors as views of storages; here the few constructors that take part are stand-ins that note sizes, and every other
callable is refused.
"""

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError
from .safe_pickle import ArrayUnpickler

ZIP_START = b"PK\x03\x04"
LEGACY_START = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)

# By the name of the storage's class; bfloat16 has no NumPy type and is read as its 16 bits.
_STORAGE_TYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}

_TABLES = ("state_dict_ema", "state_dict", "model_ema", "model")
"""Where training programs keep the tensors, best first: SeaFormer's own loader prefers the moving average."""

_COUNTERS = "num_batches_tracked"
"""PyTorch's batch norms count their batches; nothing reads the number and Paddle's have none."""


class _StorageType:
    """Stands in for `torch.FloatStorage` and its like."""

    def __init__(self, dtype: str):
        self.dtype = dtype
        self.itemsize = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


class _Storage:
    """One block of numbers: where it lies, and the numbers once they were read."""

    def __init__(self, kind: _StorageType, key: str, numel: int):
        self.kind, self.key, self.numel = kind, key, numel
        self.numbers: Optional[np.ndarray] = None

    def fill(self, content: bytes, byteorder: str = "<") -> None:
        stored = "uint16" if self.kind.dtype == "bfloat16" else self.kind.dtype
        numbers = np.frombuffer(content, np.dtype(stored).newbyteorder(byteorder)).astype(stored, copy=False)
        if self.kind.dtype == "bfloat16":
            numbers = (numbers.astype("uint32") << 16).view("float32")
        self.numbers = numbers


class _Tensor:
    """A view of a storage, as `torch._utils._rebuild_tensor_v2` describes it; further arguments do not matter."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any):
        numbers = [offset, *size, *stride]
        if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in numbers):
            raise InputError("a tensor's storage, size or strides are not what PyTorch writes; download it again")
        if len(size) != len(stride):
            raise InputError(f"a tensor has {len(size)} sizes and {len(stride)} strides; download it again")
        self.storage, self.offset, self.size, self.stride = storage, offset, tuple(size), tuple(stride)

    def array(self, name: str) -> np.ndarray:
        """The numbers as a read-only view, so that many tensors over one storage cost nothing.

        Raises:
            InputError: the view reaches out of its storage, or repeats it.
        """
        numel = int(np.prod(self.size, dtype=object))
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.size, self.stride))
        if numel and (last >= self.storage.numel or numel > self.storage.numel):
            raise InputError(
                f"tensor '{name}' of shape {list(self.size)} does not fit its storage of {self.storage.numel} "
                "numbers; download it again"
            )
        numbers = self.storage.numbers
        if not numel:
            return np.zeros(self.size, numbers.dtype)
        strides = [stride * numbers.itemsize for stride in self.stride]
        return np.lib.stride_tricks.as_strided(numbers[self.offset:], self.size, strides, writeable=False)


class _Ignored:
    """Takes the place of settings beside the tensors (`argparse.Namespace` and such): accepts all, keeps nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass


def _parameter(data: Any, *_: Any) -> Any:
    return data


_STAND_INS: Mapping[Tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _Tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): tuple,
    ("torch", "device"): _Ignored,
    ("argparse", "Namespace"): _Ignored,
    ("collections", "defaultdict"): _Ignored,
    ("typing", "Any"): _Ignored,
    **{("torch", name): _StorageType(dtype) for name, dtype in _STORAGE_TYPES.items()},
}


def _stand_in(module: str, name: str) -> Any:
    if module == "omegaconf" or module.startswith("omegaconf."):
        return _Ignored
    return _STAND_INS.get((module, name))


def _unpickler(file: BinaryIO, load_storage: Callable[[Tuple], _Storage]) -> ArrayUnpickler:
    class TensorUnpickler(ArrayUnpickler):
        def find_class(self, module: str, name: str) -> Any:
            found = _stand_in(module, name)
            return super().find_class(module, name) if found is None else found

        def persistent_load(self, saved_id: Any) -> _Storage:
            return load_storage(saved_id)

    return TensorUnpickler(file)


class _Storages:
    """The storages that the pickle names, each once."""

    def __init__(self):
        self.by_key: Dict[str, _Storage] = {}

    def load(self, saved_id: Any) -> _Storage:
        """Called by the unpickler with `("storage", type, key, location, numel, ...)`."""
        kind, storage_type, key, _, numel = saved_id[:5]
        if kind != "storage" or not isinstance(storage_type, _StorageType):
            raise InputError(f"it refers to {saved_id[:1]}, which is no storage of tensors; download it again")
        # Before 1.6 a sixth element says that the storage is a part of another one.
        if len(saved_id) > 5 and saved_id[5] is not None:
            raise InputError("a storage is a part of another one; save it again with a newer PyTorch")
        if type(numel) is not int or numel < 0:
            raise InputError(f"its storage {key} has a size of {numel}; download it again")
        return self.by_key.setdefault(str(key), _Storage(storage_type, str(key), numel))

    def expect(self, storage: _Storage, size: int) -> None:
        if size != storage.numel * storage.kind.itemsize:
            raise InputError(
                f"storage {storage.key} has {size} bytes where {storage.numel} numbers of type {storage.kind.dtype} "
                "should be; download it again"
            )


def _read_zip(path: Path) -> Any:
    storages = _Storages()
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        # PyTorch compresses nothing; what unpacks to more than the file holds was not written by it.
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise InputError("its members are compressed, which PyTorch never does; download it again")
        if sum(member.file_size for member in members.values()) > path.stat().st_size:
            raise InputError("its members claim more bytes than the file has; download it again")
        pickles = [name for name in members if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise InputError("it is a zip archive without the data.pkl of a PyTorch checkpoint")
        root = pickles[0][: -len("data.pkl")]
        with archive.open(pickles[0]) as file:
            content = _unpickler(file, storages.load).load()
        big = f"{root}byteorder" in members and archive.read(f"{root}byteorder") == b"big"
        for storage in storages.by_key.values():
            name = f"{root}data/{storage.key}"
            if name not in members:
                raise InputError(f"its storage {name} is missing; download it again")
            storages.expect(storage, members[name].file_size)
            storage.fill(archive.read(name), ">" if big else "<")
    return content


def _read_legacy(path: Path) -> Any:
    storages = _Storages()
    left = path.stat().st_size
    with open(path, "rb") as file:
        for _ in ("magic number", "protocol", "system"):
            _unpickler(file, storages.load).load()
        content = _unpickler(file, storages.load).load()
        for key in _unpickler(file, storages.load).load():
            storage = storages.by_key.get(str(key))
            if storage is None:
                raise InputError(f"it holds a storage {key} that no tensor uses; download it again")
            (numel,) = struct.unpack("<q", file.read(8))
            storages.expect(storage, numel * storage.kind.itemsize)
            size = numel * storage.kind.itemsize
            if size > left:
                raise InputError("it ends before its last tensor; download it again")
            storage.fill(file.read(size))
    if any(storage.numbers is None for storage in storages.by_key.values()):
        raise InputError("it lacks a storage that its tensors use; download it again")
    return content


def is_torch_file(start: bytes) -> bool:
    """Whether a file that starts so is PyTorch's, of either format. 16 bytes are enough."""
    return start.startswith((ZIP_START, LEGACY_START))


def read_torch_file(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The tensors of a PyTorch checkpoint by name, as read-only arrays; bfloat16 becomes float32.

    A checkpoint of a training program may hold the tensors under "state_dict_ema", "state_dict", "model_ema" or
    "model", and the prefix "module." of parallel training goes. `num_batches_tracked` of batch norms is left out.

    Raises:
        InputError: it holds no table of tensors, its sizes contradict each other, or it names any callable
            but those that make tensors. What else a damaged file raises is for the caller to name.
    """
    path = Path(path)
    with open(path, "rb") as file:
        legacy = file.read(len(LEGACY_START)) == LEGACY_START
    content = _read_legacy(path) if legacy else _read_zip(path)
    if not isinstance(content, dict):
        raise InputError(f"it holds a {_kind(content)}, not a table of tensors by name")
    table = next((content[key] for key in _TABLES if isinstance(content.get(key), dict)), content)
    tensors: Dict[str, np.ndarray] = {}
    for name, value in table.items():
        name = str(name)
        if name.rpartition(".")[2] == _COUNTERS:
            continue
        if not isinstance(value, _Tensor):
            raise InputError(f"'{name}' is a {_kind(value)}, not a tensor; give the model's checkpoint")
        tensors[name] = value.array(name)
    return _without_prefix(tensors, "module.")


def _kind(value: Any) -> str:
    return {_Tensor: "tensor", _Ignored: "table of settings"}.get(type(value), type(value).__name__)


def _without_prefix(tensors: Dict[str, np.ndarray], prefix: str) -> Dict[str, np.ndarray]:
    names: Sequence[str] = list(tensors)
    if not all(name.startswith(prefix) for name in names):
        return tensors
    stripped: List[str] = [name[len(prefix):] for name in names]
    return dict(zip(stripped, tensors.values()))
