"""Which software took part in a conversion or a measurement."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Dict


def versions() -> Dict[str, str]:
    """Versions of what takes part in a conversion."""
    found = {"python": platform.python_version()}
    for package in ("paddlepaddle", "paddleseg", "paddlelite", "paddleseg_mobileseg"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
