"""Paddle's executor and shape inference in a child process with limits: a program that may be anybody's can make them
die of SIGSEGV, take all memory, or never end."""

import atexit
import itertools
import os
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...errors import InputError
from ...processes.limits import memory_limit
from ...processes.worker import Worker, WorkerEnded

_WORKER = Path(__file__).with_name("paddle_worker.py")
_START_TIMEOUT = 300


class Refused(Exception):
    """What Paddle says of a program that it does not take."""


class PaddleProcess:
    """One child for all programs of this process; started when it is first asked, and again after it died.

    A program that kills it takes the graphs with it that were loaded; `StaticGraph` loads its own again.
    """

    def __init__(self) -> None:
        self._starts = self._asked_at = 0
        self._worker: Optional[Worker] = None
        self._lock = threading.RLock()
        self._forgotten: List[int] = []
        self._numbers = itertools.count()

    def started(self) -> int:
        """Start the child if none runs; it loads Paddle by itself, while the caller does something else.

        Returns:
            How often one was started so far. What was loaded before the last time is gone.

        Raises:
            ToolError: it cannot be started.
        """
        with self._lock:
            if self._worker is None or self._worker.closed:
                self._worker = Worker([sys.executable, str(_WORKER)], "Paddle's worker", _START_TIMEOUT)
                self._starts += 1
            return self._starts

    def ask(
        self,
        where: str,
        timeout: float,
        do: str,
        program: bytes = b"",
        arrays: Sequence[np.ndarray] = (),
        gives: int = 0,
        **request: Any,
    ) -> Tuple[Dict[str, Any], List[np.ndarray]]:
        """Let the child do something.

        Args:
            where: what to call the program in a message.
            timeout: seconds, beside those that loading Paddle takes.
            gives: how many arrays are wanted.
            do, program, arrays, request: as the worker's functions take them.

        Returns:
            Its answer, and the arrays that came with it.

        Raises:
            Refused: Paddle refuses the program.
            InputError: the program killed the child, made it hang, or made it answer nonsense.
            ToolError: the child cannot be started.
        """
        with self._lock:
            self.started()
            arrays = [np.ascontiguousarray(array).reshape(array.shape) for array in arrays]
            forget, self._forgotten = self._forgotten, []
            content = {
                **request, "do": do, "program": len(program), "forget": forget,
                "arrays": [[array.dtype.str, list(array.shape)] for array in arrays],
            }  # fmt: skip
            data = [program, *(array.reshape(-1) for array in arrays)]
            try:
                if self._asked_at != self._starts:
                    ready = {"do": "ready", "program": 0, "forget": [], "arrays": []}
                    self._worker.exchange(ready, (), _START_TIMEOUT, 0)
                    self._asked_at = self._starts
                answer, received = self._worker.exchange(content, data, timeout, memory_limit())
                if "refused" not in answer:
                    return answer, _arrays_of(answer.get("arrays"), received, gives)
            except WorkerEnded as error:
                raise InputError(
                    f"{where} is damaged, or does what cannot be done here: Paddle {error.how}; export the model again"
                ) from error
            except (TypeError, ValueError) as error:
                self.close()
                raise InputError(f"{where} makes Paddle answer nonsense; export the model again") from error
            raise Refused(str(answer["refused"]))

    def number(self) -> int:
        """For a graph that is to be loaded."""
        return next(self._numbers)

    def forget(self, number: int) -> None:
        """Let the child free a graph when it is next asked for something; may be called by a destructor."""
        self._forgotten.append(number)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
                self._worker = None

    def after_fork(self) -> None:
        """Leave the child to the process that started it."""
        self._lock = threading.RLock()
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None


def _arrays_of(listed: Any, data: bytes, wanted: int) -> List[np.ndarray]:
    """The `wanted` arrays of an answer, which is not trusted.

    Raises:
        TypeError, ValueError: it does not say what they are, or something that does not fit `data`.
    """
    arrays, at = [], 0
    for code, shape in listed:
        dtype = np.dtype(str(code))
        if dtype.kind not in "fiub" or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("no array of numbers")
        count = 1
        for size in shape:
            count *= size
        # It raises ValueError itself where `data` is too short; a count of 0 it does not take.
        array = np.frombuffer(data, dtype, count, at) if count else np.empty(0, dtype)
        arrays.append(array.reshape(shape))
        at += array.nbytes
    if at != len(data) or len(arrays) != wanted:
        raise ValueError("more bytes than arrays, or not as many as were asked for")
    return arrays


paddle_process = PaddleProcess()
"""The one of this process."""

atexit.register(paddle_process.close)
os.register_at_fork(after_in_child=paddle_process.after_fork)
