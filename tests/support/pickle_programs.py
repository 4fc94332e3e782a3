"""Pickles written opcode by opcode, for tests of what reads them: those that no honest program writes, above all."""

import pickle
import struct

STOP = b"."


def text(value):
    content = value.encode("utf-8")
    return b"X" + struct.pack("<I", len(content)) + content


def raw(content):
    return b"B" + struct.pack("<I", len(content)) + content


def integers(*values):
    return b"".join(b"J" + struct.pack("<i", value) for value in values)


def group(*parts):
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def call(module, name, *arguments):
    return named(module, name) + group(*arguments) + b"R"


TRUE, FALSE, NONE = b"\x88", b"\x89", b"N"
PLAIN = (NONE, NONE, NONE, integers(-1, -1, 0))


def dtype(code="f4", order="<", rest=PLAIN, version=3):
    """A `numpy.dtype` with its state."""
    made = call("numpy", "dtype", text(code), FALSE, TRUE)
    return made + group(integers(version), text(order), *rest) + b"b"


def array(shape=(3,), numbers=None, data=bytes(12), fortran=FALSE, version=1, module="numpy.core.multiarray"):
    """An array with its state; `numbers` and `data` are what they claim to be."""
    start = call(module, "_reconstruct", named("numpy", "ndarray"), group(integers(0)), raw(b"b"))
    state = group(integers(version), group(integers(*shape)), numbers or dtype(), fortran, raw(data))
    return start + state + b"b"


def table(**values):
    """A whole file: a table of names."""
    return b"\x80\x03}(" + b"".join(text(name) + value for name, value in values.items()) + b"u" + STOP


def doubled(times, start=b"K\x01", slot=0):
    """`start` in a pair of itself, that in a pair of itself, and so on."""
    step = b"q" + bytes([slot]) + b"h" + bytes([slot]) + b"\x86"
    return start + step * times


class Touch:
    """Unpickled by Python, it makes the file `path`, and is an empty table then."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return eval, (f"[open({self.path!r}, 'w').close(), {{}}][1]",)


def bomb(path, touched):
    """A checkpoint that makes the file `touched` where it is unpickled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(Touch(touched)))
    return str(path)
