"""A child process that answers requests."""

import json
import os
import select
import subprocess
import tempfile
import time
from typing import Any, Dict, List, Optional

from ..errors import ToolError
from .tool import child_environment, end_of, last_words


class Worker:
    """A child process that answers requests, each a JSON object on a line, until it is closed.

    The child must answer every request, and its own start, with one line of JSON on standard output; an
    answer with the key "error" is a failure. What it writes to standard error is kept for messages.

    Args:
        command: program and arguments.
        name: what to call it in an error.
        timeout: seconds for its start.
        environment: variables to set beside this process' own.

    Raises:
        ToolError: it could not be started.
    """

    def __init__(
        self, command: List[str], name: str, timeout: float, environment: Optional[Dict[str, str]] = None
    ):
        self.name = name
        self._unread = b""
        self._log = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=child_environment(environment),
            )
        except OSError as error:
            self._log.close()
            raise ToolError(f"cannot start {name} ({command[0]}): {error.strerror}") from error
        try:
            self.greeting = self._answer(timeout)
        except BaseException:
            self.close()
            raise

    def ask(self, request: Dict[str, Any], timeout: float) -> Dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            ToolError: the child ended, answered with an error, or took longer than `timeout` seconds;
                it cannot be asked again after that.
        """
        if self._process.stdin.closed:
            raise ToolError(f"{self.name} has been stopped")
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._failed()
        return self._answer(timeout)

    def _answer(self, timeout: float) -> Dict[str, Any]:
        deadline = time.monotonic() + timeout
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.close()
                raise ToolError(f"{self.name} did not answer within {timeout:g} s and was stopped")
            received = os.read(pipe, 1 << 16)
            if not received:
                self._failed()
            self._unread += received
        line, self._unread = self._unread.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            self.close()
            raise ToolError(f"{self.name} failed: {answer['error']}")
        return answer

    def _failed(self) -> None:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._log.seek(0)
        log = self._log.read().decode("utf-8", "replace")
        self.close()
        raise ToolError(f"{self.name} {end_of(status)}: {last_words(log)}")

    def close(self) -> None:
        """Stop the child. Closing twice does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            try:
                stream.close()
            except OSError:
                pass

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
