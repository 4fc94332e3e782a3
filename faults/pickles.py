"""Pickles damaged by their grammar: opcodes replaced, moved and added, among them calls that a reader must not make."""

import pickle
import pickletools
import struct
from random import Random
from typing import Any, Callable, List, Sequence, Tuple

MARKER = "marker"
"""What a call touches, in the working folder of whoever makes it."""

_CALLS: Tuple[Tuple[str, str, Tuple[Any, ...]], ...] = (
    ("posix", "system", (f"touch {MARKER}",)),
    ("os", "mkdir", (MARKER,)),
    ("subprocess", "Popen", (["touch", MARKER],)),
    ("builtins", "open", (MARKER, "w")),
    ("io", "FileIO", (MARKER, "w")),
    ("builtins", "eval", (f"open({MARKER!r}, 'w')",)),
    ("builtins", "exec", (f"open({MARKER!r}, 'w')",)),
    ("__builtin__", "eval", (f"open({MARKER!r}, 'w')",)),
    ("builtins", "__import__", ("antigravity",)),
    ("importlib", "import_module", ("antigravity",)),
    ("numpy.testing._private.utils", "runstring", (f"open({MARKER!r}, 'w')", {})),
    ("numpy", "save", (MARKER, 0)),
    ("numpy", "memmap", (MARKER, "uint8", "w+", 0, (8,))),
    ("numpy.core.multiarray", "fromfile", ("/etc/passwd",)),
    ("pickle", "loads", (b"cposix\nsystem\n(V" + f"touch {MARKER}".encode() + b"\ntR.",)),
    ("operator", "methodcaller", ("system", f"touch {MARKER}")),
    ("functools", "partial", (print,)),
    ("builtins", "getattr", ("", "__class__")),
    ("builtins", "bytearray", (10**10,)),
    ("builtins", "list", ("x" * 100,)),
    ("builtins", "tuple", ([1, 2],)),
    ("builtins", "set", ([1, 2],)),
    ("builtins", "dict", ()),
    ("builtins", "complex", (1.0, 2.0)),
    ("builtins", "slice", (0, 1)),
    ("collections", "OrderedDict", ([["a", 1]],)),
    ("collections", "Counter", ("x" * 100,)),
    ("_codecs", "encode", ("x" * 3000 + "\u00fc" * 3000, "punycode")),
    ("_codecs", "encode", ("text", "rot13")),
    ("_codecs", "encode", ("\u00e9" * 100, "latin1")),
    ("_codecs", "encode", (5, "latin1")),
    ("numpy", "dtype", ("O8", False, True)),
    ("numpy", "dtype", ("f4", False, True)),
    ("numpy", "dtype", ("V1000000000", False, True)),
    ("numpy", "dtype", ([["a", "f4"]],)),
    ("numpy", "dtype", ("f4," * 10_000,)),
    ("numpy", "ndarray", ((10**9, 10**9),)),
    ("numpy", "ndarray", ((1 << 31,), "f4")),
    ("numpy.core.multiarray", "_reconstruct", ("ndarray", (10**9,), b"b")),
    ("numpy.core.multiarray", "scalar", ("f4", b"\0")),
    ("numpy.core.multiarray", "scalar", ("O8", b"\1" * 8)),
    ("torch._utils", "_rebuild_tensor_v2", ("storage", 0, (10**9, 10**9), (0, 0), False, {})),
    ("torch._utils", "_rebuild_parameter", ("tensor", False, {})),
    ("torch", "FloatStorage", (10**12,)),
    ("torch.storage", "_load_from_bytes", (b"x",)),
    ("paddle", "load", (MARKER,)),
    ("paddle.base.core", "eager.Tensor", ()),
    ("paddleseg_mobileseg.checkpoints.torch_reader", "_Tensor", ()),
    ("paddleseg_mobileseg.checkpoints.reader", "read_pickle", (MARKER,)),
    ("a" * 10_000, "\x1b[2J", ()),
)


def _value(value: Any) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, protocol=2)[2:-1] if not callable(value) else b"cbuiltins\nprint\n"


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode("utf-8", "surrogateescape")


def _tuple(parts: Sequence[bytes]) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def _call(random: Random) -> bytes:
    module, name, arguments = random.choice(_CALLS)
    pushed = [_value(each) for each in arguments]
    form = random.randrange(5)
    if form == 0:
        return b"(" + b"".join(pushed) + f"i{module}\n{name}\n".encode()
    if form == 1:
        return b"(" + _global(module, name) + b"".join(pushed) + b"o"
    if form == 2:
        return _global(module, name) + _tuple(pushed) + b"\x81"
    if form == 3:
        return _value(module) + _value(name) + b"\x93" + _tuple(pushed) + b"R"
    return _global(module, name) + _tuple(pushed) + b"R"


