"""Which software took part in a conversion or a measurement."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Dict

from .lite_wheel import PADDLELITE, find_library


def versions() -> Dict[str, str]:
    """Versions of what takes part in a conversion."""
    found = {"python": platform.python_version()}
    for package in ("paddlepaddle", "paddlepaddle-gpu", "paddleseg", "paddleseg_mobileseg"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if find_library() is not None:
        found["paddlelite"] = PADDLELITE
    return found
