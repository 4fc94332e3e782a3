"""Unpacking archives that may be anybody's: plain files into a fresh folder, bounded in size, and nothing else."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Iterator, NamedTuple, Optional

from ..errors import InputError, shown

SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")

LARGEST_RATIO = 20
"""How much larger than the archive its content may be: weights and pictures hardly compress, tables of text tenfold."""

_SLACK = 64 << 20
"""Bytes that even a small archive may unpack to."""

_MOST_MEMBERS = 1_000_000

_OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))


class _Member(NamedTuple):
    name: str
    file: Optional[BinaryIO]
    """What it holds; None for a folder."""


class _Bounded:
    """A stream that ends with an error where it grows beyond `left` bytes."""

    def __init__(self, stream: BinaryIO, left: int):
        self._stream, self._left = stream, left

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise InputError(f"it unpacks to more than {LARGEST_RATIO} times its size")
        return content


def unpack(archive: Path, folder: Path, only: Optional[str] = None) -> Path:
    """Unpack an archive.

    Args:
        archive: a .zip file, or a tar file that may be compressed.
        folder: an empty one to unpack into.
        only: the name of the one file to take out; everything by default.

    Returns:
        The path of the file that `only` names, or of what the first name in the archive starts with.

    Raises:
        InputError: it is damaged, too large, holds a link, a device or a name that leads out of the folder, or lacks
            the file; what is in `folder` then is of no use.
    """
    try:
        return _unpack(archive, folder, only)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise InputError(f"it is damaged or no archive ({shown(error)})") from error
    except OSError as error:
        # What the modules for compressed streams raise has no number; what the disk says has one.
        if error.errno is not None:
            raise
        raise InputError(f"it is damaged or no archive ({shown(error)})") from error
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it cannot be unpacked ({shown(error)})") from error


def _unpack(archive: Path, folder: Path, only: Optional[str]) -> Path:
    limit = LARGEST_RATIO * archive.stat().st_size + _SLACK
    members = _of_zip(archive, limit) if zipfile.is_zipfile(archive) else _of_tar(archive, limit)
    found = None
    for number, member in enumerate(members):
        if number == _MOST_MEMBERS:
            raise InputError(f"it holds more than {_MOST_MEMBERS} files")
        path = _inside(member.name)
        if path == PurePosixPath("."):
            continue
        if only is None:
            found = found or folder / path.parts[0]
            _put(folder / path, member.file)
        elif path.name == only and member.file is not None and found is None:
            found = folder / only
            _put(found, member.file)
    if found is None:
        raise InputError(f"it holds no {only or 'files'}")
    return found


def _inside(name: str) -> PurePosixPath:
    """The relative path of a member, which stays below the folder that it is unpacked into."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise InputError(f"it holds '{shown(name)}', which leads out of the folder")
    return path


def _put(path: Path, file: Optional[BinaryIO]) -> None:
    if file is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as target:
        shutil.copyfileobj(file, target, 1 << 20)


def _of_zip(archive: Path, limit: int) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        if sum(info.file_size for info in infos) > limit:
            raise InputError(f"it unpacks to more than {LARGEST_RATIO} times its size")
        for info in infos:
            # The high half is the mode of a file on Unix: only plain files and folders are taken.
            if (info.external_attr >> 28) not in (0, 0o4, 0o10):
                raise InputError(f"it holds '{shown(info.filename)}', which is no plain file")
            if info.is_dir():
                yield _Member(info.filename, None)
                continue
            with opened.open(info) as file:
                yield _Member(info.filename, file)


def _of_tar(archive: Path, limit: int) -> Iterator[_Member]:
    with open(archive, "rb") as file:
        start = file.read(6)
    opener = next((each for magic, each in _OPENERS if start.startswith(magic)), open)
    with opener(archive, "rb") as stream, tarfile.open(fileobj=_Bounded(stream, limit), mode="r|") as opened:
        for info in opened:
            if info.isdir():
                yield _Member(info.name, None)
            elif info.isreg() and not info.issparse():
                yield _Member(info.name, opened.extractfile(info))
            else:
                raise InputError(f"it holds '{shown(info.name)}', which is no plain file")
