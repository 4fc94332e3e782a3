"""Long commands whose logs go to files and are followed."""

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from ..errors import ToolError
from .tool import child_environment, last_words

_POLL_SECONDS = 0.2
_STOP_SECONDS = 20
_ERROR = re.compile(r"^error: (.+)$", re.MULTILINE)
_WORKER = re.compile(r"^launch proc_id:(\d+)", re.MULTILINE)


def run_logged(
    command: Sequence[str],
    name: str,
    log: Path,
    watched: Optional[Path] = None,
    on_line: Callable[[str], None] = lambda line: None,
    environment: Optional[Dict[str, str]] = None,
    stall_timeout: float = 600,
) -> str:
    """Run a command to its end.

    Args:
        command: program and arguments.
        name: what to call it in an error.
        log: its standard error is appended to it.
        watched: a log of its own to follow; `log` if None. Other files of that folder are searched for the
            reason of a failure.
        on_line: called with every line of the watched log.
        environment: variables to set beside this process' own.
        stall_timeout: seconds without a new line after which the command is stopped.

    Returns:
        Its standard output.

    Raises:
        ToolError: it failed or stalled; the message has its reason in one line, and the log.
    """
    watched = watched or log
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = child_environment({"PYTHONUNBUFFERED": "1", **(environment or {})})
    with open(log, "ab") as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment
        )
        try:
            for line in _follow(watched, process, stall_timeout):
                on_line(line)
        except _Stalled:
            message = f"{name} printed nothing for {stall_timeout:g} s and was stopped; its log is {watched}"
            raise ToolError(message) from None
        finally:
            _stop(process, output)
        output.seek(0)
        answer = output.read().decode("utf-8", "replace")
    if process.returncode != 0:
        logs = sorted(watched.parent.glob("*")) if watched != log else []
        reason = _reason([path.read_text(errors="replace") for path in [*logs, log]])
        raise ToolError(f"{name} failed: {reason}; its log is {watched if watched.is_file() else log}")
    return answer


class _Stalled(Exception):
    pass


def _follow(path: Path, process: subprocess.Popen, stall_timeout: float) -> Iterator[str]:
    """The lines of a growing file until the process has ended; a progress bar's carriage returns end lines too."""
    position, rest, heard = 0, "", time.monotonic()
    while True:
        ended = process.poll() is not None
        if path.is_file():
            with open(path, "rb") as file:
                file.seek(position)
                new = file.read()
            position += len(new)
            if new:
                heard = time.monotonic()
            *lines, rest = re.split(r"[\r\n]+", rest + new.decode("utf-8", "replace"))
            yield from filter(None, lines)
        if ended:
            return
        if time.monotonic() - heard > stall_timeout:
            raise _Stalled
        time.sleep(_POLL_SECONDS)


def _stop(process: subprocess.Popen, output) -> None:
    """End the process if it still runs, and the training processes that it launched."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # A launcher's workers have sessions of their own and outlive it when it is killed.
    output.seek(0)
    for worker in _WORKER.findall(output.read().decode("utf-8", "replace")):
        try:
            os.kill(int(worker), signal.SIGKILL)
        except ProcessLookupError:
            pass


def _reason(logs: List[str]) -> str:
    """The one line of several logs that says why."""
    for text in logs:
        found = _ERROR.findall(text)
        if found:
            return found[-1]
    return last_words("\n".join(logs))
