"""Reading PyTorch checkpoints without PyTorch, and without running what is in them.

Two formats: the zip archive that `torch.save` writes since 1.6 (`data.pkl` and one uncompressed member for each
storage), and the stream of pickles before it (`_save` and `_legacy_save` in torch/serialization.py). Both pickle
tensors as views of storages; here stand-ins note what the view is, and everything is checked before it is made.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError, shown
from .pickle_reader import Source, load
from .pickle_values import MOST_COPIES, Constructor, Ignored, PlainValues, checked_size

ZIP_START = b"PK\x03\x04"
LEGACY_START = b"\x80\x02\x8a\x0a" + 0x1950A86A20F9469CFC6C.to_bytes(10, "little") + b"."

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


@dataclass(frozen=True)
class _StorageType:
    """Stands for `torch.FloatStorage` and its like."""

    dtype: str
    itemsize: int


class _Storage:
    """One block of numbers: where it lies, and the numbers once they were read."""

    def __init__(self, kind: _StorageType, key: str, numel: int):
        self.kind, self.key, self.numel = kind, key, numel
        self.numbers: Optional[np.ndarray] = None

    def fill(self, content: bytes, byteorder: str = "<") -> None:
        stored = "uint16" if self.kind.dtype == "bfloat16" else self.kind.dtype
        numbers = np.frombuffer(content, np.dtype(stored).newbyteorder(byteorder)).astype(stored, copy=False)
        self.numbers = widened(numbers) if self.kind.dtype == "bfloat16" else numbers


def widened(bits: np.ndarray) -> np.ndarray:
    """bfloat16 as float32.

    Args:
        bits: uint16, of any shape.
    """
    return (bits.astype("uint32") << 16).view("float32")


class _Tensor:
    """A view of a storage, as `torch._utils._rebuild_tensor_v2` describes it; further arguments do not matter."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any):
        if not isinstance(storage, _Storage):
            raise InputError("a tensor's storage is not what PyTorch writes; download it again")
        self.numel = checked_size(size)
        if not all(type(step) is int and 0 <= step < 1 << 62 for step in (offset, *self._steps(stride))):
            raise InputError("a tensor's offset or strides are not what PyTorch writes; download it again")
        if len(size) != len(stride):
            raise InputError(f"a tensor has {len(size)} sizes and {len(stride)} strides; download it again")
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    @staticmethod
    def _steps(stride: Any) -> Tuple:
        if type(stride) is not tuple:
            raise InputError("a tensor's strides are not what PyTorch writes; download it again")
        return stride

    def array(self, name: str) -> np.ndarray:
        """The numbers as a read-only view, so that many tensors over one storage cost nothing.

        Raises:
            InputError: the view reaches out of its storage, or repeats it.
        """
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.size, self.stride))
        if self.numel and (last >= self.storage.numel or self.numel > self.storage.numel):
            raise InputError(
                f"tensor '{shown(name)}' of shape {list(self.size)} does not fit its storage of {self.storage.numel} "
                "numbers; download it again"
            )
        numbers = self.storage.numbers
        if not self.numel:
            return np.zeros(self.size, numbers.dtype)
        strides = [stride * numbers.itemsize for stride in self.stride]
        return np.lib.stride_tricks.as_strided(numbers[self.offset:], self.size, strides, writeable=False)


def _parameter(data: Any, *_: Any) -> Any:
    if not isinstance(data, _Tensor):
        raise InputError("a parameter is not made of a tensor; download it again")
    return data


