"""Whether a phone slowed down while it was measured."""

import math
import statistics
from typing import List, Optional, Sequence

# A smaller drift is no reason to throw a measurement away, however sure it is.
_LEAST = 0.05
_STANDARD_ERRORS = 4
# Of fewer the spread is not known.
_FEWEST = 5
# Of the median of a normal distribution, and of its standard deviation from the median absolute deviation.
_MEDIAN_ERROR = 1.2533
_FROM_MAD = 1.4826


def _median_and_error(samples: Sequence[float]) -> List[float]:
    median = statistics.median(samples)
    spread = _FROM_MAD * statistics.median(abs(sample - median) for sample in samples)
    return [median, _MEDIAN_ERROR * spread / math.sqrt(len(samples))]


def _drift(first: Sequence[float], last: Sequence[float]) -> float:
    if len(first) < _FEWEST:
        return 0.0
    (early, early_error), (late, late_error) = _median_and_error(first), _median_and_error(last)
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
