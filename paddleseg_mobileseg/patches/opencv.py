"""OpenCV beside Paddle in one process."""

import ctypes
import os
import time

from .early import PADDLE_CAME_FIRST, load_zlib
from .patch import Patch, TooLate

# Two by two pixels; decoding it goes through inflateReset2.
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001249444154789c63601091d330b261e002530009aa019b5d8c024c0000000049454e44ae426082"
)


def png_decodes() -> bool:
    """Whether OpenCV reads a PNG in this process; asked in a forked child, since it may crash."""
    import cv2
    import numpy as np

    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(0 if cv2.imdecode(np.frombuffer(_PNG, np.uint8), cv2.IMREAD_COLOR) is not None else 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def exports_zlib() -> bool:
    """Whether libpaddle.so answers for a function of zlib with one of its own."""
    from paddle.base import core

    zlib, library = load_zlib(), ctypes.CDLL(core.libpaddle.__file__)
    functions = [getattr(each, "inflateReset2", None) for each in (zlib, library)]
    return None not in functions and len({ctypes.cast(each, ctypes.c_void_p).value for each in functions}) == 2


def _has_two_zlibs() -> bool:
    if PADDLE_CAME_FIRST:
        return hasattr(os, "fork") and not png_decodes()
    return exports_zlib()


def _keep_them_apart() -> None:
    # `early.prepare` loaded libz.so.1 when this package was imported; once Paddle is loaded there is no way back.
    if PADDLE_CAME_FIRST:
        raise TooLate("import paddleseg_mobileseg or cv2 before paddle")


ZLIB_OF_PADDLE = Patch(
    name="zlib_of_paddle",
    what="reading a PNG fails or crashes when Paddle is imported before OpenCV",
    upstream="Paddle 2.6, libpaddle.so: exports a zlib of its own (inflateReset2), which captures the inner calls of a "
    "libz.so.1 loaded after it, so that half of one version runs with half of another",
    detect=_has_two_zlibs,
    apply=_keep_them_apart,
)

PATCHES = [ZLIB_OF_PADDLE]
