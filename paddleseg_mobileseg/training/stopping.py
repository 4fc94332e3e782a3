"""SIGTERM and Ctrl-C during training: the iteration is finished and saved before the process ends."""

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import paddle

from ..files import write_text
from ..paths import PACKAGE
from ..processes.orphans import sigterm_at_end_of

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_REPEATED_SECONDS = 2  # launchers send one SIGTERM several times
_SAVING_SECONDS = 120
_POLL_SECONDS = 0.05


class StopRequests:
    """Within the block, a signal asks for the end of training after the iteration; a second one ends it at once.

    Several processes of one training must stop after the same iteration, or one would wait for ever for the others'
    gradients. The first process decides: when it has finished iteration i, all of them stop after i + 1, which none
    of them can finish before the first has begun it, and left word in the save folder.

    Args:
        save_dir: the folder that the processes share.
    """

    def __init__(self, save_dir: Path):
        self.signal: Optional[int] = None
        environment = paddle.distributed.ParallelEnv()
        self._rank, self._processes = environment.rank, environment.nranks
        self._wish, self._decision, self._saved = (save_dir / f".stop_{name}" for name in ("wish", "after", "saved"))
        self._before: Dict[int, Any] = {}
        self._since = 0.0

    def __enter__(self) -> "StopRequests":
        # Only the main thread may; elsewhere signals do what they did.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._asked)
            # Paddle's launcher dies of a signal at once, and leaves its processes alone.
            sigterm_at_end_of("paddle.distributed.launch")
        return self

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: Any) -> None:
        if self.signal is None:
            self.signal, self._since = number, time.monotonic()
        elif number != signal.SIGTERM or time.monotonic() - self._since > _REPEATED_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def due(self, iteration: int) -> bool:
        """Whether training is to stop now that `iteration` is finished."""
        if self._processes == 1:
            return self.signal is not None
        if self._decision.exists():
            number, after = map(int, self._decision.read_text().split())
            self.signal = self.signal or number
            return iteration >= after
        if self.signal is None and not (self._rank == 0 and self._wish.exists()):
            return False
        if self._rank == 0:
            self.signal = self.signal or int(self._wish.read_text())
            write_text(self._decision, f"{self.signal} {iteration + 1}")
        else:
            write_text(self._wish, str(self.signal))
        return False

    def saved(self) -> None:
        """Let the other processes end, which wait for the first to save: a launcher kills all when one ends."""
        if self._processes > 1:
            write_text(self._saved, "")

    def wait_for_first(self) -> None:
        """Wait until the first process has saved."""
        deadline = time.monotonic() + _SAVING_SECONDS
        while not self._saved.exists() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def resuming_command() -> str:
    """How to go on: the command line of this process with `--resume_model auto`."""
    program, *arguments = sys.argv
    program = Path(program)
    if paddle.distributed.ParallelEnv().nranks == 1:
        if program.name == "mobileseg" or program == PACKAGE / "__main__.py":
            return f"`{shlex.join(['mobileseg', *_resuming(arguments)])}` goes on"
        if program.name == "train.py":
            return f"`{shlex.join(['mobileseg', 'run', str(program), *_resuming(arguments)])}` goes on"
    return "the same command with --resume_model auto goes on"


def _resuming(arguments: List[str]) -> List[str]:
    kept = list(arguments)
    if "--resume_model" in kept:
        place = kept.index("--resume_model")
        del kept[place:place + 2]
    return [*(each for each in kept if not each.startswith("--resume_model=")), "--resume_model", "auto"]
