"""Where this installation keeps its configs and deployment files.

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


def short_path(path: Union[str, "os.PathLike[str]"]) -> str:
    """The path as one would type it: relative to here where it is below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
