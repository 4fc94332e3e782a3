"""A hand-made writer of PyTorch's file formats, for tests of the reader: torch itself is no dependency.

What it writes was held against what torch 1.12 and 2.15 write, and both read it.
"""

import io
import pickle
import struct
import zipfile

import numpy as np

_STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


class Global:
    """A name for the pickle to look up; nothing has to exist under it here."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *args):
        raise AssertionError("only its name is written")


class Call:
    """An object that is made by calling a Global while the pickle is read."""

    def __init__(self, function, *args, state=None):
        self.reduced = (function, args) if state is None else (function, args, state)


class Storage:
    def __init__(self, numbers, kind=None, claimed=None):
        self.numbers = np.ascontiguousarray(numbers).ravel()
        self.kind = kind or _STORAGES[str(self.numbers.dtype)]
        self.claimed = self.numbers.size if claimed is None else claimed
        self.key = None


class View:
    """A tensor over a storage; strides count numbers."""

    def __init__(self, storage, size, stride, offset=0):
        self.storage, self.offset, self.size, self.stride = storage, offset, tuple(size), tuple(stride)


def tensor(array):
    """A contiguous tensor of its own storage."""
    array = np.asarray(array)
    strides = np.cumprod([1, *array.shape[:0:-1]])[::-1] if array.ndim else ()
    return View(Storage(array), array.shape, [int(stride) for stride in strides])


def bfloat16(array):
    """A tensor of bfloat16; the lower half of the mantissa is cut off."""
    high = (np.asarray(array, "float32").view("uint32") >> 16).astype("uint16")
    return View(Storage(high, "BFloat16Storage"), np.shape(array), tensor(array).stride)


class _Pickler(pickle._Pickler):
    def __init__(self, file, view_of_storage):
        super().__init__(file, protocol=2)
        self.view_of_storage = view_of_storage
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            value.key = str(len(self.storages))
            self.storages.append(value)
        return ("storage", Global("torch", value.kind), value.key, "cpu", value.claimed, *self.view_of_storage)

    def reducer_override(self, value):
        if isinstance(value, np.ndarray):
            value = tensor(value)
        if isinstance(value, View):
            arguments = (value.storage, value.offset, value.size, value.stride, False, {})
            return Global("torch._utils", "_rebuild_tensor_v2"), arguments
        return value.reduced if isinstance(value, Call) else NotImplemented

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(b"c" + value.module.encode() + b"\n" + value.name.encode() + b"\n")
        else:
            super().save(value, save_persistent_id)


def _pickled(content, view_of_storage=()):
    file = io.BytesIO()
    pickler = _Pickler(file, view_of_storage)
    pickler.dump(content)
    return file.getvalue(), pickler.storages


def write_zip(path, content, compression=zipfile.ZIP_STORED, byteorder="little", root="archive"):
    """What `torch.save` writes since 1.6. Arrays in `content` become tensors."""
    data, storages = _pickled(content)
    order = {"little": "<", "big": ">"}[byteorder]
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{root}/data.pkl", data)
        archive.writestr(f"{root}/byteorder", byteorder)
        for storage in storages:
            numbers = storage.numbers.astype(storage.numbers.dtype.newbyteorder(order))
            archive.writestr(f"{root}/data/{storage.key}", numbers.tobytes())
        archive.writestr(f"{root}/version", "3\n")
    return path


def write_legacy(path, content):
    """What `torch.save` wrote before 1.6."""
    data, storages = _pickled(content, view_of_storage=(None,))
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with open(path, "wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, system):
            file.write(pickle.dumps(part, protocol=2))
        file.write(data)
        file.write(pickle.dumps([storage.key for storage in storages], protocol=2))
        for storage in storages:
            file.write(struct.pack("<q", storage.numbers.size) + storage.numbers.tobytes())
    return path
