"""The tables of the distillation suite."""

import statistics
from typing import Dict, List, Optional, Sequence

from paddleseg_mobileseg.deploy.runtime.stats import within_rounds
from paddleseg_mobileseg.report.tables import Table, cell

from ...results import WHOLE, Result
from .cases import LATENCY, TEACHER

_TITLES = {
    TEACHER: "teacher, whole images",
    "plain": "student alone, reduced images",
    "distilled": "student with the teacher, reduced images",
}


def of_run(results: Sequence[Result], run: str) -> List[Result]:
    """The results of a run."""
    return [result for result in results if result.case.run == run]


def score_table(results: Sequence[Result]) -> Table:
    """Scores by run with their mean and spread."""
    rows = []
    for run, title in _TITLES.items():
        for result in of_run(results, run):
            scores = [score for _, score in sorted(result.by_round("miou").items())]
            height, width = result.case.seen
            rows.append(
                [
                    title,
                    f"{width}x{height}",
                    str(result.case.iters),
                    ", ".join(map(str, sorted(result.rounds))),
                    ", ".join(f"{score:.4f}" for score in scores),
                    f"{statistics.fmean(scores):.4f}",
                    cell(statistics.stdev(scores) if len(scores) > 1 else None, "{:.4f}"),
                    f"{statistics.fmean(result.scores['training_s']):.0f} s",
                ]
            )
    titles = ["run", "input", "iterations", "seeds", "mIoU of each", "mean", "standard deviation", "training"]
    return Table("llrllrrr", titles, rows)


def gain(results: Sequence[Result]) -> Optional[str]:
    """A sentence about the seeds that both students have: they start from the same weights."""
    students: List[Dict[int, float]] = [
        result.by_round("miou") for run in ("distilled", "plain") for result in of_run(results, run)
    ]
    if len(students) != 2:
        return None
    distilled, plain = students
    gains = [distilled[seed] - plain[seed] for seed in sorted(set(distilled) & set(plain))]
    if not gains:
        return None
    each = ", ".join(f"{value:+.4f}" for value in gains)
    return f"Gain by the teacher, seed by seed: {each}; mean {statistics.fmean(gains):+.4f}."


def latency_table(results: Sequence[Result]) -> Table:
    """Times of each network on whole and on reduced images."""
    by_network: Dict[str, Dict[bool, Result]] = {}
    for result in of_run(results, LATENCY):
        by_network.setdefault(result.case.network, {})[result.case.scale == 1] = result
    rows = []
    for network, pair in by_network.items():
        if len(pair) == 2:
            whole, reduced = pair[True], pair[False]
            rows.append(
                [
                    f"`{network}`",
                    *("{1}x{0}".format(*each.case.seen) for each in (whole, reduced)),
                    *(f"{statistics.median(each.all_samples(*WHOLE)):.1f} ms" for each in (whole, reduced)),
                    cell(within_rounds(reduced.medians(*WHOLE), whole.medians(*WHOLE)), "{:.2f}"),
                ]
            )
    return Table("lllrrr", ["network", "whole", "reduced", "time of whole", "time of reduced", "ratio"], rows)
