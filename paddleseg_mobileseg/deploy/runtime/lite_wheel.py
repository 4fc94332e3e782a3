"""Where Paddle-Lite's library is: in the installed paddlelite, or in a copy of its wheel for Pythons that have none."""

import importlib.util
import platform
from importlib import metadata
from pathlib import Path
from typing import Optional

from ...errors import InputError
from .kept_wheel import KeptWheel

PADDLELITE = "2.13rc0"

SIZES = "48 MB to fetch, 175 MB on the disk"

# The wheel for CPython 3.10; the library in it is called without its Python module.
_WHEEL = KeptWheel(
    package="paddlelite",
    version=PADDLELITE,
    file="paddlelite-2.13rc0-cp310-cp310-manylinux1_x86_64.whl",
    sha256="b1e6081c4154e50479426df9c7390c0d1d99dd9d832a270d1fe925894768fb62",
    wanted=Path("paddlelite", "lite.so"),
    holds="opt and the predictor of this host are",
    sizes=SIZES,
    platform=("--implementation=cp", "--python-version=3.10", "--abi=cp310", "--platform=manylinux1_x86_64"),
)


def find_library() -> Optional[Path]:
    """The library, where this environment or an earlier call of `require_library` has it; None where neither does."""
    return _installed() or (_WHEEL.path if _WHEEL.path.is_file() else None)


def _installed() -> Optional[Path]:
    """Of the paddlelite in this environment, if that is the version whose interface is known here."""
    try:
        spec = importlib.util.find_spec("paddlelite")
        if spec is None or spec.origin is None or metadata.version("paddlelite") != PADDLELITE:
            return None
    except metadata.PackageNotFoundError:
        return None
    library = Path(spec.origin).with_name(_WHEEL.wanted.name)
    return library if library.is_file() else None


def exists_for_this_machine() -> bool:
    """Whether `require_library` can have a library."""
    return (platform.system(), platform.machine()) == ("Linux", "x86_64")


def require_library() -> Path:
    """The library; where there is none, pip fetches the wheel, from where it is told to take packages.

    Raises:
        InputError: there is none for this machine.
        ToolError: the wheel cannot be fetched, or is another one.
    """
    found = find_library()
    if found is not None:
        return found
    if not exists_for_this_machine():
        machine = f"{platform.system()} {platform.machine()}"
        raise InputError(f"Paddle-Lite's opt and predictor exist for Linux x86_64 only, and this is {machine}")
    return _WHEEL.fetch()
