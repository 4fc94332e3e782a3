"""OpenCV beside Paddle in one process."""

import ctypes
import functools
import os
import signal
import time
from typing import Any, Callable

import cv2
import numpy as np

from ..opencv_files import read_pixels, write_pixels
from .early import PADDLE_CAME_FIRST, load_zlib
from .patch import Patch, TooLate

# Two by two pixels; decoding it goes through inflateReset2.
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001249444154789c63601091d330b261e002530009aa019b5d8c024c0000000049454e44ae426082"
)


def _holds_in_a_child(test: Callable[[], bool]) -> bool:
    """Whether `test` holds in a forked child, which may crash of it, or hang."""
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        # A crash that is expected leaves no core file and no line in the system's log.
        libc = ctypes.CDLL(None)
        libc.signal(signal.SIGSEGV, libc._exit)
        try:
            os._exit(0 if test() else 1)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def png_decodes() -> bool:
    """Whether OpenCV reads a PNG in this process; asked in a forked child, since it may crash."""
    return _holds_in_a_child(lambda: cv2.imdecode(np.frombuffer(_PNG, np.uint8), cv2.IMREAD_COLOR) is not None)


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

_NO_UTF8 = "\udcff.png"
"""A name of the byte 0xff, as Python gives it."""


def _dies_of_a_name() -> bool:
    return hasattr(os, "fork") and not _holds_in_a_child(lambda: cv2.imread(_NO_UTF8) is None)


def _is_utf8(name: Any) -> bool:
    try:
        str(name).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _open_files_in_python() -> None:
    for name, by_python in (("imread", read_pixels), ("imwrite", write_pixels)):
        setattr(cv2, name, _guarded(getattr(cv2, name), by_python))


def _guarded(by_opencv: Callable, by_python: Callable) -> Callable:
    @functools.wraps(by_opencv)
    def guarded(filename: Any, *args: Any, **kwargs: Any) -> Any:
        return (by_opencv if _is_utf8(filename) else by_python)(filename, *args, **kwargs)

    return guarded


NAMES_NOT_UTF8 = Patch(
    name="names_not_utf8",
    what="an image file whose name is not UTF-8 ends the process with SIGSEGV",
    upstream="OpenCV 4.5 and 4.6, modules/python/src2/cv2_convert.cpp: takes a name that cannot be converted to UTF-8 "
    "as a null pointer, in imread and imwrite, which PaddleSeg calls",
    detect=_dies_of_a_name,
    apply=_open_files_in_python,
)

PATCHES = [ZLIB_OF_PADDLE, NAMES_NOT_UTF8]
