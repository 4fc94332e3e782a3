"""Packages that are needed for one engine alone, which is why they are extras: whether they are there, and fit."""

import importlib.util
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Optional, Sequence, Tuple

from ...errors import InputError


@dataclass(frozen=True)
class Package:
    """A distribution of which a range of versions is known to work, as in the extras of setup.py.

    Attributes:
        name: of the distribution.
        module: that it is imported by.
        least, below: the range.
    """

    name: str
    module: str
    least: str
    below: str

    @property
    def requirement(self) -> str:
        """As pip takes it."""
        return f"{self.name}>={self.least},<{self.below}"

    def version(self) -> Optional[str]:
        """Of what is installed; None where nothing is."""
        if importlib.util.find_spec(self.module) is None:
            return None
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            return None

    def fits(self) -> bool:
        """Whether a version within the range is installed."""
        version = self.version()
        return version is not None and _numbers(self.least) <= _numbers(version) < _numbers(self.below)


def _numbers(version: str) -> Tuple[int, ...]:
    """The leading numbers of a version, as far as they are numbers."""
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def require_packages(packages: Sequence[Package], purpose: str) -> None:
    """Make sure that packages are installed.

    Args:
        packages: that are needed.
        purpose: what needs them, for the message.

    Raises:
        InputError: one is not installed, or in another version.
    """
    wrong = [package for package in packages if not package.fits()]
    if not wrong:
        return
    found = [(package, package.version()) for package in wrong]
    missing = [package.name for package, version in found if version is None]
    others = [f"{package.name} is {version}" for package, version in found if version is not None]
    verb = "is" if len(missing) == 1 else "are"
    parts = ([f"{' and '.join(missing)} {verb} not installed"] if missing else []) + others
    wanted = " ".join(f'"{package.requirement}"' for package in wrong)
    raise InputError(f"{', '.join(parts)}, and {purpose} needs: type `{sys.executable} -m pip install {wanted}`")


ONNXRUNTIME = Package("onnxruntime", "onnxruntime", "1.16", "2")
LITERT = Package("ai-edge-litert", "ai_edge_litert", "2.3", "3")
NCNN = Package("ncnn", "ncnn", "1.0.20261020", "2")
MNN = Package("MNN", "MNN", "3.6", "4")

# 2.1 fails on PP-MobileSeg, and installs packages while it runs.
PADDLE2ONNX = Package("paddle2onnx", "paddle2onnx", "1.2.11", "1.4")
