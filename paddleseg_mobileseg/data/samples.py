"""One sample of a data set: whether its files can be read and whether its label can be trained on."""

import copy
import os
import stat
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import cv2
import numpy as np
import paddle
from PIL import Image

from ..errors import InputError, MobilesegError, shown
from ..opencv_files import read_pixels
from .draws import random_numbers_of

_LONGEST_PATH = 500

UNREADABLE = "unreadable"
SIZES_DIFFER = "sizes differ"
BAD_LABEL = "bad label"
EMPTY = "empty"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with one sample.

    Attributes:
        kind: one of the four above.
        what: one line that names the file and the reason.
    """

    kind: str
    what: str


_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND\xaeB`\x82"}
"""How a JPEG and a PNG begin, and how a whole one ends."""

_EXIF_ORIENTATION = 274


def sample_files(dataset, index: int) -> Tuple[str, ...]:
    """The image and label files of a sample, as far as the data set keeps a list of them."""
    files = getattr(dataset, "file_list", None)
    row = files[index] if files is not None and index < len(files) else ()
    return tuple(path for path in (row if isinstance(row, (list, tuple)) else [row]) if isinstance(path, str))


def first_samples(dataset: Any, count: Optional[int]) -> Any:
    """A data set of the first so many samples of another; that one itself without a count.

    Raises:
        InputError: it keeps no list of its samples.
    """
    if count is None:
        return dataset
    files = getattr(dataset, "file_list", None)
    if not isinstance(files, list):
        raise InputError(f"{type(dataset).__name__} keeps no list of its samples to take the first of: omit --limit")
    part = copy.copy(dataset)
    part.file_list = files[:count]
    return part


def sample_name(dataset, index: int) -> str:
    """What to call a sample in a message: its image's file, or its position."""
    files = sample_files(dataset, index)
    return _named(files[0]) if files else f"sample {index} of {type(dataset).__name__}"


def has_class_numbers(dataset, sample: Any) -> bool:
    """Whether a sample has a label whose values the data set says enough about to be checked."""
    return hasattr(dataset, "num_classes") and isinstance(sample, dict) and sample.get("label") is not None


def file_fault(path: str, thorough: bool) -> Optional[str]:
    """Why an image file cannot be read whole; None where it can, or is no image.

    OpenCV reads a truncated JPEG "successfully", with grey for what is missing.

    Args:
        path: the file.
        thorough: decode it; otherwise only a JPEG or PNG that does not end as it should is decoded, and of others
            the header is read.
    """
    try:
        if not _is_regular(path):
            return "is no regular file"
        with open(path, "rb") as file:
            begin = file.read(2)
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16))
            end = file.read()
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    except ValueError:
        return "cannot be opened: its name holds a NUL"
    if not begin:
        return "is empty"
    whole = not thorough and (begin not in _ENDS or _ENDS[begin] in end)
    try:
        with Image.open(path) as image:
            if not whole:
                image.load()
    except Image.DecompressionBombError:
        return f"has more than {2 * Image.MAX_IMAGE_PIXELS} pixels; cut it into tiles, or make it smaller"
    except Image.UnidentifiedImageError:
        # OpenCV knows formats that Pillow does not, and a data set may keep its labels in arrays.
        if not whole and (begin in _ENDS or _is_image_name(path) and not _opencv_reads(path)):
            return "is not an image"
    except Exception as error:  # a damaged image raises nearly anything, depending on the byte that is wrong
        return None if whole else f"is truncated or damaged ({shown(error, 200)})"
    return None


def _named(path: str) -> str:
    """A path for a message; what is longer than paths are is no path, and only begun."""
    fits = len(shown(path, _LONGEST_PATH + 1)) <= _LONGEST_PATH
    return path if fits else shown(path, _LONGEST_PATH)


def _is_regular(path: str) -> bool:
    """To be asked before a file is opened: a FIFO would be waited for, and /dev/zero has no end."""
    return stat.S_ISREG(os.stat(path).st_mode)


def _opencv_reads(path: str) -> bool:
    try:
        return read_pixels(path) is not None
    except cv2.error:
        return False


