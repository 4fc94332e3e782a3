"""Image files as arrays."""

from pathlib import Path
from typing import Union

import cv2
import numpy as np

from ..errors import InputError
from ..opencv_files import read_pixels
from .samples import file_fault

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def read_image(path: Union[str, Path], thorough: bool = True) -> np.ndarray:
    """The pixels of an image file, uint8 RGB [H, W, 3], turned as its EXIF data says: what PaddleSeg reads too.

    Args:
        path: the file.
        thorough: find damage inside the file; otherwise only a JPEG or PNG that is cut short is found.

    Raises:
        InputError: the file is missing, damaged or no image.
    """
    fault = file_fault(str(path), thorough)
    image = read_pixels(path) if fault is None else None
    if image is None:
        raise InputError(f"{path} {fault or 'is not an image'}; replace it or remove it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
