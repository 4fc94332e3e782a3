"""PaddleSeg's downloads of checkpoints and data sets: whole or not there, and nothing is written anywhere else."""

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import requests
from tqdm import tqdm

from ...checkpoints.archives import SUFFIXES, unpack
from ...errors import InputError, shown
from ..patch import Patch, lookup, replace_everywhere

_MOST_BYTES = 16 << 30
"""Of one download; the largest data set that PaddleSeg fetches has 4 GB."""

_TIMEOUT_S = 15

_BY_HAND = "download it by hand and give its path"


def download(
    url: str,
    savepath: Optional[str] = None,
    extrapath: Optional[str] = None,
    extraname: Optional[str] = None,
    print_progress: bool = True,
    cover: bool = False,
    delete_file: bool = True,
    filename: Optional[str] = None,
) -> str:
    """Fetch a file or an archive, unless it is there already. The parameters are those of PaddleSeg's function.

    Args:
        url: the address, http or https.
        savepath: not used; what is fetched lies in a scratch folder below `extrapath` until it is whole.
        extrapath: the folder to put the result into; the working folder by default.
        extraname: the result's name in it; by default that of the address without its ending.
        print_progress: show a progress bar on stderr.
        cover: fetch it even if it is there.
        delete_file: not used; an archive is never kept.
        filename: the one file to take out of an archive, or the name for a file that is none.

    Returns:
        The path of the result, a folder.

    Raises:
        InputError: it cannot be fetched whole, or the archive is refused; nothing was left.
    """
    fetched_name = url.split("/")[-1]
    name = fetched_name.rpartition(".")[0] if extraname is None else extraname
    for each in (fetched_name, name, *([] if filename is None else [filename])):
        if each in ("", ".", "..") or any(character in each for character in "/\\\0"):
            raise InputError(f"{shown(url, 200)} names no file to keep: '{shown(each)}'")
    try:
        folder = Path(extrapath or ".")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / name
        with _one_process_at_a_time(folder):
            if cover:
                shutil.rmtree(target, ignore_errors=True)
            if not (target if filename is None else target / filename).exists():
                with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name[:100]}.") as scratch:
                    _fetch_into(target, url, Path(scratch), filename or fetched_name, filename, print_progress)
        return str(target)
    except OSError as error:
        reason = error.strerror or shown(error, 200)
        raise InputError(f"cannot fetch {shown(url, 200)}: {reason}; {_BY_HAND}") from error


def _fetch_into(
    target: Path, url: str, scratch: Path, plain_name: str, only: Optional[str], print_progress: bool
) -> None:
    """Fetch and unpack in `scratch`, then put the one file, or the folder of an archive, into its place."""
    fetched = scratch / "fetched"
    _fetch(url, fetched, print_progress)
    if not url.endswith(SUFFIXES):
        target.mkdir(exist_ok=True)
        os.replace(fetched, target / plain_name)
        return
    content = scratch / "content"
    content.mkdir()
    try:
        found = unpack(fetched, content, only)
    except InputError as error:
        raise InputError(f"the archive {shown(url, 200)} is refused: {error}; nothing of it was kept") from error
    if only is not None:
        target.mkdir(exist_ok=True)
        os.replace(found, target / only)
    else:
        os.replace(found, target)


def _fetch(url: str, path: Path, print_progress: bool) -> None:
    """Write what lies at `url` to `path`; it must be as long as the server says."""
    # A server that packs a file for the way says the length of the packed one.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as reply, open(path, "wb") as file:
        if reply.status_code != 200:
            raise _unfetched(url, f"the server answers {reply.status_code} {shown(reply.reason)}")
        length = reply.headers.get("content-length", "")
        total = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
        with tqdm(total=total, unit="B", unit_scale=True, disable=not print_progress) as bar:
            for part in reply.iter_content(1 << 20):
                file.write(part)
                bar.update(len(part))
                if file.tell() > _MOST_BYTES:
                    raise _unfetched(url, f"it is larger than {_MOST_BYTES >> 30} GB")
        if total is not None and file.tell() != total:
            raise _unfetched(url, f"it ends after {file.tell()} of {total} bytes")


def _unfetched(url: str, reason: str) -> InputError:
    return InputError(f"cannot fetch {shown(url, 200)}: {reason}; {_BY_HAND}")


@contextmanager
def _one_process_at_a_time(folder: Path) -> Iterator[None]:
    """The processes of one training ask for the same file at the same time: one fetches it, the others wait."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # A network drive may know no locks; then each fetches it, and the last one's stays.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def _stock() -> Callable[..., Any]:
    return lookup("paddleseg.utils.download", "download_file_and_uncompress")


DOWNLOADS = Patch(
    name="downloads",
    what="a downloaded archive can write outside its folder, and what was fetched in part or in error is kept as good",
    upstream="paddleseg/utils/download.py, download_file_and_uncompress: extracts every member as it is named, follows "
    "links, and looks at neither the status nor the length of the reply",
    detect=lambda: callable(_stock()),
    apply=lambda: replace_everywhere(_stock(), download),
)

PATCHES = [DOWNLOADS]
