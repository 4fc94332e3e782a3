"""Children that read cases side by side, each replaced when it dies or is stopped."""

import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.processes.tool import end_of

ROOT = Path(__file__).resolve().parents[1]
COMMAND = ("-m", "faults.child")
"""What a child is, for Python."""

_START = 300.0
"""Seconds for loading Paddle and the like, which is no part of a case."""

_PATIENCE = 3
"""Wall clock over the limit of processor time: a busy machine gives a child only a part of a core."""


class Child:
    """One reading process.

    Args:
        environment: variables beside this process' own.

    Attributes:
        alive: it can be given another case.
    """

    def __init__(self, environment: Dict[str, str]):
        self._folder = tempfile.TemporaryDirectory(prefix="faults-")
        folder = Path(self._folder.name)
        for name in ("trap", "tmp", "home"):
            (folder / name).mkdir()
        self._log = open(folder / "log", "wb+")
        self._unread = b""
        self.alive = True
        own = {
            # One thread, and no arena of 64 MB for each that there is: the limit of memory counts address space.
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
            "TMPDIR": str(folder / "tmp"),
            "HOME": str(folder / "home"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *COMMAND, str(folder)],
            cwd=folder / "trap",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **environment, **own},
            start_new_session=True,
        )

    def read(self, kind: str, seed: int, case: int, memory: int, seconds: int) -> Dict[str, Any]:
        """What came of a case; where the child did not survive it, `alive` is False afterwards.

        Raises:
            ToolError: the campaign itself failed.
        """
        request = {"kind": kind, "seed": seed, "case": case, "memory": memory, "seconds": seconds}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ToolError(f"the child ended before case {case} of {kind}: {self.last_words()}") from None
        made = self._line(_START)
        if made is None:
            raise ToolError(f"the child cannot make case {case} of {kind}: {self.last_words()}")
        answer = self._line(seconds * _PATIENCE)
        if answer is None:
            outcome, detail = self._end(seconds)
            answer = {"outcome": outcome, "detail": detail, "seconds": 0.0, "peak_bytes": 0}
        return {**made, **answer}

    def _line(self, timeout: float) -> Optional[Dict[str, Any]]:
        deadline = time.monotonic() + timeout
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            received = os.read(pipe, 1 << 16)
            if not received:
                return None
            self._unread += received
        line, self._unread = self._unread.split(b"\n", 1)
        answer = json.loads(line)
        if "broken" in answer:
            raise ToolError(f"the campaign itself failed: {answer['broken']}")
        return answer

    def _end(self, seconds: int) -> Tuple[str, str]:
        """How the child that did not answer ended, as an outcome and its detail; it is gone then."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(0.5)
            where = re.findall(r'File "[^"]*?([^"/]*)", line (\d+)', self._said())[-40:]
            self.close()
            at = ", ".join(f"{name}:{line}" for name, line in where)
            return "time", f"no end within {seconds * _PATIENCE} s; threads at {at}"[:600]
        said = self.last_words()
        self.close()
        if status == -signal.SIGXCPU:
            return "time", f"no end within {seconds} s of processor time"
        return "crash", f"{end_of(status)}: {said}"

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def last_words(self) -> str:
        """The end of what it printed."""
        said = [line.strip() for line in self._said().split("\n") if line.strip()]
        return " | ".join(said[-3:])[-400:]

    def close(self) -> None:
        """End it, with whatever it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self.alive = False
        self._process.stdin.close()
        self._process.stdout.close()
        self._log.close()
        self._folder.cleanup()


def read_all(
    cases: Iterable[Tuple[str, int]],
    seed: int,
    jobs: int,
    memory: int,
    seconds: int,
    ended: Callable[[str, int, Dict[str, Any]], None],
    environment: Optional[Dict[str, str]] = None,
) -> None:
    """Read cases, each named by its kind and number, in `jobs` children.

    Args:
        memory: bytes of address space beyond those of the idle child.
        seconds: of processor time a case.
        ended: called with each case as it ends, by one thread at a time.
        environment: variables of the children.

    Raises:
        ToolError: a child cannot be started, or cannot read an honest file.
    """
    waiting: "queue.Queue[Tuple[str, int]]" = queue.Queue()
    for case in cases:
        waiting.put(case)
    failed: List[BaseException] = []
    lock = threading.Lock()

    def work() -> None:
        child: Optional[Child] = None
        try:
            while not failed:
                kind, case = waiting.get_nowait()
                child = child or Child(environment or {})
                answer = child.read(kind, seed, case, memory, seconds)
                child = child if child.alive else None
                with lock:
                    ended(kind, case, answer)
        except queue.Empty:
            pass
        except BaseException as error:
            failed.append(error)
        finally:
            if child is not None:
                child.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt as error:
        failed.append(error)
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
