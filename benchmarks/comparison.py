"""Two sets of results against each other: what became slower, or scores less, by more than the noise."""

import statistics
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from paddleseg_mobileseg.deploy.runtime.stats import spread
from paddleseg_mobileseg.report.tables import Table, cell

from .results import Result, find
from .suite import Figure, Suite

MIN_PERCENT = 5.0
"""Changes below this are not reported, however quiet the machine was."""

SPREADS = 3.0
"""How many standard deviations of the rounds a change must exceed."""


@dataclass(frozen=True)
class Change:
    """One case in both files.

    Attributes:
        figure: what is compared, as of the old file.
        names: what tells the case from others, by the title of its column.
        old, new: medians of the figure over the rounds.
        noise: relative change that the spread of the rounds explains.
        threshold: relative change from which on it counts.
    """

    suite: str
    case: Any
    figure: Figure
    names: Mapping[str, str]
    old: float
    new: float
    noise: float
    threshold: float

    @property
    def change(self) -> float:
        """Relative: 0.1 for a tenth more."""
        return self.new / self.old - 1

    @property
    def verdict(self) -> str:
        """"slower", "faster" or "same" of a time; "worse", "better" or "same" of a score."""
        if abs(self.change) <= self.threshold:
            return "same"
        words = ("worse", "better") if self.figure.higher_is_better else ("faster", "slower")
        return words[self.change > 0]

    @property
    def is_worse(self) -> bool:
        """Whether it is "slower" or "worse"."""
        return self.verdict in ("slower", "worse")

    @property
    def name(self) -> str:
        """What tells the case from others, in one line."""
        return ", ".join(self.names.values())


@dataclass(frozen=True)
class Swap:
    """Two cases of which the first had the smaller figure in the old file, and the second in the new one.

    Attributes:
        apart: by how much they differ where they differ more; relative.
    """

    first: Change
    second: Change
    apart: float


@dataclass(frozen=True)
class RunComparison:
    """What `compare_runs` found.

    Attributes:
        changes: of the cases that both files hold.
        only_old, only_new: results of cases that one of them holds.
        same_machine: processor and device of both are the same.
    """

    changes: List[Change]
    only_old: List[Result]
    only_new: List[Result]
    same_machine: bool

    @property
    def worse(self) -> List[Change]:
        """What became slower, or scores less."""
        return [change for change in self.changes if change.is_worse]

    def to_dict(self) -> Dict[str, Any]:
        """For JSON."""
        return {
            "changes": [_change_dict(change) for change in self.changes],
            "only_old": [asdict(result.case) for result in self.only_old],
            "only_new": [asdict(result.case) for result in self.only_new],
            "same_machine": self.same_machine,
            "swapped": [
                {"first": asdict(swap.first.case), "second": asdict(swap.second.case), "apart": swap.apart}
                for swap in swapped(self.changes)
            ],
            "worse": len(self.worse),
        }

    def markdown(self) -> str:
        """A table for each figure, the largest growth first, and what there is to say below it."""
        grouped: Dict[str, List[Change]] = {}
        for change in self.changes:
            grouped.setdefault(change.figure.title, []).append(change)
        parts = [part for title, changes in grouped.items() for part in (_table(title, changes), _summary(changes))]
        notes = []
        if not self.same_machine:
            notes.append("The two files are of different machines: the changes say nothing about the networks.")
        for title, results in (("old", self.only_old), ("new", self.only_new)):
            if results:
                notes.append(f"Only in the {title} file: {len(results)} cases, such as {results[0].case}.")
        return "\n\n".join([*parts, *notes])


