"""Training in the demo: PaddleSeg's distributed training of a config, followed through its log."""

import math
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

from tqdm import tqdm

from ..config.reader import load_config
from ..errors import ToolError
from ..processes.logged import run_logged
from .commands import mobileseg_script

_TRAIN = re.compile(r"\[TRAIN\] epoch: \d+, iter: (\d+)/\d+, loss: (\S+), lr: (\S+),")
_EVAL = re.compile(r"\[EVAL\] #Images: \d+ mIoU: (\S+) Acc: (\S+)")


class TrainingLog:
    """What PaddleSeg's log says of a training run.

    Args:
        iters: iterations of the run.
        interval: iterations between two evaluations; PaddleSeg does not log which iteration it scores.

    Attributes:
        curve: one {"iter", "loss", "lr"} for each log line; the loss is the mean since the line before.
        scores: one {"iter", "miou", "accuracy"} for each evaluation.
    """

    def __init__(self, iters: int, interval: int) -> None:
        self.iters = iters
        self.interval = interval
        self.curve: List[Dict[str, float]] = []
        self.scores: List[Dict[str, float]] = []

    @property
    def iteration(self) -> int:
        return int(self.curve[-1]["iter"]) if self.curve else 0

    def latest(self) -> Dict[str, str]:
        """The newest loss and mIoU, for a progress bar."""
        shown = {}
        if self.curve:
            shown["loss"] = f"{self.curve[-1]['loss']:.3f}"
        if self.scores:
            shown["mIoU"] = f"{self.scores[-1]['miou']:.3f}"
        return shown

    def read(self, line: str) -> None:
        """Take in one line of the log; lines about other things are passed over."""
        train = _TRAIN.search(line)
        if train:
            self.curve.append({"iter": int(train[1]), "loss": float(train[2]), "lr": float(train[3])})
        score = _EVAL.search(line)
        if score:
            iteration = min(self.iters, self.interval * (len(self.scores) + 1))
            self.scores.append({"iter": iteration, "miou": float(score[1]), "accuracy": float(score[2])})


def train(
    config: Path, save_dir: Path, logs: Path, processes: int, seed: int, evaluations: int, points: int = 50
) -> Dict[str, Any]:
    """Train a config with `mobileseg train` on the CPU, on one process or several.

    Args:
        config: a PaddleSeg config.
        save_dir: gets the checkpoints.
        logs: folder for the logs.
        processes: how many to train on, through paddle.distributed.launch if more than one.
        seed: of weights, order and augmentation.
        evaluations: how many times to evaluate on the way, the last at the end.
        points: about how many points the curves are to have.

    Returns:
        "curve" and "scores" as in `TrainingLog`; "checkpoint", the weights that scored best, and their "bytes".

    Raises:
        ToolError: training failed, stalled or diverged.
    """
    iters = load_config(config).iters
    interval = math.ceil(iters / evaluations)
    flags = ["--config", str(config), "--device", "cpu", "--save_dir", str(save_dir), "--seed", str(seed)]
    flags += ["--do_eval", "--save_interval", str(interval), "--keep_checkpoint_max", "1"]
    flags += ["--log_iters", str(max(1, iters // points))]
    main_log = logs / "train" / "workerlog.0" if processes > 1 else logs / "train.log"
    log = TrainingLog(iters, interval)
    # It takes minutes: where there is no terminal for a bar, a line now and then says how far it is.
    refresh = 0.1 if sys.stderr.isatty() else 20
    with tqdm(total=iters, desc="train", unit="it", mininterval=refresh) as progress:

        def on_line(line: str) -> None:
            log.read(line)
            progress.update(log.iteration - progress.n)
            progress.set_postfix(log.latest(), refresh=False)

        run_logged(
            _launcher(processes, logs / "train") + [str(mobileseg_script()), "train", *flags],
            "training",
            logs / "train.log",
            watched=main_log,
            on_line=on_line,
            # More computing threads than cores would slow each other down.
            environment={"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))},
        )
        progress.update(iters - progress.n)
    checkpoint = save_dir / "best_model" / "model.pdparams"
    if not all(math.isfinite(point["loss"]) for point in log.curve):
        raise ToolError(f"training diverged, its loss is not a number; its log is {main_log}")
    if not log.curve or not checkpoint.is_file():
        raise ToolError(f"training left no checkpoint {checkpoint}; its log is {main_log}")
    return {"curve": log.curve, "scores": log.scores, "checkpoint": str(checkpoint), "bytes": checkpoint.stat().st_size}


def _launcher(processes: int, logs: Path) -> List[str]:
    """What to put before the script to run it on so many processes."""
    if processes == 1:
        return [sys.executable]
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", str(processes)]
    return [*launcher, "--backend", "gloo", "--log_dir", str(logs)]
