"""Networks side by side as plots, in SVG."""

import textwrap
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from matplotlib.figure import Figure

from paddleseg_mobileseg.report.plot_style import BLUE, FAINT, GREEN, INK, ORANGE, Plot, draw_plot, draw_svg

from ...results import WHOLE, Result
from .cases import LatencyCase, find_network
from .measured import label_map_ms, network_ms
from .tables import LABEL_MAPS, published

COLOURS = {"exact": GREEN, "argmax": BLUE, "vim": ORANGE}
_ROOM = 0.5
"""Percent of mIoU that the name of a network takes up."""

_GAP = 0.7
"""Between the bars of two networks, in bars."""

_MARKS = {"exact": "o", "argmax": "s", "vim": "^"}


@dataclass(frozen=True)
class Kinds:
    """What tells the points of one network apart.

    Attributes:
        title: what a kind is.
        of: the key of a result's kind in the following.
        names, colours, marks: of the kinds.
    """

    title: str
    of: Callable[[Result], str]
    names: Mapping[str, str]
    colours: Mapping[str, str]
    marks: Mapping[str, str]


BY_LABEL_MAP = Kinds("label map", lambda each: each.case.label_map, LABEL_MAPS, COLOURS, _MARKS)


def plots(results: Sequence[Result], dataset: str) -> Dict[str, Plot]:
    """The plots that the results of one suite have something to show in, by title.

    Args:
        results: of one suite and device.
        dataset: whose published mIoU to show.
    """
    host = [each for each in results if each.case.number_format == "float32"]
    sizes = {(each.case.height, each.case.width) for each in host}
    found: Dict[str, Optional[Plot]] = {}
    if len({each.case.active_classes for each in host}) > 1:
        return {"Label map and classes": classes_plot(host)}
    if len(sizes) == 1:
        known = [each for each in host if _miou(each, dataset) is not None]
        found["Latency against published mIoU"] = _if(known, lambda chosen: accuracy_plot(chosen, dataset))
    for engine in dict.fromkeys(each.case.engine for each in host):
        chosen = [each for each in host if each.case.engine == engine]
        if len({(each.case.height, each.case.width) for each in chosen}) == 1:
            found[f"Network and label map, {engine}"] = split_plot(chosen)
    if len(sizes) > 2:
        found["Growth with the input"] = growth_plot(host)
    found["Pixels labelled otherwise than by Paddle in float32"] = _if(
        [each for each in results if each.agreement is not None], agreement_plot
    )
    return {title: svg for title, svg in found.items() if svg}


def _if(results: List[Result], draw: Callable[[List[Result]], Plot]) -> Optional[Plot]:
    return draw(results) if results else None


def _miou(result: Result, dataset: str) -> Optional[float]:
    return published(result.case, dataset).miou


def accuracy_plot(results: Sequence[Result], dataset: str, kinds: Kinds = BY_LABEL_MAP) -> Plot:
    """Latency against published mIoU, a colour a kind; a line joins the points of a network."""

    def draw(figure: Figure, narrow: bool) -> None:
        _draw_accuracy(figure.subplots(), results, dataset, narrow, kinds)

    return draw_plot((9, 4.6), (4.2, 5.2), draw)


def _draw_accuracy(
    axes: Any, results: Sequence[Result], dataset: str, narrow: bool = False, kinds: Kinds = BY_LABEL_MAP
) -> None:
    chosen = [each for each in results if _miou(each, dataset) is not None]
    by_network: Dict[str, List[Result]] = {}
    for each in chosen:
        by_network.setdefault(each.case.network, []).append(each)
    for name, parts in by_network.items():
        times = sorted(part.median(*WHOLE) for part in parts)
        miou = _miou(parts[0], dataset)
        axes.plot([times[0], times[-1]], [miou, miou], color=FAINT, linewidth=2, zorder=1)
        # Above another network of nearly the same mIoU there is no room for a name.
        crowded = any(0 < _miou(others[0], dataset) - miou < _ROOM for others in by_network.values())
        place = dict(xytext=(0, -11 if crowded else 5), textcoords="offset points", fontsize=7.5)
        axes.annotate(find_network(name).title, (times[0], miou), **place)
    for kind, name in kinds.names.items():
        points = [each for each in chosen if kinds.of(each) == kind]
        if points:
            axes.scatter(
                [each.median(*WHOLE) for each in points],
                [_miou(each, dataset) for each in points],
                color=kinds.colours[kind],
                marker=kinds.marks[kind],
                s=26,
                zorder=2,
                label=name,
            )
    axes.set_xscale("log")
    ticks = [tick for tick in (10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 2000)]
    low, high = min(each.median(*WHOLE) for each in chosen), max(each.median(*WHOLE) for each in chosen)
    # Names stand to the right of their points.
    axes.set_xlim(low * 0.9, high * (2 if narrow else 1.15))
    axes.set_xticks([tick for tick in ticks if low * 0.9 <= tick <= high * 1.15])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("milliseconds, measured, network and label map")
    axes.set_ylabel("mIoU, published, %")
    if narrow:
        axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
    else:
        axes.legend(title=kinds.title, fontsize=8, frameon=False, loc="lower right")


