"""Temporary folders."""

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..errors import InputError


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone after the block.

    Raises:
        InputError: none can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="mobileseg-")
    except OSError as error:
        raise InputError(f"cannot make a temporary folder: {error.strerror}; free some space, or set TMPDIR") from error
    with folder as name:
        yield Path(name)
