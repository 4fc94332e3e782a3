"""Whether a second run puts the engines in the order of the first."""

from dataclasses import replace
from itertools import combinations
from typing import Dict, List, NamedTuple, Sequence, Tuple

from ...results import WHOLE, Result, find
from ..latency.cases import CONVERTED, find_network
from .cases import EngineCase

TIE = 0.1
"""Two engines whose times differ by no more than this share, in either run, are level."""


class Swap(NamedTuple):
    """Two engines that changed places.

    Attributes:
        network: its name.
        threads: that it ran with.
        one, other: the engines, by the name in records.
        shares: of the time of `one` in that of `other`, in the first run and in the second.
    """

    network: str
    threads: int
    one: str
    other: str
    shares: Tuple[float, float]


def swaps(first: Sequence[Result], second: Sequence[Result]) -> List[Swap]:
    """What changed places beyond ties, with the exact label map."""
    found = []
    for rows in _rows(first).values():
        for one, other in combinations(rows, 2):
            times = [(find(results, one.case), find(results, other.case)) for results in (first, second)]
            if any(None in pair for pair in times):
                continue
            shares = tuple(pair[0].median(*WHOLE) / pair[1].median(*WHOLE) for pair in times)
            if max(shares) > 1 + TIE and min(shares) < 1 - TIE:
                found.append(Swap(one.case.network, one.case.threads, one.case.engine, other.case.engine, shares))
    return found


def _rows(results: Sequence[Result]) -> Dict[EngineCase, List[Result]]:
    """The engines of each network and number of threads, by their case without an engine."""
    rows: Dict[EngineCase, List[Result]] = {}
    for each in results:
        if each.case.label_map == "exact":
            rows.setdefault(replace(each.case, engine=""), []).append(each)
    return rows


def repeated(first: Sequence[Result], second: Sequence[Result]) -> str:
    """What became of the order of the first run, in sentences; both are of the host."""
    changed, rows = swaps(first, second), _rows(first)
    said = []
    for threads in sorted({case.threads for case in rows}):
        networks = {case.network for case in rows if case.threads == threads}
        moved = {swap.network for swap in changed if swap.threads == threads}
        spoken = "one thread" if threads == 1 else f"{threads} threads"
        said.append(f"with {spoken} in {len(networks) - len(moved)} of {len(networks)} networks")
    kept = f"A second run puts the engines in the same order up to ties of {100 * TIE:.0f} %, {', '.join(said)}."
    if not changed:
        return kept
    told = "; ".join(map(_text, changed))
    return f"{kept} What changed places, with the first one's share of the other's time in both runs: {told}."


def _text(swap: Swap) -> str:
    one, other = CONVERTED[swap.one].title, CONVERTED[swap.other].title
    spoken = "" if swap.threads == 1 else f", {swap.threads} threads"
    return f"{find_network(swap.network).title}{spoken}: {one} and {other} ({swap.shares[0]:.2f}, {swap.shares[1]:.2f})"
