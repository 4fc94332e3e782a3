"""The folders of checkpoints in a save folder: each is written beside its place and appears there whole."""

import os
import re
import shutil
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, Callable, Deque, List, Optional, Tuple, Union

from ..classes import CLASSES_FILE
from ..errors import InputError
from ..files import cannot_write, replace_folder, synced
from .state import OPTIMIZER, WEIGHTS, TrainingState, write_state

BEST_FOLDERS = ("best_model", "ema_best_model")
_NAME = re.compile(r"^iter_(\d+)$")
_WRITTEN = r"losses\.csv|evaluations\.csv|config\.yml|command\.txt|classes\.txt"
_LEFTOVER = re.compile(rf"^\.iter_\d+\.|^\.+stop_|^\.({_WRITTEN})\.")


def iteration_of(folder: Union[str, Path]) -> Optional[int]:
    """The iteration in the name of a checkpoint's folder, as PaddleSeg reads it; None where there is none."""
    match = re.search(r"_(\d+)$", str(folder).rstrip("/"))
    return int(match.group(1)) if match else None


def checkpoints_in(save_dir: Path) -> List[Tuple[int, Path]]:
    """The folders `iter_N` of a save folder, by their iteration, the oldest first."""
    if not save_dir.is_dir():
        return []
    found = ((_NAME.match(path.name), path) for path in save_dir.iterdir() if path.is_dir())
    return sorted((int(match.group(1)), path) for match, path in found if match)


def remove_leftovers(save_dir: Path) -> None:
    """Take away what a killed run left half-written; nobody else writes there, since the folder is locked."""
    for path in save_dir.iterdir():
        if _LEFTOVER.match(path.name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
    for name in BEST_FOLDERS:
        for path in (save_dir / name).glob(".*"):
            path.unlink()


def copy_classes(save_dir: Path, folder: Path) -> None:
    """Lay what the save folder says of the classes, if it does, beside a checkpoint, which may go elsewhere alone.

    Raises:
        OSError: it cannot be written.
    """
    if (save_dir / CLASSES_FILE).is_file():
        shutil.copyfile(save_dir / CLASSES_FILE, folder / CLASSES_FILE)


class PendingCheckpoint:
    """A checkpoint that is being written; it is not in its place until `commit`.

    Args:
        folder: its place.

    Raises:
        InputError: no folder can be made beside it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self._scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        except OSError as error:
            raise cannot_write(folder, error) from error

    def write(self, name: str, write: Callable[[str], Any]) -> None:
        """Let `write` write a file of the checkpoint, given its path.

        Raises:
            InputError: it cannot be written; the whole checkpoint is given up.
        """
        try:
            write(str(self._scratch / name))
            synced(self._scratch / name)
        except OSError as error:
            self.discard()
            raise cannot_write(self.folder / name, error) from error

    def commit(self, state: TrainingState) -> None:
        """Put the checkpoint into its place, all at once, in the place of one that is already there.

        Raises:
            InputError: it cannot be written; then nothing of it is left.
        """
        try:
            write_state(self._scratch, state)
            copy_classes(self.folder.parent, self._scratch)
            synced(self._scratch)
            replace_folder(self._scratch, self.folder)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Take away what was written and not committed."""
        shutil.rmtree(self._scratch, ignore_errors=True)


class KeptCheckpoints(deque):
    """The list in which PaddleSeg's loop remembers its checkpoints: a complete one is added, the oldest taken away.

    Args:
        folders: those that are there, the oldest first.
        on_complete: called with each folder that the loop has finished.
    """

    def __init__(self, folders: List[str], on_complete: Callable[[str], None]):
        super().__init__(folders)
        self._on_complete = on_complete

    def append(self, folder: str) -> None:
        self._on_complete(folder)
        if folder in self:  # trained again from an earlier one
            self.remove(folder)
        super().append(folder)

    def popleft(self) -> str:
        """The oldest, under a name that nobody takes for a checkpoint while it is being deleted."""
        folder = Path(super().popleft())
        gone = folder.with_name(f".{folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        try:
            os.rename(folder, gone)
        except FileNotFoundError:  # somebody took it away, and PaddleSeg's loop would stop
            gone.mkdir()
        return str(gone)


def kept_checkpoints(
    save_dir: Path, last: int, limit: int, on_complete: Callable[[str], None], joined: Callable[[str], str]
) -> Deque[str]:
    """The checkpoints up to iteration `last`, so that those of before a resumption count and go with the others."""
    folders = [joined(path.name) for iteration, path in checkpoints_in(save_dir) if iteration <= last]
    return KeptCheckpoints(folders[-limit:] if limit > 0 else folders, on_complete)


def not_whole(folder: Path) -> Optional[InputError]:
    """A folder that holds files and lacks what every checkpoint has; None where nothing is missing."""
    missing = [name for name in (WEIGHTS, OPTIMIZER) if not (folder / name).is_file()]
    if not missing:
        return None
    return InputError(f"{folder / missing[0]} is missing")
