"""Exporting where the Paddle that is here cannot write what opt reads: in an environment of Paddle 2.6 in the cache."""

import glob
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Sequence

from ..errors import ToolError
from ..files import cannot_write, replace_folder, scratch_folder
from ..paths import cache_folder
from ..processes.tool import run_to_end, run_tool

PADDLE = "paddlepaddle==2.6.2"
_PACKAGES = (PADDLE, "paddleseg==2.8.0", "numpy<2", "protobuf<6", "setuptools", "wrapt", "requests", "safetensors")
"""Of this plugin and PaddleSeg the copies that are running are used; PaddleSeg is listed for what it needs."""

_SIZES = "about 0.4 GB to fetch, 1.2 GB on the disk"
_VERSIONS = ("3.10", "3.11", "3.9", "3.12", "3.8")
"""Of CPython, for which there is a Paddle 2.6.2; the one that most is tried with first."""

_ASK = "import ensurepip, platform, sys, venv; print(platform.python_implementation(), '%d.%d' % sys.version_info[:2])"
_START_TIMEOUT, _MAKE_TIMEOUT, _INSTALL_TIMEOUT = 60, 600, 3600
_NO_PATH = {"PYTHONPATH": ""}
"""What is on the path of this Python was made for this Python."""
_LINKED = ("paddleseg_mobileseg", "paddleseg")


def export_with_paddle_2_6(arguments: Sequence[str]) -> int:
    """Run `mobileseg` with `arguments`, those of its export, under Paddle 2.6.2; stdout and stderr are this process'.

    The environment is made at the first call, from where pip is told to take packages, and kept in the user's cache.

    Returns:
        The exit status of the command, whose error of one line is on stderr.

    Raises:
        ToolError: the environment cannot be made.
    """
    python = _environment()
    with scratch_folder() as scratch:
        for name in _LINKED:
            (scratch / name).symlink_to(_folder_of(name), target_is_directory=True)
        environment = {**os.environ, "PYTHONPATH": str(scratch)}
        command = [str(python), "-m", "paddleseg_mobileseg", *arguments]
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode


def _folder_of(package: str) -> Path:
    return Path(importlib.util.find_spec(package).origin).resolve().parent


def _environment() -> Path:
    """The Python of the environment, which is made where it is not."""
    folder = cache_folder() / PADDLE.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        maker = find_maker()
        print(f"note: making an environment with {PADDLE} in {folder}, once ({_SIZES})", file=sys.stderr)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                new = Path(scratch, "environment")
                _make(maker, new)
                replace_folder(new, folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
    return python


def _make(maker: List[str], folder: Path) -> None:
    try:
        run_tool([*maker, str(folder)], "making an environment", _MAKE_TIMEOUT, _NO_PATH)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
        run_tool([*pip, *_PACKAGES], "pip install", _INSTALL_TIMEOUT, _NO_PATH)
    except ToolError as error:
        raise ToolError(
            f"the environment with {PADDLE}, which is needed to export, cannot be made ({error}): without a network, "
            "put wheels of it into a folder (`pip download`), name that in PIP_FIND_LINKS, set PIP_NO_INDEX=1, and "
            "try again"
        ) from error


def find_maker() -> List[str]:
    """The command that makes an environment in the folder that is its next argument.

    Raises:
        ToolError: no Python of this machine can.
    """
    for python in _candidates():
        if _is_fit(python):
            return [python, "-m", "venv"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "venv", "--quiet", "--seed", "--python", _VERSIONS[0]]
    raise ToolError(
        f"Paddle {PADDLE.split('==')[1]}, which is needed to export, needs CPython {min(_VERSIONS, key=_number)} to "
        f"{max(_VERSIONS, key=_number)} with venv, and this machine has none: install one, such as python3.10 and "
        "python3.10-venv, or uv, and try again"
    )


def _number(version: str) -> List[int]:
    return [int(part) for part in version.split(".")]


def _candidates() -> List[str]:
    """Interpreters of the right versions by their names: this one, those on PATH, those of pyenv."""
    found = [sys.executable] if "%d.%d" % sys.version_info[:2] in _VERSIONS else []
    found += [path for path in (shutil.which(f"python{version}") for version in _VERSIONS) if path]
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in _VERSIONS:
        found += sorted(glob.glob(os.path.join(glob.escape(root), "versions", f"{version}.*", "bin", "python")))
    return found


def _is_fit(python: str) -> bool:
    """Whether an interpreter is what its name says and can make environments; a shim of pyenv may run nothing."""
    try:
        done = run_to_end([python, "-c", _ASK], python, _START_TIMEOUT, _NO_PATH)
    except ToolError:
        return False
    implementation, _, version = done.stdout.strip().partition(" ")
    return done.status == 0 and implementation == "CPython" and version in _VERSIONS
