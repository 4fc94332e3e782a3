"""Statistics of timings: every spread, median and ratio that this project reports is one of these."""

import math
import operator
import statistics
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

_FROM_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

_MEDIAN_ERROR = 1.2533
"""Standard error of the median of normal samples over that of their mean."""


def flat(rounds: Sequence[Sequence[float]]) -> List[float]:
    """The samples of all rounds."""
    return [sample for turn in rounds for sample in turn]


def summarise(samples: Sequence[float]) -> Dict[str, float]:
    """Summary of samples in milliseconds.

    Returns:
        "min_ms", "median_ms", "mean_ms", "p90_ms" and "p99_ms" (the smallest sample that 90 or 99 % of them do not
        exceed) and "stddev_ms" (0 for one sample).
    """
    samples = sorted(samples)
    return {
        "min_ms": samples[0],
        "median_ms": statistics.median(samples),
        "mean_ms": statistics.fmean(samples),
        "p90_ms": samples[-(-len(samples) * 9 // 10) - 1],
        "p99_ms": samples[-(-len(samples) * 99 // 100) - 1],
        "stddev_ms": statistics.stdev(samples) if len(samples) > 1 else 0.0,
    }


def deviation(samples: Sequence[float]) -> float:
    """Standard deviation, estimated from the median absolute deviation: one outlier does not count."""
    middle = statistics.median(samples)
    return _FROM_MAD * statistics.median(abs(sample - middle) for sample in samples)


def spread(samples: Sequence[float]) -> float:
    """`deviation` over the median."""
    return deviation(samples) / statistics.median(samples)


def median_and_error(samples: Sequence[float]) -> Tuple[float, float]:
    """The median and its standard error."""
    return statistics.median(samples), _MEDIAN_ERROR * deviation(samples) / math.sqrt(len(samples))


def round_medians(rounds: Sequence[Sequence[float]]) -> Dict[int, float]:
    """The median of each round, by its place."""
    return {number: statistics.median(turn) for number, turn in enumerate(rounds)}


def within_rounds(
    mine: Mapping[int, float],
    others: Mapping[int, float],
    combine: Callable[[float, float], float] = operator.truediv,
) -> Optional[float]:
    """The median over the common rounds of what `combine` makes of a figure of each; None without a common round.

    Within a round they ran one after the other, so what slows the whole machine down for a while slows both.

    Args:
        mine, others: a figure for each round.
        combine: their ratio unless told otherwise.
    """
    common = [combine(mine[number], others[number]) for number in mine if number in others]
    return statistics.median(common) if common else None
