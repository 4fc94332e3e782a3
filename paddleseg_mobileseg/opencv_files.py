"""Image files by OpenCV, whatever bytes their names are made of.

OpenCV's Python module takes a name as UTF-8 and dies of one that is not (4.5 and 4.6: SIGSEGV). Here Python opens the
files, and OpenCV gets what is in them.
"""

import os
from pathlib import Path
from typing import Optional, Sequence, Union

import cv2
import numpy as np


def read_pixels(filename: Union[str, Path], flags: int = cv2.IMREAD_COLOR) -> Optional[np.ndarray]:
    """What `cv2.imread` gives, pixel for pixel: BGR [H, W, 3], turned as EXIF says; None where it is no image."""
    try:
        data = Path(filename).read_bytes()
    except (OSError, ValueError):  # there is no such file, or its name holds a NUL
        return None
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None


def write_pixels(filename: Union[str, Path], img: np.ndarray, params: Sequence[int] = ()) -> bool:
    """As `cv2.imwrite`: the format is that of the suffix; whether the file was written."""
    suffix = os.path.splitext(filename)[1]
    if not suffix.isascii():
        return False
    done, encoded = cv2.imencode(suffix, img, params)
    if done:
        try:
            Path(filename).write_bytes(encoded.tobytes())
        except (OSError, ValueError):
            return False
    return done
