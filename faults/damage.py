"""Damage that any format can suffer: of bytes, and of trees of values such as JSON's and YAML's."""

import json
import struct
from random import Random
from typing import Any, Callable, Dict, List, Sequence, Tuple

ESCAPES = "\x1b[2J\x1b]0;title\x07red\r\n\x85\u202egnp"
"""Codes that would clear a terminal, rename its window, ring and turn the text round."""

LYING_SIZES = (0, 1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


def random_bytes(random: Random, size: int) -> bytes:
    """Noise; Python 3.8 has no Random.randbytes."""
    return random.getrandbits(8 * size).to_bytes(size, "little") if size else b""


def _place(random: Random, data: bytes) -> Tuple[int, int]:
    """Start and end of a part of `data`, mostly a short one."""
    start = random.randrange(len(data) + 1)
    longest = len(data) - start
    return start, start + min(longest, random.choice((1, 2, 4, 8, 64, longest)))


def _flips(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64)) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(max(len(data), 1))]


def _insertion(random: Random, data: bytes) -> bytes:
    at, _ = _place(random, data)
    return data[:at] + random_bytes(random, random.choice((1, 3, 16, 300))) + data[at:]


def _deletion(random: Random, data: bytes) -> bytes:
    start, end = _place(random, data)
    return data[:start] + data[end:]


def _duplication(random: Random, data: bytes) -> bytes:
    start, end = _place(random, data)
    return data[:end] + data[start:end] * random.choice((1, 2, 50)) + data[end:]


def _zeroed(random: Random, data: bytes) -> bytes:
    start, end = _place(random, data)
    return data[:start] + random.choice((b"\0", b"\xff")) * (end - start) + data[end:]


def _noise(random: Random, data: bytes) -> bytes:
    start, end = _place(random, data)
    return data[:start] + random_bytes(random, end - start) + data[end:]


def _lying_number(random: Random, data: bytes) -> bytes:
    """A number of 2, 4 or 8 bytes that could be a size becomes another."""
    code = random.choice("<H <I <Q >H >I".split())
    size = struct.calcsize(code)
    if len(data) < size:
        return data
    likely = [at for at in range(min(len(data), 5000) - size + 1) if struct.unpack_from(code, data, at)[0] <= len(data)]
    at = random.choice(likely) if likely else random.randrange(len(data) - size + 1)
    lie = random.choice(LYING_SIZES) & ((1 << 8 * size) - 1)
    return data[:at] + struct.pack(code, lie) + data[at + size:]


def _swapped(random: Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((_place(random, data), _place(random, data)))
    b, c = min(b, c), max(b, c)
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[max(c, d):]


_DAMAGES: Dict[str, Callable[[Random, bytes], bytes]] = {
    "flipped bits": _flips,
    "cut": _cut,
    "inserted": _insertion,
    "deleted": _deletion,
    "duplicated": _duplication,
    "zeroed": _zeroed,
    "noise": _noise,
    "lying number": _lying_number,
    "swapped": _swapped,
}


def damage_bytes(random: Random, data: bytes, others: Sequence[bytes] = ()) -> Tuple[str, bytes]:
    """What was done, and `data` with it done; `others` are honest files to splice with."""
    names: List[str] = []
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if others and random.random() < 0.1:
            other = random.choice(others)
            data = data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1):]
            names.append("spliced")
            continue
        name = random.choice(list(_DAMAGES))
        data = _DAMAGES[name](random, data)
        names.append(name)
    return " and ".join(dict.fromkeys(names)), data


RAW = "@raw:"
"""A text that begins so stands in the written file as the rest of it, without quotes."""

_DEEP = 100_000

_VALUES: Tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    5.5,
    2**31,
    2**63,
    10**30,
    1_000_000_000,
    1e308,
    -0.0,
    "",
    "text",
    "12",
    "\u00b2",
    "a\0b",
    ESCAPES,
    "x" * 200_000,
    "../../../../etc/passwd",
    "/dev/zero",
    [],
    {},
    [[]],
    [3],
    {"type": 3},
    {"": None},
    list(range(3000)),
    {str(number): number for number in range(3000)},
    {ESCAPES: ESCAPES},
    {"k" * 100_000: 0},
)

JSON_RAW = (
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 5000,
    "-" + "9" * 20,
    "[" * _DEEP + "]" * _DEEP,
    '{"a":' * _DEEP + "0" + "}" * _DEEP,
    '"\\ud800"',
    '"\\u0000"',
    "{} {}",
    "'text'",
    "\ufeff1",
)


def _nodes(tree: Any) -> List[Tuple[Any, Any]]:
    """Every place in a tree: the container, and the key or index in it."""
    found: List[Tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def damage_tree(random: Random, tree: Any, raw: Sequence[str] = JSON_RAW) -> Tuple[str, Any]:
    """What was done, and a copy of `tree` with it done: values of another type, size or depth, keys renamed.

    Args:
        random: the source of chance.
        tree: dictionaries, lists, texts and numbers.
        raw: texts of the format that no value gives.
    """
    holder = [json.loads(json.dumps(tree))]
    names = []
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        container, key = random.choice(_nodes(holder))
        what = random.choice(("value", "value", "raw", "removed", "renamed", "added", "moved"))
        value = RAW + random.choice(raw) if what == "raw" else json.loads(json.dumps(random.choice(_VALUES)))
        if what == "removed" and container is not holder:
            del container[key]
        elif what == "renamed" and isinstance(container, dict):
            container[random.choice((ESCAPES, "", str(key) + "s", "k" * 50_000, "\0"))] = container.pop(key)
        elif what == "added" and isinstance(container, dict):
            container[random.choice(("type", "schema", ESCAPES, "unknown"))] = value
        elif what == "moved":
            container[key] = [container[key]]
        else:
            what = "raw" if what == "raw" else "value"
            container[key] = value
        names.append(f"{what} at {str(key)[:20]!r}")
    return ", ".join(names), holder[0]


def to_json(tree: Any, indent: Any = None) -> str:
    """JSON of a tree, with what begins with `RAW` as it is."""
    text = json.dumps(tree, indent=indent)
    marker = json.dumps(RAW)[:-1]
    while marker in text:
        start = text.index(marker)
        decoded, end = json.JSONDecoder().raw_decode(text, start)
        text = text[:start] + decoded[len(RAW):] + text[end:]
    return text