def compare_runs(
    old: Sequence[Result], new: Sequence[Result], suites: Mapping[str, Suite], min_percent: float = MIN_PERCENT
) -> RunComparison:
    """Compare the cases that both hold by the figure of their suite.

    A change counts if it exceeds `SPREADS` standard deviations of the rounds, those of both files taken together,
    and `min_percent`.

    Args:
        old, new: what two results files hold.
        suites: by name, for the figures and the names of the cases.
        min_percent: least change that counts, percent.
    """
    pairs = [(before, find(_of_suite(new, before), before.case)) for before in old]
    changes = [_change(before, after, suites[before.suite], min_percent) for before, after in pairs if after]
    machines = {(_machine(each), _engine(each)) for each in [*old, *new]}
    return RunComparison(
        changes=changes,
        only_old=[before for before, after in pairs if after is None],
        only_new=[each for each in new if find(_of_suite(old, each), each.case) is None],
        same_machine=len(machines) == len({engine for _, engine in machines}),
    )


def swapped(changes: Sequence[Change]) -> List[Swap]:
    """Pairs of the same figure that changed places, those furthest apart first."""
    pairs = (sorted(pair, key=lambda change: change.old) for pair in combinations(changes, 2))
    swaps = [
        Swap(low, high, max(high.old / low.old, low.new / high.new) - 1)
        for low, high in pairs
        if low.new > high.new and low.figure.title == high.figure.title
    ]
    return sorted(swaps, key=lambda swap: -swap.apart)


def _change(before: Result, after: Result, suite: Suite, min_percent: float) -> Change:
    old, new = suite.figure(before), suite.figure(after)
    was, is_now = list(old.by_round.values()), list(new.by_round.values())
    noise = (spread(was) ** 2 + spread(is_now) ** 2) ** 0.5
    return Change(
        suite=suite.name,
        case=before.case,
        figure=old,
        names=suite.columns(before.case),
        old=statistics.median(was),
        new=statistics.median(is_now),
        noise=noise,
        threshold=max(SPREADS * noise, min_percent / 100),
    )


def _of_suite(results: Sequence[Result], one: Result) -> List[Result]:
    return [each for each in results if each.suite == one.suite]


def _machine(result: Result) -> Tuple[str, str]:
    return result.environment.device, result.environment.cpu


def _engine(result: Result) -> str:
    """A file may hold measurements of this host and of a phone."""
    return getattr(result.case, "engine", "")


def _change_dict(change: Change) -> Dict[str, Any]:
    return {
        "suite": change.suite,
        "case": asdict(change.case),
        "figure": change.figure.title,
        **{name: getattr(change, name) for name in ("old", "new", "noise", "threshold", "change", "verdict")},
    }


def _table(title: str, changes: Sequence[Change]) -> str:
    names = list(dict.fromkeys(name for change in changes for name in change.names))
    rows = []
    for change in sorted(changes, key=lambda change: -change.change):
        rows.append(
            [
                *(change.names.get(name, "-") for name in names),
                cell(change.old, change.figure.pattern),
                cell(change.new, change.figure.pattern),
                f"{100 * change.change:+.1f} %",
                f"{100 * change.threshold:.1f} %",
                change.verdict,
            ]
        )
    titles = [*names, f"{title}: old", "new", "change", "counts from", ""]
    return Table("l" * len(names) + "rrrrl", titles, rows).markdown()


def _summary(changes: Sequence[Change]) -> str:
    drift = statistics.median(change.change for change in changes)
    fell = "score less" if changes[0].figure.higher_is_better else "became slower"
    count = sum(change.is_worse for change in changes)
    sentence = f"{count} of {len(changes)} cases {fell}; median {100 * drift:+.1f} %."
    return f"{sentence} {_order(changes)}"


def _order(changes: Sequence[Change]) -> str:
    swaps, pairs = swapped(changes), len(changes) * (len(changes) - 1) // 2
    if not swaps:
        return "The order is the same."
    furthest = swaps[0]
    return (
        f"{len(swaps)} of {pairs} pairs changed places, none of them further apart than "
        f"{furthest.first.name} and {furthest.second.name}, {100 * furthest.apart:.1f} %."
    )
