"""Kill a training by SIGKILL again and again, at random and while it saves, and compare it with one left alone."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Set

import numpy as np
import yaml

from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.files import scratch_folder, write_text
from paddleseg_mobileseg.training.folders import checkpoints_in
from paddleseg_mobileseg.training.records import LOSSES_FILE, read_losses
from paddleseg_mobileseg.training.state import read_best

ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = ROOT / "faults" / "killed_training.py"
_POLL_SECONDS = 0.0005
_PATIENCE_SECONDS = 300
_TOLERANCE = 1e-6


@dataclass
class Kills:
    """What came of a killed training beside an unbroken one.

    Attributes:
        processes, num_workers, iters: of the training.
        kills: times that it was killed.
        while_saving: of these, while a checkpoint was being written.
        torn: checkpoints under their final name that were not whole, of all that were seen after the kills.
        seen: checkpoints seen after the kills.
        left_alive: processes that were alive a second after a kill.
        resumed_from: the iteration that each start went on from; 0 is the beginning.
        compared: iterations with a loss in both curves.
        loss_difference: the largest, between the two curves.
        weight_difference: the largest, between weights and moving averages after the last iteration.
        same_best: whether both have the same best score of the same iteration.
        losses: the two curves by iteration.
    """

    processes: int
    num_workers: int
    iters: int
    kills: int = 0
    while_saving: int = 0
    torn: int = 0
    seen: int = 0
    left_alive: int = 0
    resumed_from: List[int] = field(default_factory=list)
    compared: int = 0
    loss_difference: float = 0.0
    weight_difference: float = 0.0
    same_best: bool = True
    losses: Dict[str, Dict[int, float]] = field(default_factory=dict)

    @property
    def faultless(self) -> bool:
        """Whether nothing was torn or left; on one process, whether the curves are also the same."""
        same = self.loss_difference <= _TOLERANCE and self.compared == self.iters and self.same_best
        return not self.torn and not self.left_alive and (same or self.processes > 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=20, help="times to kill the training (default: 20)")
    parser.add_argument("--processes", type=int, default=1, help="processes that train (default: 1)")
    parser.add_argument("--num_workers", type=int, default=0, help="processes that read samples for each (default: 0)")
    parser.add_argument("--iters", type=int, default=400, help="iterations of the training (default: 400)")
    parser.add_argument("--save_interval", type=int, default=5, help="iterations to a checkpoint (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which to kill (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and both curves there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw both curves there; a .png or .svg")


def run(args: argparse.Namespace) -> int:
    with scratch_folder() as folder:
        campaign = Campaign(folder, args.processes, args.num_workers, args.iters, args.save_interval)
        found = campaign.run(args.kills, random.Random(args.seed))
    print(table([found]))
    if args.json is not None:
        write_text(args.json, json.dumps(asdict(found), indent=1))
    if args.plot is not None:
        plot(found, args.plot)
    return 0 if found.faultless else 1


def table(rows: List[Kills]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        "| processes | readers | iterations | kills | while saving | torn of seen checkpoints | left alive "
        "| largest difference of the loss | of the weights | same best score |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        lines.append(
            f"| {row.processes} | {row.num_workers} | {row.iters} | {row.kills} | {row.while_saving} "
            f"| {row.torn} of {row.seen} | {row.left_alive} | {row.loss_difference:.3g} | {row.weight_difference:.3g} "
            f"| {'yes' if row.same_best else 'no'} |"
        )
    return "\n".join(lines)


def plot(found: Kills, path: Path) -> None:
    """Draw both curves and where the killed one went on."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 4))
    for at in found.resumed_from:
        axes.axvline(at, color="0.85", linewidth=1)
    for name, style in (("unbroken", {"linewidth": 3, "color": "C1"}), ("killed", {"linewidth": 1, "color": "C0"})):
        curve = found.losses[name]
        axes.plot(list(curve), list(curve.values()), label=name, **style)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    axes.set_title(f"{found.kills} times SIGKILL, {found.processes} process(es), {found.num_workers} readers: "
                   f"largest difference {found.loss_difference:.3g}")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


