"""One training a save folder: a lock that the system takes back however a process ends."""

import errno
import fcntl
import os
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from ..errors import InputError
from ..files import cannot_write

LOCK_FILE = ".lock"


@contextmanager
def locked_folder(save_dir: Path) -> Iterator[None]:
    """Keep other trainings out of a folder within the block.

    The lock belongs to this process alone: the readers that it forks do not hold it.

    Raises:
        InputError: another process trains into the folder; the message says which.
    """
    path = save_dir / LOCK_FILE
    handle = _opened(path)
    try:
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def _opened(path: Path) -> Optional[int]:
    """The open and locked file; None on a file system that has no locks."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have taken the file away after we opened it.
            if path.exists() and os.path.samestat(os.fstat(handle), os.stat(path)):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
                return handle
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                holder = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
                os.close(handle)
                raise InputError(
                    f"{path.parent} is in use: {holder} trains into it; choose another --save_dir, or wait for its end"
                ) from error
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                os.close(handle)
                raise cannot_write(path, error) from error
            print(f"warning: {path.parent} is on a file system without locks; train into it once at a time",
                  file=sys.stderr)
            os.close(handle)
            return None
        os.close(handle)
