"""Scoring on held-out scenes: the checkpoint by PaddleSeg's evaluation, the converted model through Paddle-Lite."""

import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..datasets import SyntheticScenes
from ..deploy.lite import LitePredictor
from .commands import mobileseg_script, run_logged

_PROGRESS = re.compile(r"^\s*(\d+)/\d+ ")


def evaluate_checkpoint(config: Path, checkpoint: Path, opts: Sequence[str], scenes: int, log: Path) -> Dict[str, Any]:
    """Score a checkpoint with `mobileseg val`.

    Args:
        config: the config that it was trained with.
        checkpoint: the weights.
        opts: overrides of the config, as of `--opts`.
        scenes: how many there are, for the progress bar.
        log: gets what PaddleSeg says.

    Returns:
        What `mobileseg val --json` prints: "miou", "accuracy", "kappa", "images" and "classes".

    Raises:
        ToolError: evaluation failed.
    """
    command = [sys.executable, str(mobileseg_script()), "val", "--config", str(config), "--device", "cpu", "--json"]
    command += ["--model_path", str(checkpoint), "--opts", *opts]
    with tqdm(total=scenes, desc="evaluate", unit="scene", disable=None) as progress:

        def on_line(line: str) -> None:
            seen = _PROGRESS.match(line.replace("\b", ""))
            if seen:
                progress.update(int(seen[1]) - progress.n)

        answer = run_logged(command, "evaluation", log, on_line=on_line)
    return json.loads(answer)


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Pixels of each true class (row) that got each predicted class (column), int64, [classes, classes].

    Args:
        truth, predicted: class numbers below `classes`, of one shape.
    """
    pairs = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def scores_of(confusion: np.ndarray, names: Sequence[str]) -> Dict[str, Any]:
    """mIoU, pixel accuracy, and IoU, precision and recall of each class; 0 for a class that nothing has."""
    hit = np.diag(confusion).astype(float)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    iou = hit / np.maximum(predicted + true - hit, 1)
    precision, recall = hit / np.maximum(predicted, 1), hit / np.maximum(true, 1)
    rows = zip(names, iou, precision, recall, true / confusion.sum())
    return {
        "miou": float(iou.mean()),
        "accuracy": float(hit.sum() / confusion.sum()),
        "classes": [
            {"name": name, "iou": float(a), "precision": float(b), "recall": float(c), "share": float(d)}
            for name, a, b, c, d in rows
        ],
        "confusion": confusion.tolist(),
    }


def evaluate_converted(nb: Path, scenes: SyntheticScenes) -> Tuple[Dict[str, Any], np.ndarray]:
    """Score a converted model on scenes, through Paddle-Lite on this host.

    Args:
        nb: converted for x86.
        scenes: of the size that the model takes, with the transforms of evaluation.

    Returns:
        Its scores as of `scores_of`, and its label map of each scene, uint8 [scenes, H, W].

    Raises:
        ToolError: Paddle-Lite failed.
    """
    confusion = np.zeros((scenes.num_classes, scenes.num_classes), np.int64)
    labels = []
    with LitePredictor(nb) as predictor:
        for index in tqdm(range(len(scenes)), desc="evaluate .nb", unit="scene", disable=None, leave=False):
            sample = scenes[index]
            output = predictor.run(sample["img"][np.newaxis])
            labels.append(predictor.metadata.output.labels(output)[0].astype(np.uint8))
            confusion += confusion_matrix(sample["label"][0], labels[-1], scenes.num_classes)
    return scores_of(confusion, scenes.CLASSES), np.stack(labels)
