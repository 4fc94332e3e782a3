"""Paddle-Lite's predictor on this host, in a child process with one thread."""

import platform
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, List, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError, ToolError
from .metadata import Metadata, read_metadata
from .native import Worker
from .opt import require_paddlelite
from .scratch import scratch_folder

_WORKER = Path(__file__).with_name("lite_worker.py")
_START_TIMEOUT = 120
_RUN_TIMEOUT = 300
# The predictor's configuration has no thread count on x86; its maths libraries read it from here when they are loaded.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

HOST_TARGET = "x86"


class LitePredictor:
    """A `.nb` loaded by Paddle-Lite; a context manager.

    Args:
        nb: the model, with its JSON file beside it.

    Attributes:
        metadata: what the JSON file says.
        init_ms: milliseconds to load the model.
        version: of the library.

    Raises:
        InputError: the model is missing, damaged, or for another processor, or paddlelite is not installed.
        ToolError: Paddle-Lite cannot load it.
    """

    def __init__(self, nb: Union[str, Path]):
        self.nb = Path(nb)
        self.metadata: Metadata = read_metadata(nb)
        if platform.machine() not in ("x86_64", "AMD64") or self.metadata.target != HOST_TARGET:
            raise InputError(
                f"{nb} is for {self.metadata.target} and cannot run on this host ({platform.machine()}): "
                "convert with --target x86 and run it on an x86_64 machine"
            )
        require_paddlelite()
        with ExitStack() as opened:
            self._scratch = opened.enter_context(scratch_folder())
            self._worker = opened.enter_context(
                Worker(
                    [sys.executable, str(_WORKER), str(self.nb)],
                    f"Paddle-Lite running {self.nb.name}",
                    _START_TIMEOUT,
                    _ONE_THREAD,
                )
            )
            self._opened = opened.pop_all()
        self.init_ms: float = self._worker.greeting["init_ms"]
        self.version: str = self._worker.greeting["version"]

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, in the output's own dtype.

        Args:
            batch: float32 of the shape in the metadata.

        Raises:
            InputError: the shape or the dtype is another.
            ToolError: Paddle-Lite failed.
        """
        return self.timed_run(batch)[0]

    def timed_run(self, batch: np.ndarray) -> Tuple[np.ndarray, float]:
        """As `run`, with the milliseconds that the inference took beside the output."""
        files = self._scratch / "input.npy", self._scratch / "output.npy"
        self._save(files[0], batch)
        took = self._worker.ask({"do": "run", "input": str(files[0]), "output": str(files[1])}, _RUN_TIMEOUT)["ms"]
        return np.load(files[1]), took

    def _save(self, path: Path, batch: np.ndarray) -> None:
        expected = self.metadata.input
        if list(batch.shape) != expected.shape or batch.dtype != expected.dtype:
            raise InputError(
                f"{self.nb} takes {expected.dtype} of shape {expected.shape}, not {batch.dtype} of {list(batch.shape)}"
            )
        try:
            np.save(path, batch)
        except OSError as error:
            raise ToolError(f"cannot write {path}: {error.strerror}; free some space, or set TMPDIR") from error

    def set_timed_inputs(self, batches: Sequence[np.ndarray]) -> None:
        """Give the inputs that `time` goes through in turn.

        Raises:
            InputError: a batch has another shape or dtype than the network takes.
        """
        paths = [self._scratch / f"timed_{index}.npy" for index in range(len(batches))]
        for path, batch in zip(paths, batches):
            self._save(path, batch)
        self._worker.ask({"do": "set inputs", "paths": [str(path) for path in paths]}, _RUN_TIMEOUT)

    def time(self, runs: int, settling: int = 0) -> List[float]:
        """Milliseconds of each of `runs` inferences in a row; copying inputs and outputs is not in them.

        Args:
            runs: how many; each takes the next of the timed inputs, and the next call goes on from there.
            settling: runs before them that do not count.

        Raises:
            ToolError: Paddle-Lite failed or hangs.
        """
        timeout = _RUN_TIMEOUT + 10 * (settling + runs)
        return self._worker.ask({"do": "time", "settling": settling, "runs": runs}, timeout)["ms"]

    def close(self) -> None:
        """Stop the child. Closing twice does nothing."""
        self._opened.close()

    def __enter__(self) -> "LitePredictor":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
