"""One network of the table: its config for the scenes, its training and its score."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import yaml

from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.demo.commands import mobileseg_script
from paddleseg_mobileseg.demo.training import TrainingLog
from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.models.zoo import Model
from paddleseg_mobileseg.paths import CONFIGS
from paddleseg_mobileseg.processes.logged import run_logged

SCENES = Path(__file__).with_name("scenes.yml")


def batch_and_size() -> Tuple[int, List[int]]:
    """How many scenes an iteration takes, and their height and width."""
    content = yaml.safe_load(SCENES.read_text(encoding="utf-8"))
    return content["batch_size"], content["val_dataset"]["size"]


def scenes_config(model: Model) -> Dict[str, Any]:
    """A config that trains the network of a published config on the scenes, from random weights."""
    published = load_config(str(CONFIGS / next(iter(model.configs.values())))).dic
    network = {**published["model"], "num_classes": SyntheticScenes.NUM_CLASSES}
    # A small rate of the backbone, as TopFormer has it, keeps what was learnt elsewhere; here it knows nothing.
    network["backbone"] = {
        key: value for key, value in network["backbone"].items() if key not in ("pretrained", "lr_mult")
    }
    network.pop("pretrained", None)
    outputs = len(published["loss"]["coef"])
    losses = {"types": [{"type": "CrossEntropyLoss"} for _ in range(outputs)], "coef": [1] * outputs}
    return {**yaml.safe_load(SCENES.read_text(encoding="utf-8")), "loss": losses, "model": network}


def chance(scenes: SyntheticScenes) -> float:
    """mIoU of the best constant answer: the commonest class everywhere, 0 to 1."""
    counts = np.zeros(scenes.num_classes, np.int64)
    for index in range(len(scenes)):
        counts += np.bincount(scenes.scene(index)[1].ravel(), minlength=scenes.num_classes)
    return float(counts.max() / counts.sum() / scenes.num_classes)


def _without_transforms(section: Dict[str, Any]) -> SyntheticScenes:
    return SyntheticScenes(**{key: section[key] for key in ("mode", "size", "count", "seed")})


def train_and_score(model: Model, folder: Path, iters: int, seed: int) -> Dict[str, Any]:
    """Train with `mobileseg train` and score the last iteration with `mobileseg val`, both on the CPU.

    Args:
        model: row of the table.
        folder: gets the config, the logs and the checkpoint.
        iters: iterations.
        seed: of weights and order.

    Returns:
        "miou", "accuracy" and "chance" (0 to 1); "loss" of each log line, the mean since the line before;
        "training_s", seconds.

    Raises:
        ToolError: training or evaluation failed.
    """
    content = {**scenes_config(model), "iters": iters}
    schedule = content["lr_scheduler"]
    content["lr_scheduler"] = {**schedule, "warmup_iters": min(schedule["warmup_iters"], iters // 5)}
    config = folder / "config.yml"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(config, yaml.safe_dump(content))
    program, device = [sys.executable, str(mobileseg_script())], ["--config", str(config), "--device", "cpu"]
    log = TrainingLog(iters, iters)
    flags = ["--save_dir", str(folder), "--save_interval", str(iters), "--log_iters", "10", "--seed", str(seed)]
    started = time.monotonic()
    run_logged([*program, "train", *device, *flags], "training", folder / "train.log", on_line=log.read)
    seconds = time.monotonic() - started
    checkpoint = folder / f"iter_{iters}" / "model.pdparams"
    command = [*program, "val", *device, "--json", "--model_path", str(checkpoint)]
    scores = json.loads(run_logged(command, "evaluation", folder / "val.log"))
    return {
        "miou": scores["miou"],
        "accuracy": scores["accuracy"],
        "chance": chance(_without_transforms(content["val_dataset"])),
        "loss": [point["loss"] for point in log.curve],
        "training_s": seconds,
    }
