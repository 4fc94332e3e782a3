"""What a pickle may make: plain data and arrays of numbers. Each name that it may use stands for a function here.

Nothing is looked up in a module and nothing of NumPy is called with what a file says, but `frombuffer` on bytes whose
number was checked. A stand-in belongs to one reading of one file.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

import numpy as np

from ..errors import InputError, shown

Name = Tuple[str, str]

_CODES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_PLAIN_STATE = (None, None, None, -1, -1, 0)
"""What NumPy writes of a type without fields, subtypes and flags, after the version and the byte order."""

_MORE_THAN_FILE = "its arrays hold more bytes than the file; download it again"

_MOST_DIMENSIONS = 32
_LARGEST_KEY = 1 << 60
"""Integers below it have a hash of their own; among larger ones a file could choose many of the same hash."""

DEEPEST = 100
"""Containers within each other; a checkpoint has about five."""

MOST_ITEMS = 2_000_000
"""Values of the whole content, each counted as often as it is met on a walk through it."""

MOST_COPIES = 4
"""How much larger than the file its arrays may be, each counted as often as it is met: a reader may copy them."""


class Damaged(Exception):
    """The file is not what it seems to be; the message says where it goes wrong."""


@dataclass(frozen=True)
class Constructor:
    """Stands for a function or class that a pickle names."""

    make: Callable[..., Any]


class Ignored:
    """Takes the place of settings beside the tensors (`argparse.Namespace` and such): takes all, keeps nothing."""


class _ArrayType:
    """Stands for the class `numpy.ndarray`, which is only ever an argument."""


class _Numbers:
    """Stands for a `numpy.dtype`: a plain kind and size, whose byte order comes later."""

    def __init__(self, code: Any, *flags: Any):
        if type(code) is not str or code not in _CODES or any(flag not in (False, True) for flag in flags):
            raise InputError(
                f"it holds numbers of type '{shown(code, 20)}' where plain integers, floats or truth values are "
                "accepted; save it again with these"
            )
        self.type: np.dtype = np.dtype(code)
        self.complete = False

    def set_state(self, state: Any) -> None:
        if self.complete or type(state) is not tuple or len(state) != 8 or state[0] != 3:
            raise InputError("it describes a type of numbers in a way that NumPy does not; download it again")
        order = state[1]
        if type(order) is not str or order not in ("<", ">", "|", "=") or not _same(state[2:], _PLAIN_STATE):
            raise InputError(
                "it describes a type of numbers with fields or flags, which checkpoints do not need; download it again"
            )
        self.type, self.complete = self.type.newbyteorder(order), True


def _same(values: Tuple, expected: Tuple) -> bool:
    return len(values) == len(expected) and all(
        type(value) is type(other) and value == other for value, other in zip(values, expected)
    )


class _Array:
    """Stands for an array that is told its numbers later."""

    def __init__(self):
        self.value: Optional[np.ndarray] = None


class PlainValues:
    """The table of names for one reading, and what the opcodes do to values.

    Args:
        size: bytes of the file; its arrays hold no more than that all together.
    """

    leaves: Tuple[type, ...] = ()
    """Further stand-ins that may stay in the content."""

    def __init__(self, size: int):
        self._size = self._text_left = self._numbers_left = size
        own = {
            ("numpy", "ndarray"): _ArrayType(),
            ("numpy", "dtype"): Constructor(_Numbers),
            ("collections", "OrderedDict"): Constructor(self._ordered),
            ("_codecs", "encode"): Constructor(self._encode),
        }
        for module in ("builtins", "__builtin__"):
            own[module, "tuple"] = Constructor(self._tuple)
            own[module, "set"] = Constructor(self._set)
            own[module, "bytes"] = Constructor(_no_bytes)
        for module in ("numpy.core", "numpy._core"):
            own[f"{module}.multiarray", "_reconstruct"] = Constructor(self._empty_array)
            own[f"{module}.multiarray", "scalar"] = Constructor(self._scalar)
            own[f"{module}.numeric", "_frombuffer"] = Constructor(self._array_of_buffer)
        self._names: Mapping[Name, Any] = own

    def find(self, module: str, name: str) -> Any:
        """The stand-in for a name in a pickle; None where there is none."""
        return self._names.get((module, name))

    def persistent(self, saved_id: Any) -> Any:
        """What a pickle refers to outside itself, which only PyTorch's do."""
        raise InputError("it refers to something outside of itself; only arrays are accepted")

    def build(self, value: Any, state: Any) -> None:
        """Give an object its state; only arrays and their types take one."""
        if isinstance(value, _Array):
            self._fill(value, state)
        elif isinstance(value, _Numbers):
            value.set_state(state)
        # PyTorch notes versions of layers on the table of tensors.
        elif not isinstance(value, (Ignored, OrderedDict)):
            raise InputError(f"it sets the state of a {type(value).__name__}; only arrays have one in a checkpoint")

    def put(self, table: Any, items: Iterable[Tuple[Any, Any]]) -> None:
        """Put pairs into a table, under keys that are quick to hash and to compare."""
        if isinstance(table, Ignored):
            return
        if not isinstance(table, dict):
            raise Damaged("it puts a key into what is no table")
        for key, value in items:
            table[_checked_key(key)] = value

    def append(self, target: Any, values: Iterable[Any]) -> None:
        """Append to a list, or add to a set."""
        if isinstance(target, set):
            target.update(map(_checked_key, values))
        elif isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, Ignored):
            raise Damaged("it appends to what is no list")

    def finished(self, content: Any) -> Any:
        """The content with arrays in place of their stand-ins.

        Raises:
            InputError: it is nested too deeply or in a circle, or is too large to walk through.
        """
        return _Walk(self.leaves, MOST_ITEMS + MOST_COPIES * self._size).plain(content)

    def _encode(self, text: Any, codec: Any) -> bytes:
        # So are bytes written by protocol 2, which has none.
        if type(text) is not str or codec not in ("latin1", "latin-1"):
            raise InputError(f"it asks for text in the encoding '{shown(codec, 20)}'; only arrays are accepted")
        # The same text can be asked for again and again.
        self._text_left -= len(text)
        if self._text_left < 0:
            raise InputError(_MORE_THAN_FILE)
        return text.encode("latin-1")

    @staticmethod
    def _tuple(items: Any = ()) -> tuple:
        if type(items) not in (tuple, list):
            raise Damaged("a tuple is made of no list")
        return tuple(items)

    def _set(self, items: Any = ()) -> set:
        made: set = set()
        self.append(made, self._tuple(items))
        return made

    def _ordered(self, items: Any = ()) -> "OrderedDict":
        made: OrderedDict = OrderedDict()
        pairs = self._tuple(items)
        if any(type(pair) not in (tuple, list) or len(pair) != 2 for pair in pairs):
            raise Damaged("a table is made of no pairs")
        self.put(made, pairs)
        return made

    @staticmethod
    def _empty_array(kind: Any, shape: Any, code: Any) -> _Array:
        if not isinstance(kind, _ArrayType) or shape != (0,) or code not in (b"b", "b"):
            raise Damaged("an array does not start as NumPy's do")
        return _Array()

    def _fill(self, array: _Array, state: Any) -> None:
        if array.value is not None or type(state) is not tuple or len(state) != 5 or state[0] != 1:
            raise InputError("it describes an array in a way that NumPy does not; download it again")
        _, shape, numbers, fortran, data = state
        # Python 2 wrote bytes as text.
        data = self._encode(data, "latin1") if type(data) is str else data
        array.value = self._numbers(data, numbers, shape, "F" if fortran in (True, 1) else "C")

    def _array_of_buffer(self, data: Any, numbers: Any, shape: Any, order: Any) -> _Array:
        if order not in ("C", "F"):
            raise Damaged("an array's order is neither C nor F")
        array = _Array()
        array.value = self._numbers(data, numbers, shape, order)
        return array

    def _scalar(self, numbers: Any, data: Any) -> np.generic:
        data = self._encode(data, "latin1") if type(data) is str else data
        return self._numbers(data, numbers, (), "C")[()]

    def _numbers(self, data: Any, numbers: Any, shape: Any, order: str) -> np.ndarray:
        """The array in `data`, after all that is said of it was checked."""
        if not isinstance(numbers, _Numbers) or not numbers.complete or type(data) is not bytes:
            raise InputError("an array lacks its numbers or their type; download it again")
        size = checked_size(shape)
        if size * numbers.type.itemsize != len(data):
            raise InputError(
                f"an array of {len(shape)} dimensions should have {shown(size, 24)} numbers of {numbers.type.itemsize} "
                f"bytes and has {len(data)} bytes; download it again"
            )
        self._numbers_left -= len(data)
        if self._numbers_left < 0:
            raise InputError(_MORE_THAN_FILE)
        array = np.frombuffer(data, numbers.type).reshape(shape, order=order)
        return array.astype(numbers.type.newbyteorder("="))