def _is_image_name(path: str) -> bool:
    return path.lower().endswith((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"))


def header_size(path: str) -> Optional[Tuple[int, int]]:
    """Height and width in pixels as OpenCV reads the file, out of its header; None where it is no image."""
    try:
        if not _is_regular(path):
            return None
        with Image.open(path) as image:
            width, height = image.size
            # Only a JPEG is asked, since looking for it in a PNG may decode the whole file.
            turned = image.format == "JPEG" and image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except Exception:
        return None
    return (width, height) if turned else (height, width)


def files_problem(files: Sequence[str], thorough: bool) -> Optional[Problem]:
    """What is wrong with the files of one sample, an image and perhaps its label; `thorough` as in `file_fault`."""
    # Headers first: what is of another size need not be decoded.
    for path in files:
        fault = file_fault(path, thorough=False)
        if fault:
            return Problem(UNREADABLE, f"{_named(path)} {fault}")
    if len(files) == 2:
        image, label = (header_size(path) for path in files)
        if image and label and image != label:
            return Problem(
                SIZES_DIFFER,
                f"{files[0]} is {image[1]}x{image[0]} and its label {files[1]} is {label[1]}x{label[0]}; "
                "they must be of one size",
            )
    for path in files if thorough else ():
        fault = file_fault(path, thorough)
        if fault:
            return Problem(UNREADABLE, f"{_named(path)} {fault}")
    return None


def label_problem(dataset, index: int, label: Any) -> Optional[Problem]:
    """What is wrong with the label map [H, W] or [1, H, W] of a sample, for the classes of its data set."""
    fault = _label_fault(np.asarray(label), dataset.num_classes, getattr(dataset, "ignore_index", 255))
    files = sample_files(dataset, index)
    name = files[-1] if files else sample_name(dataset, index)
    return Problem(BAD_LABEL, f"the label {'' if files else 'of '}{name} {fault}") if fault else None


def _label_fault(label: np.ndarray, num_classes: int, ignore_index: int) -> Optional[str]:
    if label.ndim > 2 and label.shape[0] == 1:
        label = label[0]
    if label.ndim != 2:
        return (
            f"is of shape {list(label.shape)}; a label holds one class number a pixel, so save it as an image of "
            "one channel"
        )
    wrong = (label != ignore_index) & ((label < 0) | (label >= num_classes))
    if not wrong.any():
        return None
    values = np.unique(label[wrong])
    listing = ", ".join(f"{value:g}" for value in values[:10]) + (", ..." if len(values) > 10 else "")
    return (
        f"holds {listing}, outside the classes 0 to {num_classes - 1} and the ignore_index {ignore_index}; "
        "correct the label or num_classes"
    )


class CheckedSamples(paddle.io.Dataset):
    """A data set whose bad samples raise one error that names the file and the reason.

    Everything else is the data set's own. The checks on a good sample cost a fraction of a millisecond:
    headers and last bytes of the files, and the range of the label after the transforms.

    Args:
        dataset: any PaddleSeg data set.
        role: the section of the config it comes from, for messages.
        multilabel: its labels are one mask a class, so that their values and sizes are not checked.
    """

    def __init__(self, dataset, role: str, multilabel: bool = False):
        super().__init__()
        self.dataset = dataset
        self.role = role
        self.multilabel = multilabel

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name == "dataset":  # not yet there while a copy is being made
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __getitem__(self, index: int) -> Any:
        """The sample of the data set.

        Raises:
            InputError: a file is missing or damaged, sizes differ, or the label holds no class numbers.
        """
        files = sample_files(self.dataset, index)
        self._refuse(files_problem(files[:1] if self.multilabel else files, thorough=False))
        try:
            with random_numbers_of(index):
                sample = self.dataset[index]
        except MobilesegError:
            raise
        except Exception as error:
            self._refuse(files_problem(files, thorough=True))
            raise InputError(
                f"{self.role}: {sample_name(self.dataset, index)} cannot be read or transformed: "
                f"{type(error).__name__}: {error}"
            ) from error
        if has_class_numbers(self.dataset, sample) and not self.multilabel:
            self._refuse(label_problem(self.dataset, index, sample["label"]))
        return sample

    def _refuse(self, problem: Optional[Problem]) -> None:
        if problem is not None:
            raise InputError(f"{self.role}: {problem.what}")
