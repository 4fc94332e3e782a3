"""The one place that runs native tools: in child processes, so that their aborts and hangs become our errors."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from typing import Dict, Optional, Sequence

from ..errors import ToolError, shown

_LOG_PREFIX = re.compile(r"^\[[A-Z] [^\]]*\]\s*")
_LONGEST_WORDS = 400
_REASON = re.compile(r"Check failed|[Ee]rror|not supported|No space left|MemoryError")


def last_words(output: str) -> str:
    """The line of a tool's output that says why it ended: the last one about an error, or else the last one."""
    lines = [_LOG_PREFIX.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    reasons = [line for line in lines if _REASON.search(line)]
    return shown((reasons or lines or ["it printed nothing"])[-1], _LONGEST_WORDS)


def end_of(status: int) -> str:
    """How a process ended, for a message: its exit status, or the signal that killed it (negative)."""
    if status >= 0:
        return f"ended with status {status}"
    names = {number.value: number.name for number in signal.Signals}
    return f"died of {names.get(-status, f'signal {-status}')}"


def child_environment(additions: Optional[Dict[str, str]]) -> Dict[str, str]:
    """This process' environment with `additions`."""
    return {**os.environ, **(additions or {})}


@dataclass(frozen=True)
class Finished:
    """A command that came to its end.

    Attributes:
        status: its exit status; negative for the signal that killed it.
        stdout, stderr: what it wrote, with what is not UTF-8 replaced.
    """

    status: int
    stdout: str
    stderr: str


def run_to_end(
    command: Sequence[str], name: str, timeout: float, environment: Optional[Dict[str, str]] = None
) -> Finished:
    """Run a command to its end, with nothing to read on its standard input.

    Args:
        command: program and arguments.
        name: what to call it in an error.
        timeout: seconds after which it is killed.
        environment: variables to set beside this process' own.

    Raises:
        ToolError: it could not be started, or took too long.
    """
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            env=child_environment(environment),
        )
    except OSError as error:
        raise ToolError(f"cannot start {name} ({command[0]}): {error.strerror}") from error
    except ValueError as error:  # an argument with a zero byte, such as a phone's name that adb gave
        raise ToolError(f"cannot start {name} ({command[0]}): {error} in {shown(list(command[1:]), 200)}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} did not end within {timeout:g} s and was stopped") from error
    return Finished(done.returncode, *(text.decode("utf-8", "replace") for text in (done.stdout, done.stderr)))


def run_tool(command: Sequence[str], name: str, timeout: float, environment: Optional[Dict[str, str]] = None) -> str:
    """As `run_to_end`, for a tool that must succeed.

    Returns:
        What it wrote: its standard output, then its standard error.

    Raises:
        ToolError: it could not be started, failed, was killed by a signal, or took too long.
    """
    done = run_to_end(command, name, timeout, environment)
    output = done.stdout + done.stderr
    if done.status != 0:
        raise ToolError(f"{name} {end_of(done.status)}: {last_words(output)}")
    return output
