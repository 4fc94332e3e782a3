"""Predictors on this host, each in a child process: Paddle-Lite's, and what those of all engines have in common."""

import json
import math
import platform
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type, TypeVar, Union

import numpy as np

from ...errors import InputError, ToolError, shown
from ...files import scratch_folder
from ...labels import compiled, core_file
from ...processes.limits import FILE_BYTES, memory_limit
from ...processes.worker import Worker
from ...schema import from_dict
from .lite_wheel import require_library
from .metadata import Metadata, read_metadata
from .opt import expected_size

LITE_WORKER = Path(__file__).with_name("lite_worker.py")
_START_TIMEOUT = 60
_RUN_TIMEOUT = 300
_BYTES_A_VALUE = 8
_LEAST_MEMORY = 1 << 30
_BYTES_A_WEIGHT, _BYTES_A_PIXEL = 16, 6000
"""Of memory for each byte of a model, and each value of its input: some hundred feature maps of full size."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Paddle-Lite's configuration has no thread count on x86; its maths libraries read it here when they are loaded."""

T = TypeVar("T")

HOST_TARGET = "x86"
ENGINE = "paddle-lite"


@dataclass(frozen=True)
class Timing:
    """Inferences in a row.

    Attributes:
        network_ms: milliseconds of each, as far as the graph goes.
        label_map_ms: of the label map made of each one's logits; None where none was made.
        peak_bytes: the most memory that the process has held so far.
    """

    network_ms: List[float]
    label_map_ms: List[Optional[float]]
    peak_bytes: int


@dataclass(frozen=True)
class _Greeting:
    """What a worker says when it has loaded its model."""

    init_ms: float
    version: str


@dataclass(frozen=True)
class _Run:
    """What a worker says of one inference."""

    network_ms: float
    label_map_ms: Optional[float]


def _memory(metadata: Metadata) -> int:
    """Bytes that a network may take: a damaged model of a few kilobytes asks for all there is, and waits for it."""
    needed = _LEAST_MEMORY + _BYTES_A_WEIGHT * metadata.bytes + _BYTES_A_PIXEL * math.prod(metadata.input.shape)
    return min(memory_limit(), needed)


