"""PNG files chunk by chunk, so that their checksums are honest while what they say is not."""

import struct
import zlib
from functools import lru_cache
from random import Random
from typing import List, Tuple

START = b"\x89PNG\r\n\x1a\n"
Chunk = Tuple[bytes, bytes]


def chunks_of(data: bytes) -> List[Chunk]:
    """Type and content of each chunk of an honest file."""
    found, at = [], len(START)
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def to_bytes(chunks: List[Chunk]) -> bytes:
    """The file, with honest sizes and checksums."""
    return START + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> Chunk:
    """IHDR."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


@lru_cache(maxsize=None)
def zeros(size: int) -> bytes:
    """So many zeros as deflate packs them, to a thousandth."""
    packer = zlib.compressobj(1)
    parts = [packer.compress(b"\0" * min(1 << 20, size - at)) for at in range(0, size, 1 << 20)]
    return b"".join(parts) + packer.flush()


def blank(width: int, height: int) -> bytes:
    """A picture of zeros."""
    return to_bytes([header(width, height), (b"IDAT", zeros((width + 1) * height)), (b"IEND", b"")])


def damage_png(random: Random, data: bytes) -> Tuple[str, bytes]:
    """What was done to an honest file, and the file with it done."""
    chunks = chunks_of(data)
    what = random.choice(("size", "header", "removed", "repeated", "swapped", "content", "text", "bomb", "palette"))
    at = random.randrange(len(chunks))
    if what == "size":
        sides = (0, 1, 2, 12, 17, 1000, 20_000, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
        chunks[0] = header(random.choice(sides), random.choice(sides), colour=random.choice((0, 2, 6)))
    elif what == "header":
        kind = random.choice(((1, 0), (2, 3), (4, 0), (16, 2), (16, 6), (8, 3), (8, 4), (3, 9), (8, 2), (0, 0)))
        chunks[0] = header(16, 12, *kind, interlace=random.choice((0, 0, 1, 2)))
    elif what == "removed":
        del chunks[at]
    elif what == "repeated":
        chunks[at:at] = [chunks[at]] * random.choice((1, 2, 2000))
    elif what == "swapped":
        other = random.randrange(len(chunks))
        chunks[at], chunks[other] = chunks[other], chunks[at]
    elif what == "content":
        kind, content = chunks[at]
        size = random.choice((0, 1, len(content), 100))
        chunks[at] = (kind, bytes(random.randrange(256) for _ in range(size)))
    elif what == "text":
        kinds = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"gAMA", b"acTL", b"fdAT", b"\x1b[2J")
        kind = random.choice(kinds)
        packed = zeros(random.choice((10, 100 << 20)))
        content = random.choice((b"", b"key\0\0" + packed, b"\xff" * 1000, b"\x1b[2J\0text", b"MM\0*\xff\xff\xff\xff"))
        chunks.insert(random.randrange(1, len(chunks) + 1), (kind, content))
    elif what == "bomb":
        side = random.choice((1000, 4000))
        chunks[0] = header(16, 12)
        chunks[1:-1] = [(b"IDAT", zeros(side * side))]
    else:
        chunks[0] = header(16, 12, 8, 3)
        chunks.insert(1, (b"PLTE", bytes(3 * random.choice((0, 1, 4, 256, 300)))))
    return f"chunks: {what}", to_bytes(chunks)
