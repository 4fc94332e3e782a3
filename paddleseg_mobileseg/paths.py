"""Where this installation keeps its configs and deployment files, and what it fetches.

A checkout and an editable install have them at the top of the repository, a wheel has them inside the package.
"""

import os
from pathlib import Path
from typing import Union

PACKAGE = Path(__file__).resolve().parent

_SHARE = PACKAGE / "share"
_FILES = _SHARE if _SHARE.is_dir() else PACKAGE.parent

CONFIGS = _FILES / "configs"
BUILD_SCRIPT = _FILES / "deploy" / "android" / "build.sh"
"""Builds `mobileseg_bench` for a phone."""


def cache_folder() -> Path:
    """Where what is fetched or made once is kept for this user; it may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "paddleseg_mobileseg")


def short_path(path: Union[str, "os.PathLike[str]"]) -> str:
    """The path as one would type it: relative to here where it is below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
