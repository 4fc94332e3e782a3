"""Reading files within bounds, and writing results so that a half-written one is never seen under its final name."""

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Union

from .errors import InputError

_HOW = "free some space or choose another folder"


def read_regular(path: Union[str, Path], most: int) -> bytes:
    """The bytes of a file that may be anybody's: a regular one, not a FIFO or a device, and of `most` bytes at most.

    Raises:
        InputError: it is another kind of file or larger, or cannot be read.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no regular file")
        if status.st_size > most:
            raise InputError(f"{path} has {status.st_size} bytes, more than the {most} that are read of such a file")
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        # A NUL in a path.
        raise InputError(f"cannot read {str(path)!r}: {error}") from error


def cannot_write(path: Union[str, Path], error: OSError) -> InputError:
    """The error of one line for what could not be written."""
    return InputError(f"cannot write {path}: {error.strerror or error}; {_HOW}")


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk and not only on their way."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_folder(new: Path, path: Path) -> None:
    """Give the folder `new` the name of `path`, on the same file system, at once.

    A folder that is there under the name is moved aside first and then deleted: whenever this process is killed,
    what has the name is whole.

    Raises:
        OSError: it cannot be moved.
    """
    # mkdtemp makes the folder private; a result should follow the user's umask like any other.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(new, 0o777 & ~umask)
    old = new.with_name(f"{new.name}.old")
    with suppress(FileNotFoundError):
        os.rename(path, old)
    os.rename(new, path)
    synced(path.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_path(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a scratch path beside `path`; it takes the final name only if the block succeeds.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    scratch = Path(scratch)
    # mkstemp makes the file private; a result should follow the user's umask like any other file.
    umask = os.umask(0)
    os.umask(umask)
    try:
        yield scratch
        os.chmod(scratch, 0o666 & ~umask)
        os.replace(scratch, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Union[str, Path], text: str) -> None:
    """Write `text` to `path`, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a scratch folder beside `path`; its files move into `path` only if the block succeeds.

    Files of the same names that `path` already holds are replaced, others stay.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    scratch = None
    try:
        path.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        yield scratch
        for item in sorted(scratch.iterdir()):
            os.replace(item, path / item.name)
    except OSError as error:
        raise InputError(f"cannot write into {path}: {error.strerror or error}; {_HOW}") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


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


def check_save_dir(path: str) -> None:
    """Refuse a folder that checkpoints cannot be written to, before training rather than after it.

    PaddleSeg would delete a file that has the folder's name.

    Raises:
        InputError: the path is a file, or nothing can be written there.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(f"--save_dir {path} is a file; give a folder")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder --save_dir {path}: {error.strerror}; choose another") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into --save_dir {path}: permission denied; choose another folder")
