"""Scoring a checkpoint on held-out scenes, as a user does it."""

import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Sequence

from tqdm import tqdm

from ..processes.logged import run_logged
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
        What `mobileseg val --json` prints: "miou", "accuracy", "kappa", "images", "classes" and more.

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
