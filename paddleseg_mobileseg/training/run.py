"""One run of PaddleSeg's training loop: what the loop forgets is kept here, and saved with each checkpoint."""

import math
import os
import shutil
import signal
import sys
import time
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterator, Mapping, Optional, Tuple

import numpy as np
import paddle

from ..checkpoints.loading import load_weights
from ..data.draws import TrainingOrder, seed_iteration
from ..data.samples import sample_name
from ..errors import ToolError
from ..files import atomic_path
from .folders import BEST_FOLDERS, PendingCheckpoint, copy_classes, kept_checkpoints
from .records import Evaluation, evaluation_record, loss_record
from .request import current_request
from .resuming import Resumed
from .state import AVERAGE, BEST_FILE, OPTIMIZER, WEIGHTS, Best, TrainingState, read_best, write_best
from .stopping import StopRequests, resuming_command

_NAMED_SAMPLES = 8


class TrainingRun:
    """What the loop is made to ask for, and to tell, at the places where it begins, reads, adds up and saves.

    Args:
        given: the arguments of the loop by their names.
        resumed: what it goes on from.
        stop: the wish to end it.
        save: Paddle's own `paddle.save`.
    """

    def __init__(
        self, given: Mapping[str, Any], resumed: Optional[Resumed], stop: StopRequests, save: Callable[..., None]
    ):
        self._given, self._resumed, self._stop, self._save = given, resumed, stop, save
        self._request = current_request()
        self._save_dir = Path(given["save_dir"])
        self._average: Optional[paddle.nn.Layer] = None
        self._scaler: Any = None
        self._order: Optional[TrainingOrder] = None
        self._pending: Optional[PendingCheckpoint] = None
        self._first = paddle.distributed.ParallelEnv().rank == 0
        start = resumed.iteration if resumed else 0
        self._losses, self._evaluations = (record(self._save_dir, start) for record in (loss_record, evaluation_record))
        self._evaluated: Optional[Evaluation] = None
        if resumed is not None and resumed.state is not None:
            self._state = resumed.state
        else:
            # After --seed this is the same number in every run; without, another one in each.
            seed = int(np.random.randint(1 << 31))
            self._state = TrainingState(start, seed, len(given["train_dataset"]), given["batch_size"], 0)

    def best_so_far(self) -> Tuple[float, int, float, int, int]:
        """The scores to beat: mIoU and iteration of the weights and of their average, and the worse ones since."""
        kinds = zip(BEST_FOLDERS, (WEIGHTS, AVERAGE), (self._state.best, self._state.best_average))
        best, average = (self._restored_best(*kind) for kind in kinds) if self._resumed else (Best(), Best())
        self._state = replace(self._state, best=best, best_average=average)
        return best.miou, best.iteration, average.miou, average.iteration, self._state.stale

    def _restored_best(self, name: str, weights: str, best: Best) -> Best:
        """The score of the best weights in the save folder, which are put there if they are elsewhere.

        They are saved after the checkpoint, so that a process that was killed in between left older ones.
        """
        own = self._save_dir / name
        found = read_best(own) if (own / weights).is_file() else None
        if found is not None and found.miou >= best.miou:
            return found
        source = Path(self._resumed.folder)
        if best.iteration != self._resumed.iteration:
            source = source.parent / name
            if read_best(source) != best:
                return found or Best()
        if self._first and (source / weights).is_file():
            self._write_best(own / weights, lambda scratch: shutil.copyfile(source / weights, scratch), best)
        return best

    def order(self, dataset: paddle.io.Dataset, batch_size: int, **options: Any) -> TrainingOrder:
        """The order of the data, in place of the loop's own; all processes take the first one's seed."""
        seed = self._state.seed
        processes = paddle.distributed.ParallelEnv().nranks
        if processes > 1:
            shared = paddle.to_tensor([seed], dtype="int64")
            paddle.distributed.broadcast(shared, src=0)
            seed = int(shared)
        made_of = {"samples": len(dataset), "batch_size": batch_size, "processes": processes}
        if self._resumed and self._resumed.state and self._first:
            differ = [name for name, value in made_of.items() if getattr(self._resumed.state, name) != value]
            if differ:
                print(
                    f"warning: {self._resumed.folder} was trained with another number of {', '.join(differ)}: the "
                    "data comes in another order from here on", file=sys.stderr,
                )
        self._state = replace(self._state, seed=seed, **made_of)
        self._order = TrainingOrder(dataset, batch_size, seed, self._state.iteration)
        return self._order

    def loader(self, *args: Any, **options: Any) -> Iterator[Any]:
        """The loop's loader, which tells when an iteration ends and the next begins."""
        return _Batches(paddle.io.DataLoader(*args, **options), self._begin, self._end)

    def _begin(self) -> None:
        self._state = replace(self._state, iteration=self._state.iteration + 1)
        seed_iteration(self._state.seed, paddle.distributed.ParallelEnv().rank, self._state.iteration)

    def _end(self) -> bool:
        """Whether this was the last iteration.

        Raises:
            SystemExit: it was because a signal asked for it; everything is saved.
        """
        iteration = self._state.iteration
        if iteration >= self._given["iters"] or not self.goes_on():
            return True
        if self._stop.due(iteration):
            if self._first:
                self._save_last(iteration)
                self._stop.saved()
            else:
                self._stop.wait_for_first()
            raise SystemExit(128 + self._stop.signal)
        return False

    def goes_on(self) -> bool:
        """Whether evaluations leave hope for a better mIoU."""
        return self._request.is_patient(self._state)

    def flops(self, *args: Any, **options: Any) -> Optional[int]:
        """The loop's count of multiply-adds, which prints what it cannot count."""
        return None if self._request.compact else paddle.flops(*args, **options)

    def _save_last(self, iteration: int) -> None:
        """Save what a signal interrupts, where it is not yet saved, and say so."""
        folder = self._save_dir / f"iter_{iteration}"
        name = "Ctrl-C" if self._stop.signal == signal.SIGINT else "SIGTERM"
        if iteration == 0:
            print(f"{name}: stopped before the first iteration; nothing is saved", file=sys.stderr)
            return
        if self._resumed is not None and iteration == self._resumed.iteration:
            folder = Path(self._resumed.folder)
        elif iteration % self._given["save_interval"] != 0:
            self._save_all(folder)
        print(f"{name}: iteration {iteration} is saved in {folder}; {resuming_command()}", file=sys.stderr)

    def _save_all(self, folder: Path) -> None:
        """A checkpoint such as the loop's own, at an iteration at which it saves none."""
        paddle.save(self._given["model"].state_dict(), str(folder / WEIGHTS))
        paddle.save(self._given["optimizer"].state_dict(), str(folder / OPTIMIZER))
        if self._average is not None:
            paddle.save(self._average.state_dict(), str(folder / AVERAGE))
        self._complete(str(folder))

    def loss_of(self, loss: float) -> float:
        """The loss of an iteration, as it is.

        Raises:
            ToolError: it is not a number; nothing is saved any more.
        """
        iteration = self._state.iteration
        self._losses.add(iteration, loss)
        if not math.isfinite(loss):
            if self._first:
                self._losses.write()
            raise ToolError(
                f"the loss is {loss} at iteration {iteration}, on {self._batch_files()}; nothing was saved since then: "
                "set a smaller learning rate, or look at these images and labels"
            )
        return loss

    def _batch_files(self) -> str:
        batch = self._order.batch_of(self._state.iteration)
        names = [sample_name(self._given["train_dataset"].dataset, index) for index in batch[:_NAMED_SAMPLES]]
        more = f" and {len(batch) - len(names)} more" if len(batch) > len(names) else ""
        return ", ".join(names) + more

    def scaler(self, scaler: Any) -> Any:
        """The loss scaling of mixed precision, as it was."""
        if self._state.scaler is not None:
            scaler.load_state_dict({**scaler.state_dict(), **_arrays(self._state.scaler)})
        self._scaler = scaler
        return scaler

    def start_average(self, average: paddle.nn.Layer, model: paddle.nn.Layer, start: Callable[..., None]) -> None:
        """The moving average as it was, or one that `start` makes of the weights."""
        self._average = average
        saved = Path(self._resumed.folder) / AVERAGE if self._resumed and self._resumed.state else None
        if saved is not None and saved.is_file():
            load_weights(average, saved)
            return
        if saved is not None and self._first:
            print(f"warning: {saved} is missing: the moving average starts anew from the weights", file=sys.stderr)
        start(average, model)

    def evaluate(self, evaluate: Callable[..., Any], model: paddle.nn.Layer, *args: Any, **options: Any) -> Any:
        """What the loop's evaluation gives, and its score is taken as the loop takes it."""
        if paddle.distributed.ParallelEnv().nranks > 1:
            # Each process has its own running statistics, and only those of the first are saved.
            for tensor in model.state_dict().values():
                if tensor.stop_gradient:
                    paddle.distributed.broadcast(tensor, src=0)
        began = time.monotonic()
        result = evaluate(model, *args, **options)
        of_average = model is self._average
        name, other = ("best_average", "weights") if of_average else ("best", "average")
        miou = float(result[0])
        self._record(result, of_average, time.monotonic() - began)
        # That of the average comes after that of the weights: one evaluation counts once.
        changes: Dict[str, Any] = {} if of_average else {"stale": self._state.stale + 1}
        if miou > getattr(self._state, name).miou:
            changes[name] = Best(miou, self._state.iteration)
            if self._request.best_by != other:
                changes["stale"] = 0
        self._state = replace(self._state, **changes)
        return result

    def _record(self, result: Any, of_average: bool, seconds: float) -> None:
        """Take the scores of an evaluation; that of the average comes after that of the weights."""
        if of_average:
            before = self._evaluated
            row = replace(before, average_miou=float(result[0]), seconds=round(before.seconds + seconds, 3))
        else:
            row = Evaluation(float(result[0]), float(result[1]), float(result[4]), None, round(seconds, 3))
        self._evaluated = row
        self._evaluations.add(self._state.iteration, *astuple(row))

    def kept(self) -> Deque[str]:
        """The checkpoints that count against `keep_checkpoint_max`."""
        return kept_checkpoints(
            self._save_dir, self._state.iteration, self._given["keep_checkpoint_max"], self._complete,
            lambda name: os.path.join(self._given["save_dir"], name),
        )

    def save(self, content: Any, path: str, *args: Any, **kwargs: Any) -> None:
        """In place of `paddle.save`: a file of the checkpoint, of the best weights, or any other; each whole.

        Raises:
            InputError: it cannot be written.
            ToolError: weights or optimizer are no longer numbers.
        """
        file = Path(path)
        folder, name = file.parent, file.name
        if folder.parent != self._save_dir:
            return self._save_whole(content, path, *args, **kwargs)
        if name in (WEIGHTS, OPTIMIZER, AVERAGE):
            self._check_numbers(content, name)
        if folder.name == f"iter_{self._state.iteration}":
            if self._pending is None or self._pending.folder != folder:
                self._discard()
                self._pending = PendingCheckpoint(folder)
            self._pending.write(name, lambda scratch: self._save(content, scratch, *args, **kwargs))
        elif folder.name in BEST_FOLDERS and name in (WEIGHTS, AVERAGE):
            best = self._state.best if name == WEIGHTS else self._state.best_average
            self._write_best(file, lambda scratch: self._save(content, scratch, *args, **kwargs), best)
        else:
            self._save_whole(content, path, *args, **kwargs)

    def _save_whole(self, content: Any, path: str, *args: Any, **kwargs: Any) -> None:
        with atomic_path(path) as scratch:
            self._save(content, str(scratch), *args, **kwargs)

    @staticmethod
    def _write_best(file: Path, write: Callable[[str], Any], best: Best) -> None:
        """Replace the best weights; whenever this is killed, no score stands beside weights of another."""
        (file.parent / BEST_FILE).unlink(missing_ok=True)
        with atomic_path(file) as scratch:
            write(str(scratch))
            copy_classes(file.parent.parent, file.parent)
        write_best(file.parent, best)

    def _check_numbers(self, content: Mapping[str, Any], name: str) -> None:
        for key, value in content.items():
            if not isinstance(value, paddle.Tensor) or not paddle.is_floating_point(value):
                continue
            # A buffer may hold infinities on purpose, such as the mask of an attention.
            wrong = ~paddle.isfinite(value) if not value.stop_gradient else paddle.isnan(value)
            if bool(wrong.any()):
                raise ToolError(
                    f"{key} of {name} holds NaN or infinity after iteration {self._state.iteration}, which ended on "
                    f"{self._batch_files()}; it was not saved: set a smaller learning rate, and go on from the "
                    "checkpoint before"
                )

    def _complete(self, folder: str) -> None:
        """The loop, or `_save_all`, has saved everything of a checkpoint."""
        if self._pending is None:  # the loop has saved nothing through `paddle.save`
            return
        scaler = self._scaler.state_dict() if self._scaler is not None else None
        pending, self._pending = self._pending, None
        self._losses.write()
        self._evaluations.write()
        pending.commit(replace(self._state, scaler=_plain(scaler)))

    def close(self) -> None:
        """Take away a checkpoint that is not complete, and tell how far the training came."""
        self._discard()
        self._request.on_end(self._state.iteration)

    def _discard(self) -> None:
        if self._pending is not None:
            self._pending.discard()
            self._pending = None


class _Batches:
    """A loader that calls `begin` before each batch is given out and `end` after the loop has used it."""

    def __init__(self, loader: paddle.io.DataLoader, begin: Callable[[], None], end: Callable[[], bool]):
        self._loader, self._begin, self._end = loader, begin, end

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self._loader)
        try:
            for batch in batches:
                # A signal may have come while this waited for the batch.
                if self._end():
                    return
                self._begin()
                yield batch
                if self._end():
                    return
        finally:
            # Readers would wait until the process ends, and some of Paddle's errors hang on them.
            if self._loader.num_workers:
                batches._try_shutdown_all(1)


def _plain(state: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Arrays of one number as lists, for JSON."""
    if state is None:
        return None
    return {key: np.asarray(value).tolist() for key, value in state.items()}


def _arrays(state: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: np.asarray(value, np.float32) if isinstance(value, list) else value for key, value in state.items()}
