"""Training in the demo: PaddleSeg's distributed training of a config, followed through its log."""

import math
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

from tqdm import tqdm

from ..errors import ToolError
from .commands import mobileseg_script, run_logged

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
    config: Path, save_dir: Path, logs: Path, iters: int, processes: int, seed: int, log_iters: int, evaluations: int
) -> Dict[str, Any]:
    """Train a config with `mobileseg train` on the CPU, on one process or several.

    Args:
        config: a PaddleSeg config.
        save_dir: gets the checkpoints.
        logs: folder for the logs.
        iters: iterations of the config, for the progress bar.
        processes: how many to train on, through paddle.distributed.launch if more than one.
        seed: of weights, order and augmentation.
        log_iters: iterations between two points of the curves.
        evaluations: how many times to evaluate on the way, the last at the end.

    Returns:
        "curve" and "scores" as in `TrainingLog`; "checkpoint", the weights that scored best, and their "bytes".

    Raises:
        ToolError: training failed, stalled or diverged.
    """
    interval = max(1, math.ceil(iters / evaluations))
    script = str(mobileseg_script())
    command = [script, "train", "--config", str(config), "--device", "cpu", "--do_eval", "--save_dir", str(save_dir)]
    command += ["--seed", str(seed), "--log_iters", str(log_iters)]
    command += ["--save_interval", str(interval), "--keep_checkpoint_max", "1"]
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", str(processes)]
    launcher += ["--backend", "gloo", "--log_dir", str(logs / "train")]
    log = TrainingLog(iters, interval)
    # Minutes long: where there is no terminal it says how far it is now and then.
    interval = 0.1 if sys.stderr.isatty() else 20
    with tqdm(total=iters, desc="train", unit="it", mininterval=interval) as progress:

        def on_line(line: str) -> None:
            log.read(line)
            progress.update(log.iteration - progress.n)
            if log.curve:
                shown = {"loss": f"{log.curve[-1]['loss']:.3f}"}
                if log.scores:
                    shown["mIoU"] = f"{log.scores[-1]['miou']:.3f}"
                progress.set_postfix(shown, refresh=False)

        # One computing thread a process: more of them than cores slow each other down.
        threads = {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))}
        watched = logs / "train" / "workerlog.0" if processes > 1 else None
        run_logged(
            (launcher if processes > 1 else [sys.executable]) + command,
            "training",
            logs / "train.log",
            watched=watched,
            on_line=on_line,
            environment=threads,
        )
        progress.update(iters - progress.n)
    checkpoint = save_dir / "best_model" / "model.pdparams"
    if not log.curve or not all(math.isfinite(point["loss"]) for point in log.curve):
        raise ToolError(f"training diverged: its loss is not a number; the log is {watched or logs / 'train.log'}")
    if not checkpoint.is_file():
        raise ToolError(f"training left no checkpoint {checkpoint}; the log is {watched or logs / 'train.log'}")
    return {"curve": log.curve, "scores": log.scores, "checkpoint": str(checkpoint), "bytes": checkpoint.stat().st_size}