def _dtype(random: Random) -> bytes:
    """A dtype with a state of ours: raw bytes as objects, fields beyond the item, sizes that lie."""
    code = random.choice(("O8", "f4", "V8", "V16", "S4", "U2", "M8", "f8"))
    fields = {"a": ("f4", random.choice((0, 4, 1000, -4)))} if random.random() < 0.5 else None
    state = (
        random.choice((3, 4, 2, -1)),
        random.choice("<>|="),
        None,
        random.choice((None, ("a",), ("a", "b"))),
        fields,
        random.choice((-1, 0, 8, 2**31 - 1, -(2**31))),
        random.choice((-1, 1, 8, 3)),
        random.choice((0, 63, 16, 2**20)),
    )
    return _global("numpy", "dtype") + _tuple([_value(code), b"\x89", b"\x88"]) + b"R" + _value(state) + b"b"


def _array(random: Random) -> bytes:
    """An array whose state lies of its shape, its dtype or its bytes."""
    start = _global("numpy.core.multiarray", "_reconstruct")
    start += _tuple([_global("numpy", "ndarray"), _value((0,)), _value(b"b")]) + b"R"
    shape = random.choice([(2, 2), (10**9,), (-1,), (0, 10**12), (2**40, 2**40), (4,) * 40, (), (1.5,), "2"])
    kind = _dtype(random) if random.random() < 0.5 else _global("numpy", "dtype") + _tuple([_value("f4")]) + b"R"
    content = random.choice((b"\0" * 16, b"", b"\1" * 15, "text", [1, 2], None, 5))
    return start + _tuple([_value(1), _value(shape), kind, random.choice((b"\x89", b"\x88")), _value(content)]) + b"b"


def _bomb(random: Random) -> bytes:
    """Small opcodes with a large effect."""
    depth = random.choice((100, 5000, 200_000))
    return random.choice(
        (
            b"]" + b"\x85" * depth,
            b"}" + b"N" + b"\x85" * depth + b"Ns",
            b"}" + b"N" + b"2\x86" * random.choice((20, 60, 1000)) + b"Ns",
            b"]" + b"2\x86" * 40,
            b"\x8f(" + b"N" + b"2\x86" * 40 + b"\x90",
            b"]" * depth + b"a" * (depth - 1),
            b"(" * depth,
            b"N" * depth,
            b"N" + b"r" + struct.pack("<I", random.choice((2**31, 2**32 - 1, 10**8))),
            b"j" + struct.pack("<I", 2**31),
            b"B" + struct.pack("<I", 2**32 - 1) + b"x",
            b"\x8e" + struct.pack("<Q", random.choice((2**40, 2**63 - 1, 2**64 - 1))) + b"x",
            b"\x8d" + struct.pack("<Q", 2**63) + b"x",
            b"\x96" + struct.pack("<Q", 2**34) + b"x",
            b"\x95" + struct.pack("<Q", random.choice((0, 2**40, 2**64 - 1))),
            b"\x8b" + struct.pack("<i", random.choice((-1, 2**31 - 1, 100))) + b"\x7f",
            b"\x8b" + struct.pack("<i", 100_000) + b"\x7f" * 100_000,
            b"I" + b"9" * random.choice((5000, 300_000)) + b"\n",
            b"L" + b"9" * 300_000 + b"L\n",
            b"F1e999\n",
            b"V\\ud800\n",
            b"Pname\n",
            b"\x82\x01",
            b"\x97\x98",
            b"]" + b"q\x00" + b"h\x00a",
            b"}" + b"q\x01" + b"h\x01h\x01s",
            b"0" * random.choice((1, 50)),
        )
    )


def _pieces(data: bytes) -> List[bytes]:
    """The opcodes of an honest pickle, each with its argument."""
    starts = [position for _, _, position in pickletools.genops(data)]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)])]


def _place(random: Random, pieces: List[bytes]) -> int:
    return random.randrange(1, max(len(pieces) - 1, 2))


def damage_pickle(random: Random, data: bytes) -> Tuple[str, bytes]:
    """What was done to an honest pickle, and the pickle with it done."""
    pieces = _pieces(data)
    names = []
    fragments: Tuple[Tuple[str, Callable[[Random], bytes]], ...] = (
        ("call", _call),
        ("call", _call),
        ("dtype state", _dtype),
        ("array state", _array),
        ("bomb", _bomb),
    )
    for _ in range(random.choice((1, 1, 2, 3))):
        if len(pieces) < 3:  # nothing is left between start and end
            break
        at = _place(random, pieces)
        what = random.choice(("fragment", "fragment", "fragment", "removed", "repeated", "swapped", "build", "string"))
        if what == "fragment":
            what, make = random.choice(fragments)
            # Beside what is there, in place of it, or made and thrown away.
            form = random.randrange(3)
            pieces[at : at + (form == 1)] = [make(random) + (b"0" if form == 2 else b"")]
        elif what == "removed":
            del pieces[at]
        elif what == "repeated":
            pieces.insert(at, pieces[at])
        elif what == "swapped":
            other = _place(random, pieces)
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif what == "build":
            state = random.choice(({"__class__": 1}, {"kind": "int8"}, (1, 2), None, ({}, {"numbers": 5}), {"x": [1]}))
            pieces.insert(at, _value(state) + b"b")
        else:
            others = ("\x1b[2J", "x" * 100_000, "", -1, 2**70, 1.5, None, [], {}, b"bytes", ())
            pieces[at] = _value(random.choice(others))
        names.append(what)
    return f"opcodes: {', '.join(names)}", b"".join(pieces)
