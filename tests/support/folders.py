"""Where tests keep what is made once: for one process, or for all workers of a run of pytest."""

import atexit
import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import Callable, List

OWN = Path(tempfile.mkdtemp(prefix="mobileseg-tests-"))
"""Of this process, and gone with it."""
atexit.register(shutil.rmtree, OWN, ignore_errors=True)

_of_the_run: List[Path] = []


def use_for_the_run(folder: Path) -> None:
    """Say which folder all workers of this run have in common."""
    _of_the_run[:] = [folder]


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of all workers that `make` has filled; the first to ask makes it, and the others wait.

    Args:
        name: of the folder.
        make: is called with its path; the folder is there and empty.
    """
    folder = _of_the_run[0] / name
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".done")
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
