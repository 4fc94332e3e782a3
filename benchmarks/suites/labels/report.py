"""The tables and the plot of what label maps cost."""

import statistics
import textwrap
from typing import Any, Callable, Dict, List, Mapping, Sequence

from matplotlib.figure import Figure

from paddleseg_mobileseg.deploy.runtime.stats import within_rounds
from paddleseg_mobileseg.report.plot_style import BLUE, GREEN, ORANGE, Plot, draw_plot
from paddleseg_mobileseg.report.tables import Table, cell

from ...results import Result
from .cases import WAYS
from .logits import NOISE

QUESTIONS = {
    "classes": "Number of classes, 12 of them present in pieces of 64 pixels",
    "classes present": "Classes that the image holds, of 150, at stride 8",
    "pieces": "How broken up the map is: 12 of 150 classes, from one piece to noise",
    "noise": "The worst case: independent random logits",
    "networks": "Logits of networks",
}
COLOURS = {"exact": GREEN, "argmax": BLUE, "vim": ORANGE}
NAMES = {"exact": "exact", "argmax": "interpolation and argmax", "vim": "VIM"}

Ways = Mapping[str, Result]
"""The results of the same logits, by label map."""


def by_logits(results: Sequence[Result], question: str) -> List[Ways]:
    """The logits of a question of which every way was measured."""
    found: Dict[str, Dict[str, Result]] = {}
    for result in results:
        if result.case.question == question:
            found.setdefault(result.case.logits, {})[result.case.label_map] = result
    return [ways for ways in found.values() if set(ways) == set(WAYS)]


def milliseconds(result: Result) -> float:
    """Median of all samples of the label map, without what brings its logits."""
    return statistics.median(result.all_samples("label_map_ms"))


def times_as_long(ways: Ways, way: str) -> float:
    """Time of a label map over that of the exact one, within rounds."""
    return within_rounds(ways[way].medians("label_map_ms"), ways["exact"].medians("label_map_ms"))


def tables(results: Sequence[Result]) -> Dict[str, Table]:
    """A table for each question, by what stands above it: medians, and how many times as long the others take."""
    titles = [
        "case", "classes in the map", *NAMES.values(), "argmax / exact", "VIM / exact", "VIM: pixels as argmax"
    ]
    found = {}
    for question, title in QUESTIONS.items():
        rows = [
            [
                ways["exact"].case.logits,
                str(ways["exact"].details["classes_present"][0]),
                *(f"{milliseconds(ways[way]):.2f}" for way in WAYS),
                *(f"{times_as_long(ways, way):.1f}" for way in WAYS[1:]),
                cell(100 * ways["vim"].agreement, "{:.3f} %"),
            ]
            for ways in by_logits(results, question)
        ]
        if rows:
            found[f"{title}. Milliseconds of a label map, median."] = Table("lrrrrrrr", titles, rows)
    return found


def setting(results: Sequence[Result]) -> str:
    """Where, when and how."""
    environment, threads = results[0].environment, results[0].details["threads"]
    return (
        f"Milliseconds of a label map of 512x512, {'one thread' if threads == 1 else f'{threads} threads'} of "
        f"{environment.cpu}, all through Paddle-Lite ({environment.date[:10]}, `python -m benchmarks run labels`)"
    )


def summary(results: Sequence[Result]) -> str:
    """A few rows for a page that has other things to say."""
    titles = [
        "logits", "classes in the map", "interpolation and argmax", "VIM", "exact", "times as fast as argmax", "as VIM"
    ]
    rows = []
    for ways in by_logits(results, "networks"):
        exact, argmax, vim = (milliseconds(ways[way]) for way in WAYS)
        rows.append(
            [
                ways["exact"].case.logits,
                str(ways["exact"].details["classes_present"][0]),
                *(f"{argmax:.0f}", f"{vim:.1f}", f"{exact:.2f}"),
                *(f"{times_as_long(ways, way):.0f}" for way in WAYS[1:]),
            ]
        )
    worst = min(by_logits(results, "noise"), key=lambda ways: times_as_long(ways, "argmax"))
    return (
        f"{setting(results)}:\n\n{Table('lrrrrrr', titles, rows).markdown()}\n\n"
        f"The worst case, independent random logits, is still {times_as_long(worst, 'argmax'):.1f} times as fast as "
        f"interpolation and argmax ({worst['exact'].case.logits}); the curves over classes, pieces and strides are in "
        "[`benchmarks/results/labels.svg`](benchmarks/results/labels.svg)."
    )


def plot(results: Sequence[Result]) -> Plot:
    """Four panels, one a question."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.subplots(4, 1) if narrow else figure.subplots(2, 2)
        title_letters = 56 if narrow else 200
        panels = iter(axes.flat)
        _panel(next(panels), results, "classes", lambda case: case.classes, "classes", title_letters)
        _panel(next(panels), results, "classes present", lambda case: case.present, "classes present", title_letters)
        _panel(
            next(panels),
            results,
            "pieces",
            lambda case: 512 / case.piece if case.piece else 128,
            "pieces across",
            title_letters,
        )
        _panel(next(panels), results, "noise", lambda case: case.classes, "classes", title_letters)
        lines = {}
        for each in axes.flat:
            lines.update(zip(*reversed(each.get_legend_handles_labels())))
        # Below the panels: inside them the lines leave no room.
        look = dict(ncols=1 if narrow else 3, fontsize=8, handlelength=3.2, frameon=False)
        figure.legend(lines.values(), lines, loc="outside lower center", **look)

    return draw_plot((10, 7.6), (4.2, 15), draw)


def _panel(
    axes: Any,
    results: Sequence[Result],
    question: str,
    place: Callable[[Any], float],
    label: str,
    title_letters: int,
) -> None:
    """One question over a property of the logits; its title in lines of so many letters."""
    chosen = [result for result in results if result.case.question == question]
    axes.set_title(textwrap.fill(QUESTIONS[question], title_letters), loc="left", fontsize=9)
    axes.set_xlabel(label)
    axes.set_ylabel("milliseconds")
    axes.set_xscale("log")
    axes.set_yscale("log")
    styles = dict(zip((4, 8, 16), ((0, (1, 1.5)), "solid", (0, (5, 2)))))
    for way in WAYS:
        for stride in sorted({each.case.stride for each in chosen}):
            line = [each for each in chosen if (each.case.label_map, each.case.stride) == (way, stride)]
            line.sort(key=lambda each: place(each.case))
            axes.plot(
                [place(each.case) for each in line],
                [milliseconds(each) for each in line],
                color=COLOURS[way],
                linestyle=styles[stride],
                marker="o",
                markersize=3,
                linewidth=1.4,
                label=f"{NAMES[way]}, stride {stride}",
            )
    ticks = sorted({place(each.case) for each in chosen})
    names = {128: "noise"} if question == "pieces" and any(each.case.piece == NOISE for each in chosen) else {}
    axes.set_xticks(ticks, [names.get(tick, f"{tick:g}") for tick in ticks])
    axes.minorticks_off()
