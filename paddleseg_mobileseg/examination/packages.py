"""The installed packages: their versions, and folders that two of them were laid into."""

import os
from importlib import metadata
from typing import Dict, List

from ..installation import OPENCV, PADDLESEG, how_to_get_paddle
from .finding import BROKEN, MISSING, OK, Finding

_PADDLES = ("paddlepaddle", "paddlepaddle-gpu")
_PACKAGES = ("paddleseg_mobileseg", *_PADDLES, "paddleseg", "paddlelite", "numpy", "opencv-python", "protobuf")
_OPTIONAL = ("paddlelite",)
"""Done without: its library is fetched where it is missing."""

_SHARED = {"paddle": "Paddle", "cv2": "OpenCV"}
"""By folder: what is published as several distributions."""


def versions() -> List[Finding]:
    """A row for each package that counts here, but of the two for Paddle only one where not both are installed."""
    installed = {package: _version(package) for package in _PACKAGES}
    if any(installed[package] for package in _PADDLES):
        installed = {each: version for each, version in installed.items() if version or each not in _PADDLES}
    else:
        del installed["paddlepaddle-gpu"]
    advice = {"paddlepaddle": how_to_get_paddle, "paddleseg": lambda: PADDLESEG, "opencv-python": lambda: OPENCV}
    return [
        Finding(package, OK, version)
        if version
        else Finding(package, MISSING, "not installed", advice[package]() if package in advice else "")
        for package, version in installed.items()
        if version or package not in _OPTIONAL
    ]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def owners() -> Dict[str, Dict[str, str]]:
    """By the path of a package: the distributions whose records say that they installed it, with their versions."""
    found: Dict[str, Dict[str, str]] = {}
    for distribution in metadata.distributions():
        # Not .files: that makes an object of each of ten thousand lines.
        record = "\n" + (distribution.read_text("RECORD") or "")
        for folder in _SHARED:
            if f"\n{folder}/__init__.py," in record:
                path = os.path.realpath(str(distribution.locate_file(folder)))
                found.setdefault(path, {})[distribution.metadata["Name"]] = distribution.version
    return found


def shared_folders() -> List[Finding]:
    """A broken row for each folder that several distributions own: the last one installed wrote over the others."""
    return [_shared(path, by_name) for path, by_name in owners().items() if len(by_name) > 1]


def _shared(path: str, by_name: Dict[str, str]) -> Finding:
    folder, names = os.path.basename(path), sorted(by_name)
    listing = " and ".join(f"{name} {by_name[name]}" for name in names)
    keep = next((name for name in names if "gpu" in name or "contrib" in name), names[0])
    return Finding(
        f"{folder} folder",
        BROKEN,
        f"{listing} were installed into {path}, one over the other: {_SHARED[folder]} is a mixture of them",
        f"pip uninstall -y {' '.join(names)}; then the one that is to stay, such as "
        f"pip install --no-deps {keep}=={by_name[keep]}",
    )
