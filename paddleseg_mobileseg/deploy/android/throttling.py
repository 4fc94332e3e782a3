"""Whether a phone slowed down while it was measured."""

import math
from typing import Optional, Sequence

from ..runtime.stats import median_and_error

# A smaller drift is no reason to throw a measurement away, however sure it is.
_LEAST = 0.05
_STANDARD_ERRORS = 4
# Of fewer the spread is not known.
_FEWEST = 5


def _drift(first: Sequence[float], last: Sequence[float]) -> float:
    if len(first) < _FEWEST:
        return 0.0
    (early, early_error), (late, late_error) = median_and_error(first), median_and_error(last)
    beyond_noise = late - early > _STANDARD_ERRORS * math.hypot(early_error, late_error)
    return late / early - 1 if beyond_noise else 0.0


def throttling(rounds_ms: Sequence[Sequence[float]]) -> Optional[float]:
    """How much slower the last third of the samples is than the first, as a share; None if not beyond noise.

    Looked at in two ways: over all turns, and within the turns, since a phone that cools down between them
    starts each of them fast. The larger is given.

    Args:
        rounds_ms: samples of one model, in the order they were taken, a list for each turn.
    """
    samples = [sample for turn in rounds_ms for sample in turn]
    third = len(samples) // 3
    thirds = [(turn[: len(turn) // 3], turn[-(len(turn) // 3):]) for turn in rounds_ms if len(turn) >= 3]
    firsts, lasts = ([sample for part in parts for sample in part] for parts in zip(*thirds or [((), ())]))
    drift = max(_drift(samples[:third], samples[-third:]), _drift(firsts, lasts))
    return drift if drift > _LEAST else None
