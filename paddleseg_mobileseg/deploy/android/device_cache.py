"""The folder on a phone that holds what is run there."""

import hashlib
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

from ...errors import InputError, ToolError
from .adb import Adb
from .phone import WRITABLE

FOLDER = f"{WRITABLE}/paddleseg_mobileseg"
_RUN = f"{FOLDER}/run"

_CHECKSUMS = (("sha256sum", "sha256"), ("md5sum", "md5"))


class DeviceCache:
    """`/data/local/tmp/paddleseg_mobileseg` on one phone; a context manager.

    A file lies there under its checksum and a name that the caller gives, so that names of the user's never
    reach the phone, and that what is there already is not sent again.

    Args:
        adb: to reach the phone with.
        serial: of the phone.
        keep: leave the files there for the next time; else the folder is gone after the block.

    Raises:
        ToolError: the folder cannot be made, or the phone was lost.
    """

    def __init__(self, adb: Adb, serial: str, keep: bool = False):
        self._adb, self.serial, self._keep = adb, serial, keep
        self._there: Dict[Tuple[Path, str], str] = {}

    def __enter__(self) -> "DeviceCache":
        try:
            self._checksum, self._hash = self._choose_checksum()
            self._empty = self._adb.shell(self.serial, ["ls", FOLDER]).status != 0
            self._adb.checked_shell(self.serial, ["rm", "-rf", _RUN])
            self._adb.checked_shell(self.serial, ["mkdir", "-p", _RUN])
        except BaseException:
            self.__exit__()
            raise
        return self

    def _choose_checksum(self) -> Tuple[str, str]:
        for command, name in _CHECKSUMS:
            if self._adb.shell(self.serial, [command, "/dev/null"]).status == 0:
                return command, name
        raise ToolError(f"the phone {self.serial} has neither sha256sum nor md5sum, so files cannot be checked there")

    def put(self, local: Path, name: str, executable: bool = False) -> str:
        """Send a file if it is not there, and check that it arrived whole.

        Args:
            local: the file.
            name: what to call it there.
            executable: whether it is a program.

        Returns:
            Its path on the phone.

        Raises:
            InputError: it cannot be read.
            ToolError: no space, a damaged transfer, or a lost phone.
        """
        if (local, name) not in self._there:
            digest = _digest(local, self._hash)
            path = f"{FOLDER}/{digest[:16]}/{name}"
            if self._empty or self._digest_there(path) != digest:
                self._adb.push(self.serial, local, path)
                if self._digest_there(path) != digest:
                    raise ToolError(f"{local} arrived damaged on the phone {self.serial}: try again, or another cable")
            if executable:
                self._adb.checked_shell(self.serial, ["chmod", "755", path])
            self._there[local, name] = path
        return self._there[local, name]

    def _digest_there(self, path: str) -> str:
        answer = self._adb.shell(self.serial, [self._checksum, path])
        return answer.stdout.split(" ", 1)[0].strip() if answer.status == 0 else ""

    def run_path(self, name: str) -> str:
        """Where a file of a run, such as an output, lies on the phone."""
        return f"{_RUN}/{name}"

    def fetch(self, name: str, local: Path) -> None:
        """Copy a file of a run from the phone, and check that it arrived whole.

        Raises:
            ToolError: it is not there, the transfer was damaged, or the phone was lost.
        """
        path = self.run_path(name)
        self._adb.pull(self.serial, path, local)
        if self._digest_there(path) != _digest(local, self._hash):
            raise ToolError(f"{name} arrived damaged from the phone {self.serial}: try again, or another cable")

    def remove(self, paths: Sequence[str]) -> None:
        """Free the space of files that are not needed again, unless they are to be kept.

        Raises:
            ToolError: the phone was lost.
        """
        if not self._keep:
            self._adb.checked_shell(self.serial, ["rm", "-f", *paths])

    def __exit__(self, *exception: Any) -> None:
        try:
            self._adb.shell(self.serial, ["rm", "-rf", _RUN if self._keep else FOLDER])
        except ToolError:
            if not exception or exception[0] is None:
                raise
            # The error on its way says more.


def _digest(path: Path, name: str) -> str:
    try:
        return hashlib.new(name, path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