class Predictor:
    """A network in a child process; a context manager.

    Args:
        model: the file that the worker loads.
        metadata: what it takes and gives.
        engine: what runs it, as records call it.
        worker: the program, which answers as `engine_worker.py` says.
        core: the core to bind to; None leaves that to the system.
        clock: "wall", or "cpu" for the time that the process had a core, on a machine with other work.
        options: what else the worker is to know.
        label_maps: make the label map of low-resolution logits after each inference, for its time.
        threads: that the network runs with; the label map always takes one.
        interpreter: what runs the worker; this Python if None. Another one, and what emulates its processor, must have
            NumPy and the engine's package.

    Attributes:
        init_ms: milliseconds to load the model.
        version: of the engine.

    Raises:
        ToolError: the engine cannot load the model, or the core cannot be had.
    """

    def __init__(
        self,
        model: Path,
        metadata: Metadata,
        engine: str,
        worker: Path,
        core: Optional[int] = None,
        clock: str = "wall",
        options: Optional[Dict[str, Any]] = None,
        label_maps: bool = True,
        threads: int = 1,
        interpreter: Optional[Sequence[str]] = None,
    ):
        self.model, self.metadata, self.engine, self.core, self.threads = model, metadata, engine, core, threads
        self._label_maps = label_maps
        rule = self._label_map_rule()
        options = {**(options or {}), "core": core, "clock": clock, "label_maps": rule, "threads": threads}
        with ExitStack() as opened:
            self._scratch = opened.enter_context(scratch_folder())
            self._worker = opened.enter_context(
                Worker(
                    [*(interpreter or [sys.executable]), str(worker), str(model), json.dumps(options)],
                    f"{'Paddle-Lite' if engine == ENGINE else engine} running {model.name}",
                    _START_TIMEOUT,
                    {name: str(threads) for name in _THREAD_VARIABLES},
                    _memory(metadata),
                    # An output is a file.
                    FILE_BYTES + _BYTES_A_VALUE * math.prod(metadata.output.shape),
                )
            )
            greeting = self._checked(_Greeting, self._worker.greeting)
            self._opened = opened.pop_all()
        self.init_ms, self.version = greeting.init_ms, greeting.version

    def _checked(self, kind: Type[T], answer: Dict[str, Any]) -> T:
        """An answer of the worker, which runs what a stranger may have made.

        Raises:
            ToolError: it is of another form than `kind`.
        """
        try:
            return from_dict(kind, answer)
        except InputError as error:
            self._worker.close()
            raise ToolError(f"{self._worker.name} answered nonsense ({shown(error)}) and was stopped") from error

    @property
    def makes_labels(self) -> bool:
        """Whether a label map is made of the logits, and timed, after each inference."""
        return self._label_maps and self.metadata.output.label_map == "exact" and compiled()

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, in the output's own dtype.

        Args:
            batch: float32 of the shape in the metadata.

        Raises:
            InputError: the shape or the dtype is another.
            ToolError: the engine failed.
        """
        return self.timed_run(batch)[0]

    def timed_run(self, batch: np.ndarray) -> Tuple[np.ndarray, float]:
        """As `run`, with the milliseconds that the inference took beside the output, its label map included."""
        files = self._scratch / "input.npy", self._scratch / "output.npy"
        self._save(files[0], batch)
        files[1].unlink(missing_ok=True)
        request = {"do": "run", "input": str(files[0]), "output": str(files[1])}
        took = self._checked(_Run, self._worker.ask(request, _RUN_TIMEOUT))
        return self._output(files[1]), took.network_ms + (took.label_map_ms or 0.0)

    def _output(self, path: Path) -> np.ndarray:
        """The array that the worker wrote.

        Raises:
            ToolError: it wrote none, or no numbers.
        """
        try:
            # Mapped, so that no more is asked of the memory than the file has.
            output = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError, SyntaxError) as error:
            raise ToolError(f"{self._worker.name} wrote no output that can be read: {shown(error, 200)}") from error
        if output.dtype.kind not in "fiub":
            raise ToolError(f"{self._worker.name} wrote an output of {shown(output.dtype)}")
        return output

    def _label_map_rule(self) -> Optional[Dict[str, Any]]:
        output = self.metadata.output
        if not self.makes_labels:
            return None
        return {"core": core_file(), "size": output.label_size, "align_corners": output.align_corners}

    def _save(self, path: Path, batch: np.ndarray) -> None:
        expected = self.metadata.input
        if list(batch.shape) != expected.shape or batch.dtype != expected.dtype:
            given = f"{batch.dtype} of {list(batch.shape)}"
            raise InputError(f"{self.model} takes {expected.dtype} of shape {expected.shape}, not {given}")
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

    def time(self, runs: int, uncounted: int = 0) -> "Timing":
        """Time `runs` inferences in a row; copying inputs and outputs is not in it.

        Args:
            runs: how many; each takes the next of the timed inputs, and the next call goes on from there.
            uncounted: runs before them that do not count.

        Raises:
            ToolError: the engine failed or hangs.
        """
        timeout = _RUN_TIMEOUT + 10 * (uncounted + runs)
        answer = self._worker.ask({"do": "time", "uncounted": uncounted, "runs": runs}, timeout)
        timing = self._checked(Timing, answer)
        if not len(timing.network_ms) == len(timing.label_map_ms) == runs:
            raise ToolError(f"{self._worker.name} gave another number of times than the {runs} asked for")
        return timing

    def close(self) -> None:
        """Stop the child. Closing twice does nothing."""
        self._opened.close()

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


class LitePredictor(Predictor):
    """A `.nb` loaded by Paddle-Lite.

    Args:
        nb: the model, with its JSON file beside it.
        core: the core to bind to; None leaves that to the system.
        clock: "wall", or "cpu" for the time that the process had a core, on a machine with other work.
        label_maps, threads: as of `Predictor`.

    Attributes:
        metadata: what the JSON file says.

    Raises:
        InputError: the model is missing, damaged, or for another processor.
        ToolError: Paddle-Lite cannot be had or cannot load it, or the core cannot be had.
    """

    def __init__(
        self,
        nb: Union[str, Path],
        core: Optional[int] = None,
        clock: str = "wall",
        label_maps: bool = True,
        threads: int = 1,
    ):
        metadata = read_metadata(nb)
        if platform.machine() not in ("x86_64", "AMD64") or metadata.target != HOST_TARGET:
            raise InputError(
                f"{nb} is for {metadata.target} and cannot run on this host ({platform.machine()}): "
                "convert with --target x86 and run it on an x86_64 machine"
            )
        library = str(require_library())
        if expected_size(Path(nb)) != metadata.bytes:
            raise InputError(f"{nb} is damaged: its parts do not add up to its size; convert the model again")
        options = {"library": library}
        super().__init__(Path(nb), metadata, ENGINE, LITE_WORKER, core, clock, options, label_maps, threads)
