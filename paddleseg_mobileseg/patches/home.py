"""What Paddle and PaddleSeg write into the user's home, where that cannot be written."""

import atexit
import os
import shutil
import sys
import tempfile
from typing import List

from .patch import Patch, lookup

_FOLDER = "SEG_HOME"
_PARTS = ("dataset", "tmp", "pretrained_model")


def _can_be_made(folders: List[str]) -> bool:
    try:
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return True


def _in_home(name: str) -> str:
    return os.path.join(os.path.expanduser("~"), name)


def _temporary() -> str:
    """A folder that is gone when this process has ended."""
    folder = tempfile.mkdtemp(prefix="mobileseg-home-")
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: str, made_by: int) -> None:
    """At the end of the process that made it, and not of those that it forked."""
    if os.getpid() == made_by:
        shutil.rmtree(folder, ignore_errors=True)


def _has_no_seg_home() -> bool:
    home = os.environ.get(_FOLDER) or _in_home(".paddleseg")
    return not _can_be_made([os.path.join(home, part) for part in _PARTS])


def _make_seg_home() -> None:
    os.environ[_FOLDER] = _temporary()


SEG_HOME = Patch(
    name="seg_home",
    what="PaddleSeg cannot be imported where the home folder cannot be written",
    upstream="paddleseg/utils/env/seg_env.py makes SEG_HOME, by default ~/.paddleseg, when it is imported",
    detect=_has_no_seg_home,
    apply=_make_seg_home,
)

_TRANSLATOR = "paddle.jit.dy2static.utils"


def _cannot_translate() -> bool:
    lookup(_TRANSLATOR, "get_temp_dir")
    folder = _in_home(".cache/paddle/to_static_tmp")
    return not _can_be_made([folder]) or not os.access(folder, os.W_OK | os.X_OK)


def _translate_elsewhere() -> None:
    folder = _temporary()
    sys.modules[_TRANSLATOR].get_temp_dir = lambda: folder


TO_STATIC_FOLDER = Patch(
    name="to_static_folder",
    what="nothing can be exported where the home folder cannot be written",
    upstream="paddle/jit/dy2static/utils.py, get_temp_dir: keeps what it translates in ~/.cache",
    detect=_cannot_translate,
    apply=_translate_elsewhere,
)

PATCHES = [SEG_HOME, TO_STATIC_FOLDER]
