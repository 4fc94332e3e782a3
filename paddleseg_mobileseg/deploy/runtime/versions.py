"""Which software took part in a conversion or a measurement."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Dict

from .lite_wheel import find_library, library_version


def versions() -> Dict[str, str]:
    """Versions of what takes part in a conversion."""
    found = {"python": platform.python_version()}
    for package in ("paddlepaddle", "paddleseg", "paddleseg_mobileseg"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if find_library() is not None:
        found["paddlelite"] = library_version()
    return found
