"""PaddleSeg's training: checks in front of it, and a loop that forgets nothing and saves whole checkpoints."""

import functools
import inspect
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import paddle

from ...data.samples import CheckedSamples
from ...errors import InputError, ToolError
from ...files import atomic_path, check_save_dir
from ...processes.lock import locked_folder
from ...training.folders import remove_leftovers
from ...training.request import current_request
from ...training.resuming import Resumed, find_checkpoint
from ...training.run import TrainingRun
from ...training.stopping import StopRequests
from ..paddle import FLEET_WITHOUT_FIELD_LABELS
from ..patch import Patch, replace_everywhere, replace_source, source_of
from ..registry import outcome_of
from .loops import has_unguarded, train_loop

_RUN = "mobileseg_run"
_BEST = "best_model_iter = -1\n"
_TOLD = {
    _BEST: f"{_BEST.rstrip()}; (best_mean_iou, best_model_iter, best_ema_mean_iou, best_ema_model_iter, stop_count) = "
    f"{_RUN}.best_so_far()\n",
    "paddle.amp.GradScaler(init_loss_scaling=1024)": f"{_RUN}.scaler(paddle.amp.GradScaler(init_loss_scaling=1024))",
    "paddle.io.DistributedBatchSampler(": f"{_RUN}.order(",
    "paddle.io.DataLoader(": f"{_RUN}.loader(",
    "init_ema_params(ema_model, model)": f"{_RUN}.start_average(ema_model, model, init_ema_params)",
    "avg_loss += float(loss)": f"avg_loss += {_RUN}.loss_of(float(loss))",
    "os.makedirs(current_save_dir)": "pass",  # the folder comes into its place when it is complete
    "while iter < iters": f"while {_RUN}.goes_on() and iter < iters",
    "_ = paddle.flops(": f"_ = {_RUN}.flops(",
    "save_models = deque()": f"save_models = {_RUN}.kept()",
}
"""What of the loop is replaced by what, so that it asks and tells `TrainingRun`."""


def _is_forgetful() -> bool:
    source = source_of(train_loop())
    return _RUN not in source and all(source.count(piece) == 1 for piece in _TOLD)


def _make_it_tell() -> None:
    for piece, told in _TOLD.items():
        replace_source(train_loop(), piece, told)


FORGETFUL_TRAINING = Patch(
    name="forgetful_training",
    what="resuming forgets the best score, the moving average, the order of the data and the random numbers; a kill "
    "leaves half a checkpoint; a loss of NaN goes on and is saved; signals lose what was trained",
    upstream="paddleseg/core/train.py, train, and utils/utils.py, resume: save and restore weights and optimizer only",
    detect=_is_forgetful,
    apply=_make_it_tell,
)


def _guard_train() -> None:
    train = train_loop()
    signature = inspect.signature(train)

    @functools.wraps(train)
    def guarded(*args: Any, **kwargs: Any):
        call = signature.bind(*args, **kwargs)
        call.apply_defaults()
        given = call.arguments
        check_several_processes()
        check_enough_samples(given["train_dataset"], given["batch_size"])
        check_save_dir(given["save_dir"])
        multilabel = (given.get("test_config") or {}).get("use_multilabel", False)
        given["train_dataset"] = CheckedSamples(given["train_dataset"], "train_dataset", multilabel)
        save_dir = Path(given["save_dir"])
        first = paddle.distributed.ParallelEnv().rank == 0
        with ExitStack() as opened:
            if first:
                opened.enter_context(locked_folder(save_dir))
                remove_leftovers(save_dir)
            resumed = find_checkpoint(given["resume_model"], given["save_dir"], given["iters"], talk=first)
            if resumed is not None and _is_over(resumed, given["iters"]):
                if first:
                    print(f"{resumed.folder} is the end of the training; nothing is left to do", file=sys.stderr)
                return None
            given["resume_model"] = resumed.folder if resumed is not None else None
            if first:
                current_request().describe(save_dir)
            opened.enter_context(_told(given, resumed, save_dir))
            return train(*call.args, **call.kwargs)

    replace_everywhere(train, guarded)


def _is_over(resumed: Resumed, iters: int) -> bool:
    stopped = resumed.state is not None and not current_request().is_patient(resumed.state)
    return stopped or resumed.iteration >= iters


UNCHECKED_TRAINING = Patch(
    name="unchecked_training",
    what="training goes round for ever on too few samples, dies of a bad label or image without naming it, deletes a "
    "file that has the save folder's name, shares the folder with another training, resumes from a torn checkpoint, "
    "and leaves half a file on a full disk",
    upstream="paddleseg/core/train.py, train (PaddleSeg issues 3770, 2819, 1350)",
    detect=lambda: has_unguarded(
        train_loop(), "train_dataset", "batch_size", "save_dir", "resume_model", "iters", "save_interval",
        "keep_checkpoint_max",
    ),
    apply=_guard_train,
)


@contextmanager
def _told(given: Dict[str, Any], resumed: Optional[Resumed], save_dir: Path) -> Iterator[None]:
    """Let the loop's questions and news go to a `TrainingRun`; where the loop has changed, only write whole files."""
    if not outcome_of(FORGETFUL_TRAINING.name).found:
        with whole_files():
            yield
        return
    loop = sys.modules[inspect.unwrap(train_loop()).__module__]
    evaluate, save = loop.evaluate, paddle.save
    with StopRequests(save_dir) as stop:
        run = TrainingRun(given, resumed, stop, save)
        setattr(loop, _RUN, run)
        loop.evaluate, paddle.save = functools.partial(run.evaluate, evaluate), run.save
        try:
            yield
        finally:
            loop.evaluate, paddle.save = evaluate, save
            delattr(loop, _RUN)
            run.close()


def check_several_processes() -> None:
    """Refuse to start several processes where they cannot work.

    Raises:
        ToolError: `paddle.distributed.fleet` does not work with the installed protobuf.
    """
    outcome = outcome_of(FLEET_WITHOUT_FIELD_LABELS.name)
    if paddle.distributed.ParallelEnv().nranks > 1 and outcome.found:
        raise ToolError(f"{outcome.patch.what}: {outcome.detail}, or train on one process")


def check_enough_samples(dataset, batch_size: int) -> None:
    """Refuse a data set that fills no batch: PaddleSeg drops incomplete ones, and would look for one for ever.

    Raises:
        InputError: there are fewer samples than one batch on each process takes.
    """
    nranks = paddle.distributed.ParallelEnv().nranks
    samples_of_rank = -(-len(dataset) // nranks)
    if samples_of_rank < batch_size:
        each = f" on each of {nranks} processes" if nranks > 1 else ""
        raise InputError(
            f"train_dataset has {len(dataset)} samples, too few for one batch of {batch_size}{each}; "
            "set a smaller --batch_size, or --repeats to go through them several times an epoch"
        )


@contextmanager
def whole_files() -> Iterator[None]:
    """Let `paddle.save` write a file whole or not at all: a full disk must not leave half a checkpoint."""
    save = paddle.save

    def save_whole(content: Any, path: str, *args: Any, **kwargs: Any) -> None:
        try:
            with atomic_path(path) as scratch:
                save(content, str(scratch), *args, **kwargs)
        except InputError:
            with suppress(OSError):  # it holds other files
                os.rmdir(os.path.dirname(path))
            raise

    paddle.save = save_whole
    try:
        yield
    finally:
        paddle.save = save


PATCHES = [FORGETFUL_TRAINING, UNCHECKED_TRAINING]
