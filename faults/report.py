"""The table of the docs."""

from typing import List

from paddleseg_mobileseg.report.tables import Table

from .judge import ERROR, WORKED
from .kinds import KINDS
from .results import Campaign, Tally

_TITLES = ("kind of file", "tried", ERROR, WORKED, "anything else", "ms a case", "slowest, s", "peak, MB")


def markdown(campaign: Campaign) -> str:
    """Every kind in the order of `KINDS`, and what they add up to."""
    rows = [
        _row(KINDS[name][2], campaign.tallies[name]) for name in KINDS if name in campaign.tallies
    ]
    rows.append(_row("all", _together(list(campaign.tallies.values()))))
    limits = campaign.limits
    return (
        f"Seed {campaign.seed}, {campaign.python}; each case at most {limits['seconds']} s of processor time and "
        f"{limits['memory'] >> 20} MB beyond the idle child.\n\n"
        + Table("lrrrlrrr", list(_TITLES), rows).markdown()
        + "\n"
    )


def _row(title: str, tally: Tally) -> List[str]:
    faults = ", ".join(f"{count} {name}" for name, count in tally.anything_else.items()) or "none"
    return [
        title,
        str(tally.tried),
        str(tally.outcomes.get(ERROR, 0)),
        str(tally.outcomes.get(WORKED, 0)),
        faults,
        f"{1000 * tally.seconds / max(tally.tried, 1):.1f}",
        f"{tally.slowest_seconds:.1f}",
        f"{tally.peak_bytes / 2**20:.0f}",
    ]


def _together(tallies: List[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        for name, count in tally.outcomes.items():
            total.outcomes[name] = total.outcomes.get(name, 0) + count
        total.seconds += tally.seconds
        total.slowest_seconds = max(total.slowest_seconds, tally.slowest_seconds)
        total.peak_bytes = max(total.peak_bytes, tally.peak_bytes)
    return total
