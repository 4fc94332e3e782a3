"""The teacher, and the student with it and without it: configs, training and scores."""

import time
from pathlib import Path
from typing import Any, Dict

import yaml

from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.demo.evaluation import evaluate_checkpoint
from paddleseg_mobileseg.demo.training import train
from paddleseg_mobileseg.deploy.runtime.metadata import sha256_of
from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.paths import CONFIGS

from .cases import TEACHER, DistillationCase

_WEIGHTS = ("output_weight", "feature_weight", "cross_model_weight")

_TEACHER_CONFIG = CONFIGS / "demo" / "pp_mobileseg_tiny_scenes_256x192_500.yml"
_STUDENT_CONFIG = CONFIGS / "distillation" / "pp_mobileseg_tiny_scenes_128x96_200.yml"
_NETWORK = "pp_mobileseg_tiny"
_TEACHER_ITERS = 400
_BATCH = 8
_TEST_SCENES = 160


def run_config(run: str, teacher_checkpoint: Path) -> Dict[str, Any]:
    """The config of "teacher", "distilled" or "plain", with every override in it."""
    if run == TEACHER:
        opts = [f"train_dataset.count={_TEACHER_ITERS * _BATCH}"]
        return load_config(_TEACHER_CONFIG, iters=_TEACHER_ITERS, batch_size=_BATCH, opts=opts).dic
    opts = [f"model.teacher_checkpoint={teacher_checkpoint}"]
    if run == "plain":
        opts += [f"model.{name}=0" for name in _WEIGHTS]
    return load_config(_STUDENT_CONFIG, opts=opts).dic


def case_of(run: str) -> DistillationCase:
    """The case of "teacher", "distilled" or "plain", as its config says."""
    content = run_config(run, Path("teacher.pdparams"))
    model = content["model"]
    return DistillationCase(
        run=run,
        network=_NETWORK,
        num_classes=model["num_classes"],
        height=content["val_dataset"]["size"][0],
        width=content["val_dataset"]["size"][1],
        scale=model.get("student_scale", 1.0),
        iters=content["iters"],
        batch=content["batch_size"],
    )


def train_and_score(run: str, seed: int, folder: Path, teacher_checkpoint: Path) -> Dict[str, Any]:
    """Train on the CPU and score the last iteration on scenes that nothing was chosen by.

    Args:
        run: "teacher", "distilled" or "plain".
        seed: of weights and augmentation.
        folder: gets the config, the logs and the checkpoint.
        teacher_checkpoint: the weights of the teacher; not read for the teacher itself.

    Returns:
        "weights" of the distillation with its temperature, "teacher_sha256"; "miou" and "accuracy" (0 to 1) on
        "scenes" whole scenes; "training_s", seconds.

    Raises:
        ToolError: training or evaluation failed.
    """
    content = run_config(run, teacher_checkpoint)
    config = folder / "config.yml"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(config, yaml.safe_dump(content, sort_keys=False))
    started = time.monotonic()
    trained = train(config, folder, folder / "logs", processes=1, seed=seed, evaluations=1)
    seconds = time.monotonic() - started
    opts = ["val_dataset.mode=test", f"val_dataset.count={_TEST_SCENES}"]
    scores = evaluate_checkpoint(config, trained["checkpoint"], opts, _TEST_SCENES, folder / "logs" / "evaluate.log")
    model = content["model"]
    return {
        "weights": {name: model[name] for name in (*_WEIGHTS, "temperature") if name in model},
        "teacher_sha256": sha256_of(Path(trained["checkpoint"]) if run == TEACHER else teacher_checkpoint),
        "miou": scores["miou"],
        "accuracy": scores["accuracy"],
        "scenes": scores["images"],
        "training_s": seconds,
    }


def checkpoint_of(folder: Path) -> Path:
    """Where `train_and_score` left the weights."""
    return folder / "best_model" / "model.pdparams"
