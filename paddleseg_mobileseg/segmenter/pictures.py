"""Pictures in whatever form a caller has them, as arrays."""

import os
from pathlib import Path
from typing import Any, List, NamedTuple, Union

import numpy as np
from PIL import Image, ImageOps

from ..data.image_file import IMAGE_SUFFIXES, read_image
from ..errors import InputError, shown
from ..files import read_regular

Picture = Union[str, Path, np.ndarray, Image.Image]
"""A file, an array, or an image of Pillow's."""

_MOST_BYTES = 1 << 26


def as_rgb(picture: Any) -> np.ndarray:
    """The pixels of a picture, uint8 RGB [H, W, 3].

    Files and Pillow's images are turned as their EXIF data says. Grey becomes three equal channels, a channel for
    transparency is left out, and of 16 bits a channel the upper eight are taken: what OpenCV makes of such files too,
    and so PaddleSeg.

    Args:
        picture: a file; uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], RGB; or an image of Pillow's.

    Raises:
        InputError: it is something else, empty, or a file that cannot be read.
    """
    if isinstance(picture, (str, os.PathLike)):
        return read_image(Path(picture), thorough=False)
    if isinstance(picture, Image.Image):
        return _of_pillow(picture)
    if not isinstance(picture, np.ndarray):
        raise InputError(
            f"a picture is a path, a NumPy array or an image of Pillow's, not a {shown(type(picture).__name__)}"
        )
    if picture.dtype != np.uint8:
        raise InputError(
            f"a picture as an array is uint8, 0 to 255, not {picture.dtype}; scale it and call .astype('uint8')"
        )
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or 0 in picture.shape:
        raise InputError(f"a picture as an array is of shape [H, W, 3], RGB, not {list(picture.shape)}")
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else np.ascontiguousarray(picture[..., :3])


def _of_pillow(picture: Image.Image) -> np.ndarray:
    try:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I;16"):
            return as_rgb((np.asarray(picture) // 256).astype(np.uint8))
        if picture.mode in ("I", "F"):
            raise InputError(f"a picture of Pillow's mode {picture.mode} has no range that is known; convert it to RGB")
        return np.asarray(picture.convert("RGB"))
    except OSError as error:  # it is read when it is used
        raise InputError(f"a picture cannot be read: {shown(error, 200)}") from error


class NamedFile(NamedTuple):
    """A picture that was found.

    Attributes:
        path: the file.
        name: relative to the folder that it was found by, or the file's own.
    """

    path: Path
    name: Path


def find_pictures(given: Union[str, Path]) -> List[NamedFile]:
    """The pictures that a path means: a picture itself, those in a folder and in its folders, or those of a list.

    A list is a text file with a path at the beginning of each line, relative to the list itself, as the lists of data
    sets are.

    Raises:
        InputError: there is nothing, or no picture.
    """
    path = Path(given)
    if path.is_dir():
        found = [
            Path(folder, name)
            for folder, folders, names in os.walk(path)
            for name in names
            if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
        ]
        if not found:
            raise InputError(f"the folder {path} holds no images ({', '.join(IMAGE_SUFFIXES)})")
        return [NamedFile(file, file.relative_to(path)) for file in sorted(found)]
    if not path.is_file():
        raise InputError(f"there is no image, folder or list {path}")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return [NamedFile(path, Path(path.name))]
    return _listed(path)


def _listed(path: Path) -> List[NamedFile]:
    try:
        lines = os.fsencode(read_regular(path, _MOST_BYTES).decode("utf-8", "surrogateescape")).splitlines()
    except UnicodeError as error:
        raise InputError(f"{path} is neither an image nor a text file that lists images") from error
    names = [Path(os.fsdecode(line.split()[0])) for line in lines if line.split()]
    wrong = next((name for name in names if name.suffix.lower() not in IMAGE_SUFFIXES), None)
    if not names or wrong is not None:
        what = "it is empty" if wrong is None else f"it holds {shown(wrong)}"
        raise InputError(f"{path} is neither an image nor a text file that lists images: {what}")
    return [NamedFile(path.parent / name, name if _stays_inside(name) else Path(name.name)) for name in names]


def _stays_inside(name: Path) -> bool:
    """Whether it may be the name of a result: some folder's, and not another's."""
    return not name.is_absolute() and ".." not in name.parts