class Campaign:
    """One training, left alone and killed.

    Args:
        folder: gets the config and both save folders.
    """

    def __init__(self, folder: Path, processes: int, num_workers: int, iters: int, save_interval: int):
        self.folder, self.processes, self.num_workers, self.iters = folder, processes, num_workers, iters
        config = folder / "config.yml"
        write_text(config, yaml.safe_dump(_config(iters)))
        program = [sys.executable, str(_PROGRAM)]
        if processes > 1:
            launch = ["-m", "paddle.distributed.launch", f"--nproc_per_node={processes}", "--backend", "gloo"]
            program = [sys.executable, *launch, "--log_dir", str(folder / "log"), str(_PROGRAM)]
        self._command = [
            *program, "train", "--config", str(config), "--device", "cpu", "--do_eval", "--use_ema", "--seed", "1",
            "--log_iters", "1", "--save_interval", str(save_interval), "--num_workers", str(num_workers),
            "--resume_model", "auto", "--save_dir",
        ]

    def run(self, kills: int, moments: random.Random) -> Kills:
        """Train without a kill, then with as many as there is time for.

        Raises:
            ToolError: the training failed by itself.
        """
        found = Kills(self.processes, self.num_workers, self.iters)
        unbroken, killed = self.folder / "unbroken", self.folder / "killed"
        seconds = self._to_the_end(unbroken)
        for number in range(kills):
            found.resumed_from.append(_newest(killed))
            if not self._killed_once(killed, found, number % 2 == 0, moments, seconds / kills):
                break
        found.resumed_from.append(_newest(killed))
        self._to_the_end(killed)
        _compare(found, unbroken, killed)
        return found

    def _start(self, save_dir: Path) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        environment["OMP_NUM_THREADS"] = "1"
        with open(self.folder / "log.txt", "ab") as log:
            return subprocess.Popen(
                [*self._command, str(save_dir)], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )

    def _to_the_end(self, save_dir: Path) -> float:
        """Train to the end; returns the seconds from the first checkpoint on."""
        process = self._start(save_dir)
        try:
            first = None
            while process.poll() is None:
                if first is None and _newest(save_dir):
                    first = time.monotonic()
                time.sleep(0.02)
        finally:
            _kill(process)
        if process.returncode != 0:
            raise ToolError(f"the training ended with status {process.returncode}: {self._last_words()}")
        return time.monotonic() - (first or 0.0)

    def _last_words(self) -> str:
        lines = (self.folder / "log.txt").read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if "rror" in line), lines[-1])[:300]

    def _killed_once(
        self, save_dir: Path, found: Kills, while_saving: bool, moments: random.Random, seconds: float
    ) -> bool:
        """Start the training and kill it; False where it had come to its end before."""
        delay = moments.uniform(0, seconds)
        start, leftovers = _newest(save_dir), _pending(save_dir)
        process = self._start(save_dir)
        try:
            # A checkpoint of this start tells that it is under way.
            if not _until(lambda: _newest(save_dir) > start or bool(_pending(save_dir) - leftovers), process):
                return False
            time.sleep(delay)
            if while_saving:
                if not _until(lambda: bool(_pending(save_dir)), process):
                    return False
                time.sleep(moments.uniform(0, 0.01))
            members = _session(process.pid)
        finally:
            _kill(process)
        found.kills += 1
        found.while_saving += bool(_pending(save_dir))
        deadline = time.monotonic() + 1
        while any(_runs(each) for each in members) and time.monotonic() < deadline:
            time.sleep(0.01)
        found.left_alive += sum(_runs(each) for each in members)
        for _, folder in checkpoints_in(save_dir):
            found.seen += 1
            found.torn += not all((folder / name).is_file() for name in ("model.pdparams", "model.pdopt",
                                                                         "ema_model.pdparams", "training_state.json"))
        return True


def _config(iters: int) -> Dict[str, Any]:
    data = {"type": "SyntheticScenes", "size": [64, 64]}
    return {
        "batch_size": 2,
        "iters": iters,
        "train_dataset": {
            **data,
            "count": 90,
            "mode": "train",
            "transforms": [
                {"type": "RandomHorizontalFlip"},
                {"type": "RandomPaddingCrop", "crop_size": [48, 48]},
                {"type": "RandomDistort", "brightness_range": 0.4, "contrast_range": 0.4},
                {"type": "Normalize"},
            ],
        },
        "val_dataset": {**data, "count": 2, "mode": "val", "transforms": [{"type": "Normalize"}]},
        "optimizer": {"type": "AdamW", "weight_decay": 0.01},
        "lr_scheduler": {
            "type": "PolynomialDecay", "learning_rate": 0.003, "end_lr": 0.0, "power": 0.9, "warmup_iters": 20,
            "warmup_start_lr": 0.0001,
        },
        "loss": {"types": [{"type": "CrossEntropyLoss"}], "coef": [1]},
        "model": {"type": "SmallNetwork", "num_classes": 9},
    }


def _newest(save_dir: Path) -> int:
    return max((iteration for iteration, _ in checkpoints_in(save_dir)), default=0)


def _pending(save_dir: Path) -> Set[Path]:
    return {path for path in save_dir.glob(".iter_*") if not path.name.endswith((".gone", ".old"))}


def _until(condition, process: subprocess.Popen) -> bool:
    """Wait for it; False where the process ended before.

    Raises:
        ToolError: neither came within minutes.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if process.poll() is not None:
            return False
        if time.monotonic() > deadline:
            raise ToolError(f"the training did nothing for {_PATIENCE_SECONDS} s")
        time.sleep(_POLL_SECONDS)
    return True


def _session(leader: int) -> List[int]:
    """The processes of the session of a process, which is its own leader."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                found.append(int(folder.name))
        except ProcessLookupError:
            pass
    return found


def _kill(process: subprocess.Popen) -> None:
    """SIGKILL to the training processes and their launcher; their readers must see for themselves."""
    if process.poll() is None:
        children = _children(process.pid) if "launch" in " ".join(map(str, process.args)) else []
        for pid in (process.pid, *children):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    process.wait()


def _children(pid: int) -> List[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            pass
    return found


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _compare(found: Kills, unbroken: Path, killed: Path) -> None:
    curves = {name: read_losses(folder / LOSSES_FILE) for name, folder in (("unbroken", unbroken), ("killed", killed))}
    found.losses = curves
    both = sorted(set(curves["unbroken"]) & set(curves["killed"]))
    found.compared = len(both)
    found.loss_difference = max(abs(curves["unbroken"][each] - curves["killed"][each]) for each in both)
    for name in ("model.pdparams", "ema_model.pdparams"):
        first, second = (read_checkpoint(folder / f"iter_{found.iters}" / name) for folder in (unbroken, killed))
        differences = [float(np.abs(first[key] - second[key]).max()) for key in first]
        found.weight_difference = max(found.weight_difference, *differences)
    for name in ("best_model", "ema_best_model"):
        found.same_best &= read_best(unbroken / name) == read_best(killed / name) is not None