def split_plot(results: Sequence[Result]) -> Plot:
    """Bars of network and label map, one a case; those of a network stand together, the fastest network on top."""
    count = len(results) + _GAP * len(_networks(results))
    height = 0.9 + 0.19 * count

    def draw(figure: Figure, narrow: bool) -> None:
        _draw_split(figure.subplots(), results, narrow)

    return draw_plot((9, height), (4.2, 1.4 + 0.25 * count), draw)


def _grouped(results: Sequence[Result]) -> List[List[Result]]:
    """The cases of each network, fastest first, slowest network first: as bars are numbered from below."""
    groups = [[each for each in results if each.case.network == name] for name in _networks(results)]
    groups = [sorted(group, key=lambda each: each.median(*WHOLE), reverse=True) for group in groups]
    return sorted(groups, key=lambda group: group[-1].median(*WHOLE), reverse=True)


def _draw_split(axes: Any, results: Sequence[Result], narrow: bool = False) -> None:
    groups = _grouped(results)
    ordered = [each for group in groups for each in group]
    group_of_bar = [index for index, group in enumerate(groups) for _ in group]
    places = [bar + _GAP * index for bar, index in enumerate(group_of_bar)]
    names = [_bar_name(each, group) for group in groups for each in group]
    wholes = [each.median(*WHOLE) for each in ordered]
    parts = [label_map_ms(each, results) for each in ordered]
    networks = [network_ms(each, results) for each in ordered]
    # Medians of parts need not add up to the median of the whole, which is what the bar's end shows.
    starts = [whole if part is None or network is None else max(whole - part, 0) for whole, part, network in
              zip(wholes, parts, networks)]
    axes.barh(places, starts, color=INK, height=0.8, label="network")
    for label_map, colour in COLOURS.items():
        rows = [i for i, each in enumerate(ordered) if each.case.label_map == label_map]
        if rows:
            axes.barh(
                [places[i] for i in rows],
                [wholes[i] - starts[i] for i in rows],
                left=[starts[i] for i in rows],
                color=colour,
                height=0.8,
                label=f"label map, {LABEL_MAPS[label_map]}",
            )
    for place, whole in zip(places, wholes):
        beside = dict(xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
        axes.annotate(f"{whole:.0f}", (whole, place), **beside)
    axes.set_yticks(places, [_broken(name) if narrow else name for name in names], fontsize=7 if narrow else 7.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, places[-1] + 0.6)
    axes.set_xlabel("milliseconds")
    axes.grid(False, axis="y")
    if narrow:
        axes.figure.legend(fontsize=7.5, frameon=False, loc="outside lower center", ncols=2)
    else:
        axes.legend(fontsize=8, frameon=False, loc="upper right")


def _broken(name: str) -> str:
    """The name of a bar in lines of about 20 letters, where there is no room beside it."""
    return "\n".join(textwrap.wrap(name, 22))


def _bar_name(result: Result, group: Sequence[Result]) -> str:
    """The network stands beside the topmost of its bars only."""
    label_map = LABEL_MAPS[result.case.label_map]
    return f"{find_network(result.case.network).title}, {label_map}" if result is group[-1] else label_map


def growth_plot(results: Sequence[Result]) -> Plot:
    """Latency and memory over the pixels of the input."""

    def draw(figure: Figure, narrow: bool) -> None:
        left, right = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
        _growth(left, results, lambda each: each.median(*WHOLE), "milliseconds, network and label map")
        _growth(right, results, lambda each: (each.peak_memory_bytes or 0) / 1e6, "memory, MB")
        left.set_yscale("log")
        lines, names = left.get_legend_handles_labels()
        figure.legend(lines, names, loc="outside lower center", ncols=2 if narrow else 4, fontsize=7, frameon=False)

    return draw_plot((10, 4.9), (4.2, 9), draw)


def _growth(
    axes: Any, results: Sequence[Result], height: Callable[[Result], float], label: str
) -> None:
    names = list(dict.fromkeys(each.case.network for each in results))
    colours = dict(zip(names, (GREEN, BLUE, ORANGE, INK, "#8a3f8f", "#9a9a3a", "#b03a48")))
    lines = dict.fromkeys((each.case.network, each.case.label_map) for each in results)
    for name, label_map in lines:
        points = [each for each in results if (each.case.network, each.case.label_map) == (name, label_map)]
        points.sort(key=lambda each: _pixels(each.case))
        axes.plot(
            [_pixels(each.case) for each in points],
            [height(each) for each in points],
            color=colours.get(name, FAINT),
            linestyle="solid" if label_map == "exact" else (0, (4, 2)),
            marker=_MARKS[label_map],
            markersize=3.5,
            linewidth=1.4,
            label=f"{find_network(name).title}, {LABEL_MAPS[label_map]}",
        )
    axes.set_xscale("log")
    sizes = {_pixels(each.case): f"{each.case.width}x{each.case.height}" for each in results}
    axes.set_xticks(list(sizes), list(sizes.values()), fontsize=7.5, rotation=30)
    axes.set_xticks([], minor=True)
    axes.set_ylabel(label)


def classes_plot(results: Sequence[Result]) -> Plot:
    """What a label map costs over the active classes, one panel a network."""
    names = list(dict.fromkeys(each.case.network for each in results))

    def draw(figure: Figure, narrow: bool) -> None:
        panels = (len(names), 1) if narrow else (1, len(names))
        for axes, name in zip(figure.subplots(*panels, squeeze=False, sharey=True).flat, names):
            chosen = sorted((each for each in results if each.case.network == name), key=_active_classes)
            for label_map, title in LABEL_MAPS.items():
                points = [each for each in chosen if each.case.label_map == label_map]
                axes.plot(
                    [_active_classes(each) for each in points],
                    [label_map_ms(each, results) for each in points],
                    color=COLOURS[label_map],
                    marker=_MARKS[label_map],
                    label=title,
                )
            axes.set_title(find_network(name).title, fontsize=9)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xticks(list(map(_active_classes, chosen)), [str(_active_classes(each)) for each in chosen])
            axes.set_xticks([], minor=True)
            axes.set_xlabel("active classes")
            axes.set_ylabel("milliseconds of the label map")
            axes.legend(fontsize=8, frameon=False)

    return draw_plot((10, 4), (4.2, 3.2 * len(names)), draw)


def _active_classes(result: Result) -> int:
    return result.case.active_classes


def _pixels(case: LatencyCase) -> int:
    return case.height * case.width


def agreement_plot(results: Sequence[Result]) -> Plot:
    """Share of pixels that got another label, one point a case."""
    height = 0.9 + 0.17 * len(_networks(results))
    return draw_plot((9, height), (4.2, height + 1.2), lambda figure, narrow: _agreement(figure, results, narrow))


def _networks(results: Sequence[Result]) -> List[str]:
    return list(dict.fromkeys(each.case.network for each in results))[::-1]


def _agreement(figure: Figure, results: Sequence[Result], narrow: bool) -> None:
    axes = figure.subplots()
    names = _networks(results)
    kinds = dict.fromkeys((each.case.label_map, each.case.number_format) for each in results)
    formats = {"float32": "full", "int16": "left", "int8": "none", "fp16": "top"}
    least = 1e-7
    for label_map, number_format in kinds:
        chosen = [
            each for each in results
            if (each.case.label_map, each.case.number_format) == (label_map, number_format)
        ]
        axes.plot(
            [100 * max(1 - each.agreement, least) for each in chosen],
            [names.index(each.case.network) for each in chosen],
            linestyle="none",
            color=COLOURS[label_map],
            marker=_MARKS[label_map],
            fillstyle=formats[number_format],
            markersize=5,
            label=f"{LABEL_MAPS[label_map]}, {number_format}",
        )
    axes.set_xscale("log")
    axes.set_xlim(100 * least / 2, 200)
    axes.set_yticks(range(len(names)), [find_network(name).title for name in names], fontsize=7.5)
    axes.set_xlabel("pixels with another label, %;" + ("\n" if narrow else " ") + "at the left edge none")
    # Not among the points: with several number formats they fill the width.
    if narrow:
        figure.legend(fontsize=7.5, frameon=False, loc="outside lower center", ncols=2)
    else:
        axes.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def readme_plot(results: Sequence[Result], dataset: str) -> str:
    """Latency against published mIoU, and where the time goes, side by side, in float32."""
    results = [each for each in results if each.case.number_format == "float32"]

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.05, 1))
        _draw_accuracy(left, results, dataset)
        _draw_split(right, results)

    return draw_svg(13, 6.8, draw)