class _TorchValues(PlainValues):
    """The further names of PyTorch's files, and the storages of one file, each once."""

    leaves = (_Tensor, Ignored)

    def __init__(self, size: int):
        super().__init__(size)
        self.by_key: Dict[str, _Storage] = {}
        ignored = Constructor(lambda *_: Ignored())
        self._torch_names: Dict[Tuple[str, str], Any] = {
            ("torch._utils", "_rebuild_tensor"): Constructor(_Tensor),
            ("torch._utils", "_rebuild_tensor_v2"): Constructor(_Tensor),
            ("torch._utils", "_rebuild_parameter"): Constructor(_parameter),
            ("torch", "Size"): Constructor(self._tuple),
            ("torch", "device"): ignored,
            ("argparse", "Namespace"): ignored,
            ("collections", "defaultdict"): ignored,
            ("typing", "Any"): ignored,
        }
        for name, dtype in _STORAGE_TYPES.items():
            itemsize = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
            self._torch_names["torch", name] = _StorageType(dtype, itemsize)
        self._ignored = ignored

    def find(self, module: str, name: str) -> Any:
        if module == "omegaconf" or module.startswith("omegaconf."):
            return self._ignored
        found = self._torch_names.get((module, name))
        return super().find(module, name) if found is None else found

    def persistent(self, saved_id: Any) -> _Storage:
        """The storage of `("storage", type, key, location, numel, ...)`."""
        if type(saved_id) is not tuple or not 5 <= len(saved_id) <= 6 or saved_id[0] != "storage":
            raise InputError("it refers to something that is no storage of tensors; download it again")
        _, kind, key, _, numel = saved_id[:5]
        if not isinstance(kind, _StorageType) or type(key) is not str:
            raise InputError("it refers to something that is no storage of tensors; download it again")
        # Before 1.6 a sixth element says that the storage is a part of another one.
        if len(saved_id) > 5 and saved_id[5] is not None:
            raise InputError("a storage is a part of another one; save it again with a newer PyTorch")
        if type(numel) is not int or not 0 <= numel < 1 << 62:
            raise InputError(f"its storage {shown(key)} has a size of {shown(numel, 24)}; download it again")
        storage = self.by_key.setdefault(key, _Storage(kind, key, numel))
        if (storage.kind, storage.numel) != (kind, numel):
            raise InputError(f"its storage {shown(key)} is of two types or sizes; download it again")
        return storage


def _expect(storage: _Storage, size: int) -> None:
    if size != storage.numel * storage.kind.itemsize:
        raise InputError(
            f"storage {shown(storage.key)} has {size} bytes where {storage.numel} numbers of type "
            f"{storage.kind.dtype} should be; download it again"
        )


def _read_zip(path: Path) -> Any:
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
        size = members[pickles[0]].file_size
        values = _TorchValues(size)
        with archive.open(pickles[0]) as file:
            content = load(Source(file, size), values)
        big = f"{root}byteorder" in members and archive.read(f"{root}byteorder") == b"big"
        for storage in values.by_key.values():
            name = f"{root}data/{storage.key}"
            if name not in members:
                raise InputError(f"its storage {shown(name)} is missing; download it again")
            _expect(storage, members[name].file_size)
            storage.fill(archive.read(name), ">" if big else "<")
    return content


def _read_legacy(path: Path) -> Any:
    size = path.stat().st_size
    values = _TorchValues(size)
    with open(path, "rb") as file:
        source = Source(file, size)
        for _ in ("magic number", "protocol", "system"):
            load(source, values)
        content = load(source, values)
        keys = load(source, values)
        if type(keys) is not list:
            raise InputError("it lacks the list of its storages; download it again")
        for key in keys:
            storage = values.by_key.get(key) if type(key) is str else None
            if storage is None or storage.numbers is not None:
                raise InputError("it holds a storage that no tensor uses, or one twice; download it again")
            _expect(storage, source.number(8) * storage.kind.itemsize)
            storage.fill(source.take(storage.numel * storage.kind.itemsize))
    if any(storage.numbers is None for storage in values.by_key.values()):
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
    left = MOST_COPIES * path.stat().st_size
    for name, value in table.items():
        if type(name) is not str:
            raise InputError(f"it has {shown(name)} as the name of a tensor; give the model's checkpoint")
        if name.rpartition(".")[2] == _COUNTERS:
            continue
        if not isinstance(value, _Tensor):
            raise InputError(f"'{shown(name)}' is a {_kind(value)}, not a tensor; give the model's checkpoint")
        tensors[name] = value.array(name)
        left -= tensors[name].nbytes
        if left < 0:
            raise InputError("its tensors repeat each other to many times the file's size; download it again")
    return _without_prefix(tensors, "module.")


def _kind(value: Any) -> str:
    return {_Tensor: "tensor", Ignored: "table of settings"}.get(type(value), type(value).__name__)


def _without_prefix(tensors: Dict[str, np.ndarray], prefix: str) -> Dict[str, np.ndarray]:
    names: Sequence[str] = list(tensors)
    if not all(name.startswith(prefix) for name in names):
        return tensors
    stripped: List[str] = [name[len(prefix):] for name in names]
    return dict(zip(stripped, tensors.values()))
