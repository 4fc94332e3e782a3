"""What `mobileseg train` asks of a run beyond the arguments of PaddleSeg's loop, which passes none of it on."""

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional

import paddle

from ..classes import CLASSES_FILE, Classes, classes_text
from ..errors import InputError
from ..files import read_regular, write_text
from .state import TrainingState

BEST_BY = ("higher", "weights", "average")
CONFIG_FILE, COMMAND_FILE = "config.yml", "command.txt"
_MARK = "# Written by `mobileseg train`"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """What is asked of a run.

    Attributes:
        config: the text of the config that it trains, which stands alone.
        command: the command line that asks for it.
        classes: of the data, where they have names.
        patience: evaluations in a row without a better mIoU after which it ends; None to go on to the last iteration.
        best_by: whose mIoU that is, and which of the best weights is meant in the end: that of the "weights", of
            their moving "average", or the "higher" of both.
        compact: PaddleSeg's count of multiply-adds at the end is left out.
        on_end: called with the last iteration.
    """

    config: Optional[str] = None
    command: Optional[str] = None
    classes: Optional[Classes] = None
    patience: Optional[int] = None
    best_by: str = "weights"
    compact: bool = False
    on_end: Callable[[int], None] = lambda iteration: None

    def is_patient(self, state: TrainingState) -> bool:
        """Whether training goes on from there."""
        return self.patience is None or state.stale < self.patience

    def describe(self, save_dir: Path) -> None:
        """Write into the save folder what is being trained; the command line goes below those before it.

        Raises:
            InputError: it cannot be written.
        """
        if self.config is not None:
            _write_config(save_dir / CONFIG_FILE, self.config)
            # What an earlier run left belongs to other data.
            (save_dir / CLASSES_FILE).unlink(missing_ok=True)
        if self.classes is not None:
            write_text(save_dir / CLASSES_FILE, classes_text(self.classes))
        if self.command is not None:
            processes = paddle.distributed.ParallelEnv().nranks
            on = f"  # on {processes} processes, by paddle.distributed.launch" if processes > 1 else ""
            # Names of files may be of any bytes.
            command = self.command.encode("utf-8", "backslashreplace").decode("utf-8")
            write_text(save_dir / COMMAND_FILE, f"{_text(save_dir / COMMAND_FILE)}{command}{on}\n")


_request: ContextVar[Request] = ContextVar("request", default=Request())


def current_request() -> Request:
    """What is asked of the run of this thread; nothing where it was not started by `mobileseg train`."""
    return _request.get()


@contextmanager
def requesting(request: Request) -> Iterator[None]:
    """Ask it of the runs within the block."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def _write_config(path: Path, content: str) -> None:
    """Write the config, and leave one alone that somebody else has put there."""
    if path.exists() and not _text(path).startswith(_MARK):
        print(
            f"warning: {path} was not written by `mobileseg train` and stays as it is; a save folder of its own gets "
            "the whole config of the run", file=sys.stderr,
        )
        return
    write_text(path, f"{_MARK}: the whole config of this run\n{content}")


def _text(path: Path) -> str:
    """What a file holds, up to whole lines; nothing where it cannot be read as text."""
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8")
    except (InputError, UnicodeDecodeError):
        return ""
    return text if text.endswith("\n") or not text else f"{text}\n"
