"""A child process that answers requests."""

import json
import os
import select
import subprocess
import tempfile
import time
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

from ..errors import ToolError, shown
from .limits import FILE_BYTES, confine
from .tool import child_environment, end_of, last_words

_LONGEST_LINE = 1 << 24
_LAST_WORDS = 1 << 20


class WorkerEnded(ToolError):
    """A worker died, or was stopped because it hung or answered nonsense.

    Attributes:
        how: it ended, in words that follow its name.
    """

    def __init__(self, name: str, how: str):
        super().__init__(f"{name} {how}")
        self.how = how


class Worker:
    """A child process that answers requests, each a JSON object on a line, until it is closed.

    The child must answer every request, and its own start, with one line of JSON on standard output; an
    answer with the key "error" is a failure. What it writes to standard error is kept for messages.

    It works on what strangers made, so its answers are not trusted: what is no JSON object, or longer than agreed, is
    an error. Its memory and the files that it writes are limited.

    Args:
        command: program and arguments.
        name: what to call it in an error.
        timeout: seconds for its start.
        environment: variables to set beside this process' own.
        memory: bytes of memory that it may take; `limits.memory_limit` if None.
        file_bytes: of the largest file that it may write.

    Raises:
        ToolError: it could not be started.
    """

    def __init__(
        self,
        command: List[str],
        name: str,
        timeout: float,
        environment: Optional[Dict[str, str]] = None,
        memory: Optional[int] = None,
        file_bytes: int = FILE_BYTES,
    ):
        self.name = name
        self._unread = bytearray()
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
            confine(self._process.pid, memory, file_bytes)
            os.set_blocking(self._process.stdin.fileno(), False)
            self.greeting, _ = self._answer(time.monotonic() + timeout, timeout, 0)
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it can no longer be asked."""
        return self._process.stdin.closed

    def ask(self, request: Dict[str, Any], timeout: float) -> Dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            ToolError: the child ended, answered with an error, or took longer than `timeout` seconds;
                it cannot be asked again after that.
        """
        return self.exchange(request, (), timeout, 0)[0]

    def exchange(
        self, request: Dict[str, Any], data: Sequence[bytes], timeout: float, most: int
    ) -> Tuple[Dict[str, Any], bytes]:
        """As `ask`, with raw bytes behind the request's line, and behind that of the answer.

        Args:
            request: gets the key "bytes" where there are any.
            data: what follows it; anything that exposes its bytes.
            timeout: seconds.
            most: bytes that the answer may have behind its line; their number is its key "bytes".

        Raises:
            ToolError: as of `ask`.
        """
        if self.closed:
            raise WorkerEnded(self.name, "has been stopped")
        deadline = time.monotonic() + timeout
        parts = [memoryview(part).cast("B") for part in data if memoryview(part).nbytes]
        if parts:
            request = {**request, "bytes": sum(part.nbytes for part in parts)}
        for part in (memoryview(json.dumps(request).encode() + b"\n"), *parts):
            self._send(part, deadline, timeout)
        return self._answer(deadline, timeout, most)

    def _send(self, part: memoryview, deadline: float, timeout: float) -> None:
        pipe = self._process.stdin.fileno()
        while part:
            if not select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))[1]:
                self._stop(f"did not listen within {timeout:g} s and was stopped")
            try:
                part = part[os.write(pipe, part):]
            except BlockingIOError:
                continue
            except OSError:
                self._failed()

    def _receive(self, deadline: float, timeout: float) -> None:
        pipe = self._process.stdout.fileno()
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            self._stop(f"did not answer within {timeout:g} s and was stopped")
        received = os.read(pipe, 1 << 20)
        if not received:
            self._failed()
        self._unread += received

    def _answer(self, deadline: float, timeout: float, most: int) -> Tuple[Dict[str, Any], bytes]:
        searched = 0
        while self._unread.find(b"\n", searched) < 0:
            searched = len(self._unread)
            if searched > _LONGEST_LINE:
                self._stop(f"answered more than {_LONGEST_LINE} bytes without an end and was stopped")
            self._receive(deadline, timeout)
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            answer = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self._stop(f"answered what is no JSON object ({shown(bytes(line))}) and was stopped")
        if "error" in answer:
            self._stop(f"failed: {shown(answer['error'], 500)}")
        size = answer.pop("bytes", 0)
        if type(size) is not int or not 0 <= size <= most:
            self._stop(f"announced {shown(size)} bytes where at most {most} are wanted and was stopped")
        while len(self._unread) < size:
            self._receive(deadline, timeout)
        content = bytes(self._unread[:size])
        del self._unread[:size]
        return answer, content

    def _stop(self, how: str) -> NoReturn:
        self.close()
        raise WorkerEnded(self.name, how)

    def _failed(self) -> NoReturn:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._log.seek(max(0, os.fstat(self._log.fileno()).st_size - _LAST_WORDS))
        log = self._log.read().decode("utf-8", "replace")
        self.close()
        raise WorkerEnded(self.name, f"{end_of(status)}: {shown(last_words(log), 500)}")

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

    def abandon(self) -> None:
        """Let go of the pipes in a process that was forked from the one that the child belongs to."""
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
