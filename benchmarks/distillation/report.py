"""The tables of the distillation benchmark."""

import statistics
from typing import Any, Dict, List

Row = Dict[str, Any]

_TITLES = {
    "teacher": "teacher, whole images",
    "plain": "student alone, reduced images",
    "distilled": "student with the teacher, reduced images",
}


def table(rows: List[Row]) -> str:
    """Markdown: scores by run with their mean and spread, the gain seed by seed, and the times."""
    parts = [_scores(rows), _gain(rows), _latency(rows)]
    return "\n\n".join(part for part in parts if part)


def _scores(rows: List[Row]) -> str:
    lines = [
        "| run | input | iterations | seeds | mIoU of each | mean | standard deviation | training |",
        "| --- | --- | ---: | --- | --- | ---: | ---: | ---: |",
    ]
    for run, title in _TITLES.items():
        chosen = sorted((row for row in rows if row["run"] == run), key=lambda row: row["seed"])
        if not chosen:
            continue
        scores = [row["miou"] for row in chosen]
        height, width = (round(side * chosen[0]["student_scale"]) for side in chosen[0]["size"])
        spread = f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-"
        lines.append(
            f"| {title} | {width}x{height} | {chosen[0]['iters']} | {', '.join(str(row['seed']) for row in chosen)} "
            f"| {', '.join(f'{score:.4f}' for score in scores)} | {statistics.fmean(scores):.4f} | {spread} "
            f"| {statistics.fmean(row['seconds'] for row in chosen):.0f} s |"
        )
    return "\n".join(lines) if len(lines) > 2 else ""


def _gain(rows: List[Row]) -> str:
    """A sentence about the seeds that both students have: they start from the same weights."""
    by_run = {run: {row["seed"]: row["miou"] for row in rows if row["run"] == run} for run in ("distilled", "plain")}
    seeds = sorted(set(by_run["distilled"]) & set(by_run["plain"]))
    if not seeds:
        return ""
    gains = [by_run["distilled"][seed] - by_run["plain"][seed] for seed in seeds]
    each = ", ".join(f"{gain:+.4f}" for gain in gains)
    return f"Gain by the teacher, seed by seed: {each}; mean {statistics.fmean(gains):+.4f}."


def _latency(rows: List[Row]) -> str:
    lines = [
        "| network | whole | reduced | time of whole | time of reduced | ratio |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        if row["run"] == "latency":
            sizes = [f"{width}x{height}" for height, width in row["sizes"]]
            times = [f"{time:.1f} ms" for time in row["median_ms"]]
            lines.append(f"| `{row['model']}` | {' | '.join([*sizes, *times])} | {row['ratio']:.2f} |")
    return "\n".join(lines) if len(lines) > 2 else ""
