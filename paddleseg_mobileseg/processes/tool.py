"""The one place that runs native tools: in child processes, so that their aborts and hangs become errors of ours."""

import os
import re
import signal
import subprocess
from typing import Dict, List, Optional

from ..errors import ToolError

_LOG_PREFIX = re.compile(r"^\[[A-Z] [^\]]*\]\s*")
_TELLING = re.compile(r"Check failed|[Ee]rror|not supported|No space left|MemoryError")


def last_words(output: str) -> str:
    """The line of a tool's output that says why it ended: the last one about an error, or else the last one."""
    lines = [_LOG_PREFIX.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or ["it said nothing"])[-1]


def end_of(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    names = {number.value: number.name for number in signal.Signals}
    return f"died of {names.get(-status, f'signal {-status}')}"


def child_environment(additions: Optional[Dict[str, str]]) -> Dict[str, str]:
    return {**os.environ, **(additions or {})}


def run_tool(command: List[str], name: str, timeout: float, environment: Optional[Dict[str, str]] = None) -> str:
    """Run a tool to its end.

    Args:
        command: program and arguments.
        name: what to call it in an error.
        timeout: seconds after which it is killed.
        environment: variables to set beside this process' own.

    Returns:
        What it wrote, standard output and standard error together.

    Raises:
        ToolError: it could not be started, failed, was killed by a signal, or took too long.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=child_environment(environment),
        )
    except OSError as error:
        raise ToolError(f"cannot start {name} ({command[0]}): {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} did not end within {timeout:g} s and was stopped") from error
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise ToolError(f"{name} {end_of(done.returncode)}: {last_words(output)}")
    return output


