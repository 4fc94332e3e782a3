"""Label files as they are stored: numbers of any depth, palettes, or colours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Tuple

import numpy as np
from PIL import Image

from ..data.samples import file_fault
from ..errors import InputError, shown

_MOST_COLOURS = 4096
_DEEP = ("I", "I;16", "I;16B", "I;16L")

GREY = 0x010101
"""A grey level times this is the code of its colour."""


@dataclass(frozen=True)
class Stored:
    """The pixels of one label file.

    Attributes:
        values: [H, W]: numbers, or codes of colours, which are `0xRRGGBB`.
        coloured: whether they are codes.
        indexed: whether PaddleSeg reads the file's pixels as these very numbers.
        palette: codes of the colours that numbers are shown in, [256]; None where the file has none.
    """

    values: np.ndarray
    coloured: bool
    indexed: bool
    palette: Optional[np.ndarray] = None

    def codes(self) -> np.ndarray:
        """The pixels as codes of colours, whatever they are stored as."""
        if self.coloured:
            return self.values
        if self.palette is not None:
            return self.palette[self.values]
        return self.values.astype(np.uint32) * np.uint32(GREY)


@dataclass(frozen=True)
class Look:
    """What the survey of a data set keeps of a label file.

    Attributes:
        pixels: how many there are of each number or code.
        coloured, indexed, palette: as of `Stored`.
    """

    pixels: Dict[int, int]
    coloured: bool
    indexed: bool
    palette: Optional[np.ndarray]


def read_stored(path: Path) -> Stored:
    """The pixels of a label file.

    Raises:
        InputError: it is missing or damaged, a JPEG, or of a kind that holds no labels.
    """
    fault = file_fault(str(path), thorough=False)
    if fault:
        raise InputError(f"{path} {fault}")
    try:
        with Image.open(path) as image:
            return _stored(image, path)
    except InputError:
        raise
    except Exception as error:  # a damaged image raises nearly anything
        raise InputError(f"{path} is truncated or damaged ({shown(error, 200)})") from error


def _stored(image: Image.Image, path: Path) -> Stored:
    if image.format == "JPEG":
        raise InputError(f"{path} is a JPEG, which changes the numbers and colours of a label; save labels as PNG")
    if image.mode in ("1", "L", "LA"):
        factor = _scaled_by(image, path)
        values = np.asarray(image.convert("L") if image.mode == "LA" else image)
        # Pillow gives the two values of a bitmap as truth values.
        indexed = image.format == "PNG" and image.mode == "L" and factor == 1
        return Stored(values.astype(np.uint8) // np.uint8(factor), False, indexed)
    if image.mode == "P":
        return Stored(np.asarray(image), False, image.format == "PNG", _palette(image))
    if image.mode in _DEEP:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise InputError(f"{path} holds {values.min()} to {values.max()}; a label holds numbers from 0 to 65535")
        return Stored(values, False, False)
    if image.mode in ("RGB", "RGBA"):
        red, green, blue = np.moveaxis(np.asarray(image)[..., :3].astype(np.uint32), -1, 0)
        return Stored(red << 16 | green << 8 | blue, True, False)
    raise InputError(f"{path} has pixels of the kind {image.mode}; save labels as PNG of one channel, or of RGB")


def _scaled_by(image: Image.Image, path: Path) -> int:
    """By what Pillow, and PaddleSeg with it, multiplies the grey numbers of a PNG of two or four bits a pixel."""
    if image.format != "PNG" or image.mode != "L":
        return 1
    with open(path, "rb") as file:
        head = file.read(26)
    return {2: 85, 4: 17}.get(head[24], 1)


def _palette(image: Image.Image) -> np.ndarray:
    colours = np.zeros((256, 3), np.uint32)
    listed = np.asarray(image.getpalette("RGB") or [], np.uint32).reshape(-1, 3)[:256]
    colours[: len(listed)] = listed
    return colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2]


def look_at(path: Path) -> Tuple[Tuple[int, int], Look]:
    """Height and width of a label file, and what it holds.

    Raises:
        InputError: as of `read_stored`, and for a picture of more than 4096 colours.
    """
    stored = read_stored(path)
    if stored.values.dtype == np.uint8:
        counts = np.bincount(stored.values.ravel(), minlength=256)
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(stored.values, return_counts=True)
    if len(values) > _MOST_COLOURS:
        raise InputError(
            f"{path} holds {len(values)} colours; is it a photograph, or was the label smoothed or saved as JPEG once?"
        )
    pixels = dict(zip(values.tolist(), counts.tolist()))
    height, width = stored.values.shape
    return (height, width), Look(pixels, stored.coloured, stored.indexed, stored.palette)
