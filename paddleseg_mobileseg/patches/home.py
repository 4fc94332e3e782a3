"""The folder that PaddleSeg makes in the user's home when it is imported."""

import atexit
import os
import shutil
import tempfile

from .patch import Patch

_FOLDER = "SEG_HOME"
_PARTS = ("dataset", "tmp", "pretrained_model")


def _cannot_be_made() -> bool:
    home = os.environ.get(_FOLDER) or os.path.join(os.path.expanduser("~"), ".paddleseg")
    try:
        for part in _PARTS:
            os.makedirs(os.path.join(home, part), exist_ok=True)
    except OSError:
        return True
    return False


def _make_it_elsewhere() -> None:
    folder = tempfile.mkdtemp(prefix="paddleseg-home-")
    os.environ[_FOLDER] = folder
    atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, made_by: int) -> None:
    """At the end of the process that made it, and not of those that it forked."""
    if os.getpid() == made_by:
        shutil.rmtree(folder, ignore_errors=True)


UNWRITABLE_HOME = Patch(
    name="unwritable_home",
    what="PaddleSeg cannot be imported where the home folder cannot be written",
    upstream="paddleseg/utils/env/seg_env.py makes SEG_HOME, by default ~/.paddleseg, when it is imported",
    detect=_cannot_be_made,
    apply=_make_it_elsewhere,
)

PATCHES = [UNWRITABLE_HOME]
