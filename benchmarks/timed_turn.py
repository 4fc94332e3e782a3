"""One turn of a converted model: what every suite that times inferences has in common."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.runtime.bench import LiteRun
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
