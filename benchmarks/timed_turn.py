"""One turn of a converted model: what the suites that time inferences have in common."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.runtime.bench import LiteRun
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import Predictor

from .results import Result


def timed_turn(
    suite: str,
    case: Any,
    number: int,
    predictor: Predictor,
    batches: Sequence[np.ndarray],
    fed: str,
    settings: Dict[str, Any],
    times: int = 1,
) -> Tuple[Result, List[np.ndarray]]:
    """Run each input once, warm up and measure.

    Args:
        suite: its name.
        case: what is measured.
        number: of the round.
        predictor: the model, loaded.
        batches: what it is fed with in turn, float32 of its input shape.
        fed: what they are, in words.
        settings: as of `timing_settings`.
        times: how many times "repeats" of the settings to record.

    Returns:
        The result without its agreement, and the label map [N, H, W] of each batch.
    """
    run = LiteRun(predictor, batches, fed)
    run.warm_up(settings["warmup"])
    run.take_turn(settings["repeats"] * times)
    return Result.of_record(suite, case, [number], run.record(), settings), run.labels


def other_model(known: Result, model: Path) -> Optional[str]:
    """What a known result was measured of, where that is not this model; None if it is.

    Raises:
        InputError: the model is missing or damaged.
    """
    same = read_metadata(model).sha256 == known.details["sha256"]
    return None if same else f"another {known.details['model']}"
