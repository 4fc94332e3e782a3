"""An interpreter of the opcodes that checkpoints are written with, protocols 2 to 5, whose results are plain data.

A pickle is a program for a small stack machine. Python's own may import and call whatever the program names; this one
has a table of stand-ins (`pickle_values`) and nothing else. Time and memory are bounded by the size of the file and by
a number of steps.
"""

import struct
from typing import Any, BinaryIO, Callable, Dict, List

from ..errors import InputError, shown
from .pickle_values import Constructor, Damaged, PlainValues

MOST_STEPS = 1_000_000
"""Opcodes of one file; a network of a thousand tensors and its optimizer take 50,000."""

_LONGEST_INTEGER = 255
"""Bytes; states of random generators are integers of 16."""

_LONGEST_NAME = 200


class Source:
    """A file that is read from here to `size` bytes further on, never beyond, and in a number of steps.

    Args:
        file: opened for reading bytes.
        size: bytes that are left in it.
    """

    def __init__(self, file: BinaryIO, size: int):
        self._file, self.left = file, size
        self.steps_left = MOST_STEPS

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes.

        Raises:
            Damaged: the file has fewer; nothing was allocated for them.
        """
        if count > self.left:
            raise Damaged(f"it ends {count - self.left} bytes too early")
        content = self._file.read(count)
        self.left -= count
        if len(content) != count:
            raise Damaged("it ends too early")
        return content

    def line(self) -> str:
        """The text up to the next line break, which a name ends with."""
        content = self._file.readline(min(self.left, _LONGEST_NAME))
        self.left -= len(content)
        if not content.endswith(b"\n"):
            raise Damaged("a name in it has no end")
        return content[:-1].decode("utf-8")

    def number(self, count: int) -> int:
        """An unsigned integer of `count` bytes."""
        return int.from_bytes(self.take(count), "little")


def load(source: Source, values: PlainValues) -> Any:
    """The content of one pickle.

    Args:
        source: it is left behind the pickle's end.
        values: the stand-ins for this reading.

    Raises:
        Damaged: it is cut off, or no pickle of protocol 2 to 5.
        InputError: it asks for anything but plain data and arrays, or for too much of them.
    """
    return values.finished(_Machine(source, values).run())


class _Machine:
    def __init__(self, source: Source, values: PlainValues):
        self.source, self.values = source, values
        self.stack: List[Any] = []
        self.marked: List[List[Any]] = []
        self.memo: Dict[int, Any] = {}

    def run(self) -> Any:
        take = self.source.take
        if take(1) != b"\x80" or not 2 <= self.source.number(1) <= 5:
            raise Damaged("it does not start as a pickle of protocol 2 to 5")
        while self.source.steps_left:
            self.source.steps_left -= 1
            code = take(1)
            if code == b".":
                return self.pop()
            step = _STEPS.get(code)
            if step is None:
                raise Damaged(f"it holds the opcode {shown(code.hex())}, which checkpoints are not written with")
            step(self)
        raise InputError(f"it takes more than {MOST_STEPS} steps to read; no checkpoint takes so many")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise Damaged("it takes a value that is not there")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            raise Damaged("it refers to a value that is not there")
        return self.stack[-1]

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> List[Any]:
        if not self.marked:
            raise Damaged("it ends a list that has no start")
        values, self.stack = self.stack, self.marked.pop()
        return values

    def named(self, module: Any, name: Any) -> None:
        found = self.values.find(module, name) if type(module) is type(name) is str else None
        if found is None:
            raise InputError(
                f"it asks to run {shown(module)}.{shown(name)} while being read; only arrays are accepted, "
                "so get the checkpoint from its publisher again"
            )
        self.push(found)

    def global_(self) -> None:
        self.named(self.source.line(), self.source.line())

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        self.named(module, name)

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Constructor) or type(arguments) is not tuple:
            raise InputError("it calls something that makes no array; get the checkpoint from its publisher again")
        self.push(function.make(*arguments))

    def build(self) -> None:
        state = self.pop()
        self.values.build(self.top(), state)

    def persistent(self) -> None:
        self.push(self.values.persistent(self.pop()))

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise Damaged("it refers to a value that it did not note")
        self.push(self.memo[index])

    def integer(self, size: int) -> None:
        if size > _LONGEST_INTEGER:
            raise InputError(f"it holds an integer of {size} bytes; no checkpoint does")
        self.push(int.from_bytes(self.source.take(size), "little", signed=True))

    def text(self, size: int) -> None:
        self.push(self.source.take(size).decode("utf-8", "surrogatepass"))

    def latin_text(self, size: int) -> None:
        self.push(self.source.take(size).decode("latin-1"))

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise Damaged("a tuple in it lacks a value")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(values)

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.values.put(self.top(), [(key, value)])

    def set_items(self) -> None:
        values = self.since_mark()
        if len(values) % 2:
            raise Damaged("a table in it has a key without a value")
        self.values.put(self.top(), zip(values[::2], values[1::2]))

    def append(self) -> None:
        value = self.pop()
        self.values.append(self.top(), [value])

    def append_all(self) -> None:
        values = self.since_mark()
        self.values.append(self.top(), values)

    def frame(self) -> None:
        # What a frame holds is read one by one all the same.
        if self.source.number(8) > self.source.left:
            raise Damaged("a frame in it reaches beyond its end")


_STEPS: Dict[bytes, Callable[[_Machine], None]] = {
    b"\x95": _Machine.frame,
    b"N": lambda at: at.push(None),
    b"\x88": lambda at: at.push(True),
    b"\x89": lambda at: at.push(False),
    b"J": lambda at: at.integer(4),
    b"K": lambda at: at.push(at.source.number(1)),
    b"M": lambda at: at.push(at.source.number(2)),
    b"\x8a": lambda at: at.integer(at.source.number(1)),
    b"\x8b": lambda at: at.integer(at.source.number(4)),
    b"G": lambda at: at.push(struct.unpack(">d", at.source.take(8))[0]),
    b"X": lambda at: at.text(at.source.number(4)),
    b"\x8c": lambda at: at.text(at.source.number(1)),
    b"\x8d": lambda at: at.text(at.source.number(8)),
    b"U": lambda at: at.latin_text(at.source.number(1)),
    b"T": lambda at: at.latin_text(at.source.number(4)),
    b"B": lambda at: at.push(at.source.take(at.source.number(4))),
    b"C": lambda at: at.push(at.source.take(at.source.number(1))),
    b"\x8e": lambda at: at.push(at.source.take(at.source.number(8))),
    b"\x96": lambda at: at.push(at.source.take(at.source.number(8))),
    b"}": lambda at: at.push({}),
    b"]": lambda at: at.push([]),
    b")": lambda at: at.push(()),
    b"\x8f": lambda at: at.push(set()),
    b"(": _Machine.mark,
    b"t": lambda at: at.push(tuple(at.since_mark())),
    b"\x85": lambda at: at.tuple_of(1),
    b"\x86": lambda at: at.tuple_of(2),
    b"\x87": lambda at: at.tuple_of(3),
    b"s": _Machine.set_item,
    b"u": _Machine.set_items,
    b"a": _Machine.append,
    b"e": _Machine.append_all,
    b"\x90": _Machine.append_all,
    b"q": lambda at: at.put(at.source.number(1)),
    b"r": lambda at: at.put(at.source.number(4)),
    b"\x94": lambda at: at.put(len(at.memo)),
    b"h": lambda at: at.get(at.source.number(1)),
    b"j": lambda at: at.get(at.source.number(4)),
    b"c": _Machine.global_,
    b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce,
    b"\x81": _Machine.reduce,
    b"b": _Machine.build,
    b"Q": _Machine.persistent,
}
"""By the opcode, as Python's `pickletools` lists them; a new object (`\\x81`) is made as by a call."""
