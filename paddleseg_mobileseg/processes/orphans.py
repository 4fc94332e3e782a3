"""Processes that end with the one that they belong to, however it ends."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Callable

_PR_SET_PDEATHSIG = 1


def _signal_at_end_of_parent(number: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


def sigterm_at_end_of(program: str) -> None:
    """Get SIGTERM when the parent ends, where the words of its command line hold `program`; Linux only."""
    parent = os.getppid()
    try:
        words = Path(f"/proc/{parent}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return
    if sys.platform == "linux" and program in words:
        _signal_at_end_of_parent(signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent(clean_up: Callable[[], None]) -> None:
    """Let this process, just forked on Linux, end when its parent ends or says so, and at nobody else's wish.

    Ctrl-C, and a SIGTERM to the whole group of processes, reach helpers too; the parent may still need them for what
    it wants to save, and ends them afterwards.

    Args:
        clean_up: called before the end where the parent is gone; one that is there may still read what would go.
    """
    parent = multiprocessing.parent_process().pid
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A thread waits for the signal instead of a handler: only so its sender is known.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _signal_at_end_of_parent(signal.SIGTERM)

    def wait() -> None:
        # The parent may have ended before the kernel was asked.
        while os.getppid() == parent:
            if signal.sigwaitinfo({signal.SIGTERM}).si_pid == parent:
                break
        # The signal of a parent's end may come before the parent is seen to be gone.
        patience = time.monotonic() + 0.5
        while os.getppid() == parent and time.monotonic() < patience:
            time.sleep(0.01)
        try:
            if os.getppid() != parent:
                clean_up()
        finally:
            os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
