"""Two results files against each other: what became slower, or faster, by more than the noise."""

import statistics
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Dict, List, Sequence

from .cases import Case
from .measurements import Measurement, find

MIN_PERCENT = 5.0
"""Changes below this are not reported, however quiet the machine was."""

SPREADS = 3.0
"""How many standard deviations of the rounds a change must exceed."""

_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class Change:
    """One case in both files.

    Attributes:
        old_ms, new_ms: medians of the whole time over the rounds.
        noise: relative change that the spread of the rounds explains.
        threshold: relative change from which on it counts.
    """

    case: Case
    old_ms: float
    new_ms: float
    noise: float
    threshold: float

    @property
    def change(self) -> float:
        """Relative: 0.1 for a tenth more time."""
        return self.new_ms / self.old_ms - 1

    @property
    def verdict(self) -> str:
        """"slower", "faster" or "same"."""
        if abs(self.change) <= self.threshold:
            return "same"
        return "slower" if self.change > 0 else "faster"


@dataclass(frozen=True)
class Swap:
    """Two cases of which the first was faster in the old file, and the second in the new one.

    Attributes:
        apart: by how much they differ where they differ more; relative.
    """

    first: Case
    second: Case
    apart: float


@dataclass(frozen=True)
class RunComparison:
    """What `compare_runs` found.

    Attributes:
        changes: of the cases that both files hold.
        only_old, only_new: cases that one of them holds.
        same_machine: processor and device of both are the same.
    """

    changes: List[Change]
    only_old: List[Case]
    only_new: List[Case]
    same_machine: bool

    @property
    def slower(self) -> List[Change]:
        return [change for change in self.changes if change.verdict == "slower"]

    @property
    def swapped(self) -> List[Swap]:
        """Pairs that changed places, those furthest apart first."""
        pairs = (sorted(pair, key=lambda change: change.old_ms) for pair in combinations(self.changes, 2))
        swaps = [
            Swap(fast.case, slow.case, max(slow.old_ms / fast.old_ms, fast.new_ms / slow.new_ms) - 1)
            for fast, slow in pairs
            if fast.new_ms > slow.new_ms
        ]
        return sorted(swaps, key=lambda swap: -swap.apart)

    def to_dict(self) -> Dict[str, Any]:
        """For JSON."""
        rows = [
            {**asdict(change), "change": change.change, "verdict": change.verdict} for change in self.changes
        ]
        return {
            "changes": rows,
            "only_old": [asdict(case) for case in self.only_old],
            "only_new": [asdict(case) for case in self.only_new],
            "same_machine": self.same_machine,
            "swapped": [asdict(swap) for swap in self.swapped],
            "slower": len(self.slower),
        }

    def table(self) -> str:
        """A Markdown table, the largest slow-down first, and what there is to say below it."""
        lines = [
            "| network | size | active classes | label map | engine | format | old, ms | new, ms | change "
            "| counts from | |",
            "| --- | --- | ---: | --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
        ]
        for change in sorted(self.changes, key=lambda change: -change.change):
            case = change.case
            lines.append(
                f"| `{case.network}` | {case.width}x{case.height} | {min(case.active_classes, case.num_classes)} "
                f"| {case.label_map} | {case.engine} | {case.number_format} | {change.old_ms:.1f} "
                f"| {change.new_ms:.1f} | {100 * change.change:+.1f} % | {100 * change.threshold:.1f} % "
                f"| {change.verdict} |"
            )
        drift = statistics.median(change.change for change in self.changes)
        lines += ["", f"{len(self.slower)} of {len(self.changes)} cases became slower; median {100 * drift:+.1f} %."]
        lines.append(self._order())
        if not self.same_machine:
            lines.append("The two files are of different machines: the changes say nothing about the networks.")
        for title, cases in (("old", self.only_old), ("new", self.only_new)):
            if cases:
                lines.append(f"Only in the {title} file: {len(cases)} cases, such as {_name(cases[0])}.")
        return "\n".join(lines)

    def _order(self) -> str:
        swaps, pairs = self.swapped, len(self.changes) * (len(self.changes) - 1) // 2
        if not swaps:
            return "The order is the same."
        furthest = swaps[0]
        return (
            f"{len(swaps)} of {pairs} pairs changed places, none of them further apart than "
            f"{_name(furthest.first)} and {_name(furthest.second)}, {100 * furthest.apart:.1f} %."
        )


def _name(case: Case) -> str:
    return f"{case.network} with {case.label_map} at {case.width}x{case.height}"


def spread(measurement: Measurement) -> float:
    """Standard deviation of the rounds' medians over their median, estimated so that one bad round does not count."""
    medians = list(measurement.round_medians().values())
    middle = statistics.median(medians)
    return _NORMAL * statistics.median(abs(value - middle) for value in medians) / middle


def compare_runs(
    old: Sequence[Measurement], new: Sequence[Measurement], min_percent: float = MIN_PERCENT
) -> RunComparison:
    """Compare the whole times of the cases that both hold.

    A change counts if it exceeds `SPREADS` standard deviations of the rounds, those of both files taken together,
    and `min_percent`.

    Args:
        old, new: what two results files hold.
        min_percent: least change that counts, percent.
    """
    changes = []
    for before in old:
        after = find(new, before.case)
        if after is not None:
            noise = (spread(before) ** 2 + spread(after) ** 2) ** 0.5
            threshold = max(SPREADS * noise, min_percent / 100)
            changes.append(Change(before.case, before.median(), after.median(), noise, threshold))
    machines = {_machine(each) for each in [*old, *new]}
    return RunComparison(
        changes=changes,
        only_old=[each.case for each in old if find(new, each.case) is None],
        only_new=[each.case for each in new if find(old, each.case) is None],
        same_machine=len(machines) == len({engine for _, engine in machines}),
    )


def _machine(measurement: Measurement) -> Any:
    environment = measurement.record.environment
    return (environment.device, environment.cpu), measurement.case.engine
