"""Scoring on held-out scenes: the checkpoint by PaddleSeg's evaluation, the converted model through Paddle-Lite."""

import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..data.synthetic import SyntheticScenes
from ..deploy.runtime.image_labels import image_labels
from ..deploy.runtime.predictor import LitePredictor
from ..processes.logged import run_logged
from ..report.metrics import confusion_matrix, scores_of
from .commands import mobileseg_script

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


def evaluate_converted(nb: Path, scenes: SyntheticScenes) -> Tuple[Dict[str, Any], np.ndarray]:
    """Score a converted model on scenes, through Paddle-Lite on this host.

    Args:
        nb: converted for x86; its own preprocessing prepares the scenes, as a runtime would.
        scenes: of any size.

    Returns:
        Its scores as of `scores_of`, and its label map of each scene, uint8 [scenes, H, W].

    Raises:
        ToolError: Paddle-Lite failed.
    """
    confusion = np.zeros((scenes.num_classes, scenes.num_classes), np.int64)
    labels = []
    with LitePredictor(nb) as predictor:
        preprocessing, described = predictor.metadata.input.preprocessing, predictor.metadata.output
        for index in tqdm(range(len(scenes)), desc="evaluate .nb", unit="scene", disable=None, leave=False):
            image, truth = scenes.scene(index)
            output = predictor.run(preprocessing.apply(image))
            found = image_labels(described, output, preprocessing.trans_info(truth.shape), preprocessing.size)
            labels.append(found.astype(np.uint8))
            confusion += confusion_matrix(truth, labels[-1], scenes.num_classes)
    return scores_of(confusion, scenes.CLASSES), np.stack(labels)
