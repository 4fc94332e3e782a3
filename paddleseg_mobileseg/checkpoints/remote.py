"""Checkpoints at an address: fetched once, kept under a name of the whole address, and held against their SHA-256."""

import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Optional
from urllib.parse import unquote, urlsplit

from ..downloads.addresses import check_address, keyed_name, named
from ..downloads.fetching import fetch, one_process, sha256_of
from ..errors import InputError, shown
from ..files import read_regular, write_text
from .archives import SUFFIXES, unpack
from .reader import TRUST, read_checkpoint
from .safetensors_file import SUFFIX
from .torch_reader import is_torch_file

IN_ARCHIVES = "model.pdparams"
"""The file of an archive that is the checkpoint, as PaddleSeg packs them."""

_MOST_BYTES = 4 << 30


@dataclass(frozen=True)
class _Record:
    """What is known of a checkpoint since it was first fetched; it lies beside the checkpoint.

    Attributes:
        address: where it came from.
        fetched_sha256: of what the server gave; empty for a checkpoint that somebody put there.
        sha256: of the checkpoint, which an archive is not.
    """

    address: str
    fetched_sha256: str
    sha256: str


def fetch_checkpoint(url: str, home: Path, file_name: Optional[str] = None, progress: bool = True) -> Path:
    """Fetch a checkpoint, or the one in an archive, unless it is there already.

    Args:
        url: of http or https; the ending says whether it is an archive.
        home: the folder of all checkpoints. Each has a folder of its own below it, whose name depends on the whole
            address, with a `.lock` file that keeps its SHA-256.
        file_name: of the checkpoint in that folder; by default its own, and `model.pdparams` for that of an archive.
        progress: show a progress bar on stderr.

    Returns:
        The path of the checkpoint.

    Raises:
        InputError: it cannot be had whole, is no checkpoint, or is another than was fetched before; it was not kept.
    """
    check_address(url)
    archive = urlsplit(url).path.endswith(SUFFIXES)
    name = file_name or (IN_ARCHIVES if archive else unquote(urlsplit(url).path).rpartition("/")[2])
    if name in ("", ".", "..") or len(name) > 200 or any(character in name for character in "/\\\0"):
        raise InputError(f"{named(url)} names no file to keep: '{shown(name)}'")
    folder = home / keyed_name(url)
    path = folder / name
    try:
        with one_process(folder):
            try:
                if not _is_kept(path):
                    _say_of_older_caches(path, home)
                    _fetch_new(url, path, archive, progress)
            finally:
                with suppress(OSError):
                    folder.rmdir()  # if nothing is in it
    except OSError as error:
        raise InputError(f"cannot keep {named(url)} in {folder}: {error.strerror or shown(error, 200)}") from error
    return path


def _is_kept(path: Path) -> bool:
    """Whether the checkpoint is there and still what was fetched; one that was put there by hand is made known."""
    if not path.exists():
        return False
    record, digest = _read_record(path), sha256_of(path)
    if record is not None and record.sha256 == digest:
        return True
    if record is None:
        _check(path, f"{path}, which lies where a download would be kept", "delete it")
        _write_record(path, _Record("put here by hand", "", digest))
        return True
    print(f"warning: {path} was changed since it was fetched; it is fetched again", file=sys.stderr)
    return False


def _say_of_older_caches(path: Path, home: Path) -> None:
    """PaddleSeg's own name for a cached file does not say which address it is from, nor whether it is whole."""
    older = home / path.parent.name.rpartition("-")[0] / path.name
    if older.is_file():
        print(f"note: {older} is not used: nothing says which address it is from; give its path to use it",
              file=sys.stderr)


def _fetch_new(url: str, path: Path, archive: bool, progress: bool) -> None:
    folder = path.parent
    fetched = folder / f"fetched-{path.name}"  # a checkpoint's ending says how to read it
    fetch(url, fetched, progress, _MOST_BYTES)
    try:
        digest = sha256_of(fetched)
        _check_digest(url, digest, path)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacked.") as scratch:
            checkpoint = _unpacked(url, fetched, Path(scratch)) if archive else fetched
            _check(checkpoint, named(url), "nothing of it was kept")
            record = _Record(named(url), digest, sha256_of(checkpoint))
            # The record first: a checkpoint without one is taken for what somebody put there.
            _write_record(path, record)
            os.replace(checkpoint, path)
    finally:
        fetched.unlink(missing_ok=True)


def _unpacked(url: str, archive: Path, folder: Path) -> Path:
    try:
        return unpack(archive, folder, IN_ARCHIVES)
    except InputError as error:
        raise InputError(f"the archive {named(url)} is refused: {error}; nothing of it was kept") from error


def _check(path: Path, name: str, then: str) -> None:
    """It must be a checkpoint, whole; one that only Paddle's unpickler reads is for those who trust it."""
    with open(path, "rb") as file:
        pickled = path.suffix != SUFFIX and not is_torch_file(file.read(16))
    if pickled and os.environ.get(TRUST) == "1":
        return
    try:
        read_checkpoint(path)
    except InputError as error:
        reason = str(error).replace(f"checkpoint {path} ", "it ")
        raise InputError(f"cannot use {name}: {reason}; {then}") from error


def _record_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _read_record(path: Path) -> Optional[_Record]:
    file = _record_file(path)
    if not file.exists():
        return None
    try:
        record = _Record(**json.loads(read_regular(file, 1 << 16)))
    except (ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file} is damaged; delete it, and the checkpoint beside it is looked at anew") from error
    return record


def _write_record(path: Path, record: _Record) -> None:
    write_text(_record_file(path), json.dumps(vars(record), indent=2) + "\n")


def _check_digest(url: str, digest: str, path: Path) -> None:
    """What an address gives must be what it gave when it was fetched first."""
    record = _read_record(path)
    if record is not None and record.fetched_sha256 not in ("", digest):
        raise InputError(
            f"{named(url)} gives another file than before: its SHA-256 is {digest}, {_record_file(path)} has "
            f"{shown(record.fetched_sha256)}; if that is meant, delete that .lock file and try again"
        )
