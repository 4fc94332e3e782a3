"""What the results of networks side by side say: the whole time, its parts, and ratios within rounds."""

from dataclasses import replace
from typing import Optional, Sequence

from paddleseg_mobileseg.deploy.runtime.stats import within_rounds

from ...results import WHOLE, Result, find

IN_GRAPH = ("argmax", "vim")
"""The label maps that the network's own graph makes, so that no clock can be put between the two."""


def ratio(one: Result, other: Result) -> Optional[float]:
    """Whole time of `one` over that of `other`, within rounds; None without a common round."""
    return within_rounds(one.medians(*WHOLE), other.medians(*WHOLE))


def _exact(result: Result, others: Sequence[Result]) -> Optional[Result]:
    return find(others, replace(result.case, label_map="exact"))


def network_ms(result: Result, others: Sequence[Result]) -> Optional[float]:
    """The network without its label map; where the graph makes that, what the "exact" case among others says of it."""
    exact = _exact(result, others) if result.case.label_map in IN_GRAPH else result
    return exact.median("network_ms") if exact else None


def label_map_ms(result: Result, others: Sequence[Result]) -> Optional[float]:
    """What the label map costs.

    Where the graph makes it, that is the whole time less the network's time in the "exact" case of the same
    network, round by round.

    Args:
        others: among which that case is; None is given where it is not, or where nothing makes labels.
    """
    if "label_map_ms" in result.samples:
        return result.median("label_map_ms")
    exact = _exact(result, others)
    if result.case.label_map not in IN_GRAPH or exact is None:
        return None
    return within_rounds(result.medians(*WHOLE), exact.medians("network_ms"), lambda whole, network: whole - network)
