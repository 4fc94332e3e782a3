"""PaddleSeg's downloads of checkpoints and data sets: whole or not there, and nothing is written anywhere else."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Optional

from ...checkpoints.archives import SUFFIXES, unpack
from ...checkpoints.remote import fetch_checkpoint
from ...downloads.addresses import keyed_name, named
from ...downloads.fetching import fetch, one_process
from ...errors import InputError, shown
from ..patch import Patch, lookup, replace_everywhere


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
    """Fetch a checkpoint or a data set, unless it is there already. The parameters are those of PaddleSeg's function.

    Args:
        url: the address, http or https.
        savepath: not used; what is fetched grows below `extrapath` until it is whole.
        extrapath: the folder to put the result into; the working folder by default.
        extraname: a data set's folder in it; by default the address' last part without its ending. A checkpoint has a
            folder that is named by its whole address.
        print_progress: show a progress bar on stderr.
        cover: fetch a data set even if it is there.
        delete_file: not used; an archive is never kept.
        filename: that of the checkpoint, which PaddleSeg looks for in the result; None for a data set.

    Returns:
        The path of the result, a folder.

    Raises:
        InputError: it cannot be fetched whole, or is refused; only what can be gone on with was kept.
    """
    home = Path(extrapath or ".")
    if filename is not None:
        return str(fetch_checkpoint(url, home, filename, print_progress).parent)
    fetched_name = url.split("/")[-1]
    name = fetched_name.rpartition(".")[0] if extraname is None else extraname
    for each in (fetched_name, name):
        if each in ("", ".", "..") or any(character in each for character in "/\\\0"):
            raise InputError(f"{named(url)} names no file to keep: '{shown(each)}'")
    try:
        with one_process(home):
            if cover:
                shutil.rmtree(home / name, ignore_errors=True)
            if not (home / name).exists():
                _fetch_data_set(url, home / name, print_progress)
    except OSError as error:
        raise InputError(f"cannot fetch {named(url)}: {error.strerror or shown(error, 200)}") from error
    return str(home / name)


def _fetch_data_set(url: str, target: Path, progress: bool) -> None:
    """Fetch in a hidden folder beside `target`, which stays for the next call where the rest can be asked for."""
    work = target.with_name(f".{keyed_name(url)}")
    work.mkdir(exist_ok=True)
    fetched = work / "fetched"
    try:
        fetch(url, fetched, progress)
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            content = Path(scratch) / "content"
            content.mkdir()
            os.replace(_unpacked(url, fetched, content), target)
    finally:
        fetched.unlink(missing_ok=True)
        with suppress(OSError):
            work.rmdir()  # if there is nothing to go on from


def _unpacked(url: str, fetched: Path, folder: Path) -> Path:
    """What an archive holds, or a folder with the one file that is none."""
    if not url.endswith(SUFFIXES):
        os.replace(fetched, folder / url.split("/")[-1])
        return folder
    try:
        return unpack(fetched, folder)
    except InputError as error:
        raise InputError(f"the archive {named(url)} is refused: {error}; nothing of it was kept") from error


def _stock() -> Callable[..., Any]:
    return lookup("paddleseg.utils.download", "download_file_and_uncompress")


DOWNLOADS = Patch(
    name="downloads",
    what="a downloaded archive can write outside its folder, what was fetched in part or in error is kept as good, and "
    "checkpoints of one name at two addresses are taken for each other",
    upstream="paddleseg/utils/download.py, download_file_and_uncompress: extracts every member as it is named, follows "
    "links, and looks at neither the status nor the length of the reply; utils.py, download_pretrained_model, keeps a "
    "checkpoint under the last two parts of its address",
    detect=lambda: callable(_stock()),
    apply=lambda: replace_everywhere(_stock(), download),
)

PATCHES = [DOWNLOADS]
