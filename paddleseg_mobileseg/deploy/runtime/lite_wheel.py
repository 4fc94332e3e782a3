"""Where Paddle-Lite's library is: in the installed paddlelite, or in a copy of its wheel for Pythons that have none."""

import hashlib
import importlib.util
import os
import platform
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Optional

from ...errors import InputError, ToolError
from ...files import atomic_folder, scratch_folder
from ...processes.tool import run_tool

PADDLELITE = "2.13rc0"

_SHA256 = "b1e6081c4154e50479426df9c7390c0d1d99dd9d832a270d1fe925894768fb62"
"""Of the wheel for CPython 3.10; the library in it is called without its Python module."""

_WHEEL = "paddlelite-2.13rc0-cp310-cp310-manylinux1_x86_64.whl"
SIZES = "48 MB to fetch, 175 MB on the disk"
_TIMEOUT = 900
_LIBRARY = Path("paddlelite", "lite.so")


def find_library() -> Optional[Path]:
    """The library, where this environment or an earlier call of `require_library` has it; None where neither does."""
    kept = _kept() / _LIBRARY
    return _installed() or (kept if kept.is_file() else None)


def _installed() -> Optional[Path]:
    """Of the paddlelite in this environment, if that is the version whose interface is known here."""
    try:
        spec = importlib.util.find_spec("paddlelite")
        if spec is None or spec.origin is None or metadata.version("paddlelite") != PADDLELITE:
            return None
    except metadata.PackageNotFoundError:
        return None
    library = Path(spec.origin).with_name(_LIBRARY.name)
    return library if library.is_file() else None


def _kept() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache, "paddleseg_mobileseg", f"paddlelite-{PADDLELITE}")


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
    folder = _kept()
    print(f"note: fetching paddlelite {PADDLELITE} into {folder}, once ({SIZES})", file=sys.stderr)
    with scratch_folder() as scratch:
        wheel = _fetch(scratch)
        try:
            with atomic_folder(folder) as made, zipfile.ZipFile(wheel) as archive:
                archive.extractall(made)
        except InputError:
            # Another process may have put it there meanwhile.
            if find_library() is None:
                raise
    return folder / _LIBRARY


def _fetch(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation=cp", "--python-version=3.10", "--abi=cp310", "--platform=manylinux1_x86_64"]
    try:
        run_tool([*command, "--dest", str(folder), f"paddlelite=={PADDLELITE}"], "pip download", _TIMEOUT)
    except ToolError as error:
        raise ToolError(
            f"opt and the predictor of this host are in paddlelite {PADDLELITE}, which cannot be fetched ({error}): "
            f"put {_WHEEL} into a folder, name that in PIP_FIND_LINKS, and try again"
        ) from error
    wheel = folder / _WHEEL
    if not wheel.is_file() or hashlib.sha256(wheel.read_bytes()).hexdigest() != _SHA256:
        raise ToolError(f"pip fetched another file than {_WHEEL} with the SHA-256 {_SHA256}")
    return wheel
