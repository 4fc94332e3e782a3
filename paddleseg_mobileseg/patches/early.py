"""What must be done before Paddle is loaded, and costs next to nothing: the package does it when it is imported."""

import ctypes
import os
import sys
from typing import Optional

PADDLE_CAME_FIRST = "paddle" in sys.modules
"""Whether Paddle was loaded before this package, too early for what is done here."""


def load_zlib() -> Optional[ctypes.CDLL]:
    """The system's zlib; None on another operating system, or under a Python that brings its own."""
    try:
        return ctypes.CDLL("libz.so.1")
    except OSError:
        return None


def prepare() -> None:
    """Keep Paddle's zlib from capturing the system's (`opencv.zlib_of_paddle`), and its programs readable for opt."""
    if not PADDLE_CAME_FIRST:
        # Paddle 3 reads this flag when it is imported.
        os.environ.setdefault("FLAGS_enable_pir_api", "0")
        load_zlib()
