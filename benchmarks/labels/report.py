"""The table and the plot of the label-map benchmark."""

import statistics
from pathlib import Path
from typing import Any, Callable, Dict, List

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from paddleseg_mobileseg.report.plot_style import BLUE, GREEN, ORANGE, STYLE

from .logits import NOISE
from .tails import WAYS, milliseconds

QUESTIONS = {
    "classes": "Number of classes, 12 of them present in pieces of 64 pixels",
    "classes present": "Classes that the image holds, of 150, at stride 8",
    "pieces": "How broken up the map is: 12 of 150 classes, from one piece to noise",
    "noise": "The worst case: independent random logits",
    "networks": "Logits of networks",
}
COLOURS = {"exact": GREEN, "argmax": BLUE, "vim": ORANGE}
NAMES = {"exact": "exact", "argmax": "interpolation and argmax", "vim": "VIM"}

Row = Dict[str, Any]


def table(rows: List[Row]) -> str:
    """One Markdown table for each question: medians, and how many times the others take as long."""
    parts = []
    for question, title in QUESTIONS.items():
        chosen = [row for row in rows if row["question"] == question]
        if not chosen:
            continue
        lines = [
            f"{title}. Milliseconds of a label map, median.",
            "",
            "| case | classes in the map | exact | interpolation and argmax | VIM | argmax / exact | VIM / exact "
            "| VIM: pixels as argmax |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for row in chosen:
            times = [f"{milliseconds(row, way, statistics.median):.2f}" for way in WAYS]
            held = row["records"]["exact"]["classes_present"][0]
            ratios = [f"{row['ratios'][way]:.1f}" for way in WAYS[1:]]
            lines.append(
                f"| {' | '.join([row['name'], str(held), *times, *ratios])} | {100 * row['equal']['vim']:.3f} % |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def summary(rows: List[Row]) -> str:
    """A few rows for a page that has other things to say."""
    chosen = [row for row in rows if row["question"] == "networks"]
    environment = rows[0]["records"]["exact"]["environment"]
    lines = [
        f"Milliseconds of a label map of 512x512, one thread of {environment['cpu']}, all through Paddle-Lite "
        f"({environment['date'][:10]}, `python -m benchmarks.labels`):",
        "",
        "| logits | classes in the map | interpolation and argmax | VIM | exact | times as fast as argmax | as VIM |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in chosen:
        exact, argmax, vim = (milliseconds(row, way, statistics.median) for way in WAYS)
        held = row["records"]["exact"]["classes_present"][0]
        lines.append(
            f"| {row['name']} | {held} | {argmax:.0f} | {vim:.1f} | {exact:.2f} | {row['ratios']['argmax']:.0f} "
            f"| {row['ratios']['vim']:.0f} |"
        )
    noise = [row for row in rows if row["question"] == "noise"]
    worst = min(noise, key=lambda row: row["ratios"]["argmax"])
    lines += [
        "",
        f"The worst case, independent random logits, is still {worst['ratios']['argmax']:.1f} times as fast as "
        f"interpolation and argmax ({worst['name']}); the curves over classes, pieces and strides are in "
        "[`benchmarks/results/labels.svg`](benchmarks/results/labels.svg).",
    ]
    return "\n".join(lines)


def plot(rows: List[Row], path: Path) -> None:
    """Four panels, one a question, as SVG."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 7), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(2, 2).flat
        _panel(next(panels), rows, "classes", lambda row: row["classes"], "classes")
        _panel(next(panels), rows, "classes present", lambda row: row["present"], "classes present")
        _panel(next(panels), rows, "pieces", lambda row: 512 / row["piece"] if row["piece"] else 128, "pieces across")
        _panel(next(panels), rows, "noise", lambda row: row["classes"], "classes")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _panel(axes, rows: List[Row], question: str, place: Callable[[Row], float], label: str) -> None:
    chosen = [row for row in rows if row["question"] == question]
    axes.set_title(QUESTIONS[question], loc="left", fontsize=9)
    axes.set_xlabel(label)
    axes.set_ylabel("milliseconds")
    axes.set_xscale("log")
    axes.set_yscale("log")
    styles = dict(zip((4, 8, 16), ((0, (1, 1.5)), "solid", (0, (5, 2)))))
    for way in WAYS:
        for stride in sorted({row["stride"] for row in chosen}):
            line = sorted((row for row in chosen if row["stride"] == stride), key=place)
            axes.plot(
                [place(row) for row in line],
                [milliseconds(row, way, statistics.median) for row in line],
                color=COLOURS[way],
                linestyle=styles[stride],
                marker="o",
                markersize=3,
                linewidth=1.4,
                label=f"{NAMES[way]}, stride {stride}",
            )
    ticks = sorted({place(row) for row in chosen})
    names = {128: "noise"} if any(row["piece"] == NOISE for row in chosen) and question == "pieces" else {}
    axes.set_xticks(ticks, [names.get(tick, f"{tick:g}") for tick in ticks])
    axes.minorticks_off()
    if chosen:
        axes.legend(fontsize=6.5, frameon=False)
