"""Pictures, as `read_image` reads them for prediction and comparison."""

import struct
from pathlib import Path
from random import Random
from typing import Tuple

import numpy as np

from paddleseg_mobileseg.data.image_file import read_image

from ..case import Files, Kind, Special, Wrong, honest_files
from ..damage import damage_bytes
from ..pngs import damage_png

_PICTURES = ("picture.jpg", "progressive.jpg", "picture.png", "picture.bmp", "picture.webp")
_SIDES = (0, 1, 17, 1000, 20_000, 32_767, 65_535)


class Jpeg(Kind):
    """Also the base of the others: one file, at times under a name that is no text or as no file at all."""

    file = "picture.jpg"
    mentions = ("picture.", "\\udcff", "ÿ", "�", "\\xff")

    def honest(self) -> Files:
        return dict(honest_files(self.file))

    def damage(self, random: Random) -> Tuple[str, Files]:
        name = random.choice((self.file, "progressive.jpg")) if self.file.endswith("jpg") else self.file
        data = honest_files(name)[name]
        if random.random() < 0.05:
            return "no regular file", {self.file: random.choice((Special("fifo"), Special("folder"),
                                                                 Special("link", "/dev/zero"), b""))}
        if random.random() < 0.05:
            # What is not UTF-8 in a name is a lone surrogate in Python.
            return "a name that is not UTF-8", {f"\udcff{self.file}": data}
        if random.random() < 0.5:
            what, data = damage_bytes(random, data, list(honest_files(*_PICTURES).values()))
        else:
            what, data = self.structured(random, data)
        return what, {self.file: data}

    def structured(self, random: Random, data: bytes) -> Tuple[str, bytes]:
        """Damage that keeps to the format."""
        starts = [at for at in range(len(data) - 9) if data[at] == 0xFF and data[at + 1] in range(0xC0, 0xFE)]
        at = random.choice(starts)
        if data[at + 1] in (0xC0, 0xC2) or random.random() < 0.5:
            frames = [at for at in starts if data[at + 1] in (0xC0, 0xC2)]
            at = random.choice(frames)
            sides = struct.pack(">HH", random.choice(_SIDES), random.choice(_SIDES))
            return "lying size", data[: at + 5] + sides + data[at + 9:]
        (size,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + size]
        if random.random() < 0.5:
            return "segment repeated", data[:at] + segment * random.choice((2, 500)) + data[at + 2 + size:]
        lie = struct.pack(">H", random.choice((0, 1, 2, 3, 65_535)))
        return "lying segment", data[: at + 2] + lie + data[at + 4:]

    def attempt(self, folder: Path) -> None:
        (path,) = folder.iterdir()
        image = read_image(path)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise Wrong(f"an image {image.dtype} of {list(image.shape)}")


class Png(Jpeg):
    file = "picture.png"

    def structured(self, random: Random, data: bytes) -> Tuple[str, bytes]:
        return damage_png(random, data)


class Bmp(Jpeg):
    file = "picture.bmp"

    def structured(self, random: Random, data: bytes) -> Tuple[str, bytes]:
        at, code = random.choice(((10, "<I"), (14, "<I"), (18, "<i"), (22, "<i"), (28, "<H"), (30, "<I"), (46, "<I")))
        low, high = {"<I": (0, 2**32 - 1), "<i": (-(2**31), 2**31 - 1), "<H": (0, 65_535)}[code]
        value = random.choice((0, 1, 4, 8, 16, 54, -12, -1, 40_000, 2**31 - 1, 2**32 - 1))
        value = min(max(value, low), high)
        return "lying header", data[:at] + struct.pack(code, value) + data[at + struct.calcsize(code):]


class Webp(Jpeg):
    file = "picture.webp"

    def structured(self, random: Random, data: bytes) -> Tuple[str, bytes]:
        at = random.choice((4, 16))
        if random.random() < 0.5:
            size = struct.pack("<I", random.choice((0, 1, 2**31, 2**32 - 1, len(data))))
            return "lying size", data[:at] + size + data[at + 4:]
        extended = b"VP8X" + struct.pack("<II", 10, random.choice((0, 2, 0x3F))) + b"\xff\xff\xff\xff\xff\xff"[:6]
        return "extended header", data[:12] + extended + data[12:]