def checked_size(shape: Any) -> int:
    """The number of numbers in an array of `shape`.

    Raises:
        InputError: it is not a short tuple of sizes that fit into memory addresses.
    """
    if (
        type(shape) is not tuple
        or len(shape) > _MOST_DIMENSIONS
        or not all(type(length) is int and 0 <= length < 1 << 31 for length in shape)
    ):
        raise InputError("an array's shape is not what NumPy or PyTorch write; download it again")
    return math.prod(shape)


def _no_bytes() -> bytes:
    """Protocol 2 writes empty bytes as a call without arguments."""
    return b""


def _checked_key(key: Any) -> Any:
    kind = type(key)
    if kind in (str, bytes, bool, type(None)) or (kind is int and abs(key) < _LARGEST_KEY):
        return key
    if kind is float and math.isfinite(key):
        return key
    raise InputError(f"it has a {kind.__name__} as the key of a table; checkpoints have names and small numbers there")


class _Walk:
    """One walk through the content, each container once."""

    def __init__(self, leaves: Tuple[type, ...], most: int):
        self._most = most
        self._leaves = (str, bytes, bool, int, float, type(None), np.generic, *leaves)
        self._seen: Dict[int, Tuple[Any, int]] = {}
        self._within: set = set()

    def plain(self, node: Any) -> Any:
        return self._resolved(node)[0]

    def _resolved(self, node: Any) -> Tuple[Any, int]:
        """The value in place of `node`, and how many values and bytes of arrays it is made of."""
        if isinstance(node, _Array):
            if node.value is None:
                raise InputError("an array lacks its numbers; download it again")
            return node.value, 1 + node.value.nbytes
        if isinstance(node, self._leaves):
            return node, 1
        if not isinstance(node, (dict, list, tuple, set)):
            raise InputError("it holds a type or function where data should be; download it again")
        key = id(node)
        if key not in self._seen:
            if key in self._within or len(self._within) >= DEEPEST:
                raise InputError(f"its content is nested in itself, or deeper than {DEEPEST}; download it again")
            self._within.add(key)
            self._seen[key] = self._container(node)
            self._within.remove(key)
        return self._seen[key]

    def _container(self, node: Any) -> Tuple[Any, int]:
        values, size = [], 1
        for child in node.values() if isinstance(node, dict) else node:
            value, count = self._resolved(child)
            values.append(value)
            size += count
        if size > self._most:
            raise InputError("its content repeats itself to many times the file's size; download it again")
        if isinstance(node, dict):
            return type(node)(zip(node, values)), size
        return type(node)(values), size
