"""What is said of networks side by side, as tables."""

from typing import Dict, Sequence

from paddleseg_mobileseg.deploy.runtime.stats import spread
from paddleseg_mobileseg.models.zoo import Published
from paddleseg_mobileseg.report.tables import Table, cell, span

from ...flags import CLOCKS
from ...results import WHOLE, Result
from .cases import PADDLE_LITE, PHONE, LatencyCase, find_network
from .measured import IN_GRAPH, label_map_ms, network_ms, ratio

LABEL_MAPS = {"exact": "exact", "argmax": "argmax", "vim": "VIM"}

RIGHT = 0.99
"""The share of pixels labelled as in float32 below which a case is not in the race: it makes another picture."""

_MAYBE = {
    "size": lambda case: f"{case.width}x{case.height}",
    "engine": lambda case: case.engine,
    "numbers": lambda case: case.number_format,
    "active classes": lambda case: str(case.active_classes),
    "threads": lambda case: str(case.threads),
}
"""Columns that a table has where they vary."""

_FIGURES = (
    "end to end, ms", "spread", "network, ms", "label map, ms", "to the fastest", "pixels as float32", "classes",
    "memory, MB", "file, MB", "mIoU, published", "ms on Snapdragon 855, published",
)


def published(case: LatencyCase, dataset: str) -> Published:
    """The published figures of a case's network on a data set; empty ones where there are none."""
    return find_network(case.network).published.get(dataset, Published())


def setting(results: Sequence[Result]) -> str:
    """Where, when and how the results of one suite were taken."""
    engines = dict.fromkeys(each.case.engine for each in results)
    parts = [_engine_setting([each for each in results if each.case.engine == engine]) for engine in engines]
    return f"Measured with {'; '.join(parts)}. {turns_taken(results)}"


def turns_taken(results: Sequence[Result]) -> str:
    """How many, of what, and by which clock, in sentences."""
    settings = results[0].settings
    counts = (
        f"rounds: {span([len(each.rounds) for each in results])}",
        f"runs in each: {settings['repeats']}",
        f"images: {len(settings['images'])}",
    )
    counted = ", ".join(counts).capitalize()
    clock = CLOCKS[settings["clock"]]
    return f"{counted}; every turn is a process of its own. {clock}"


def _engine_setting(results: Sequence[Result]) -> str:
    environment, engine = results[0].environment, results[0].details["engine"]
    threads = results[0].details["threads"]
    core = "no core of its own" if environment.core is None else f"core {environment.core}"
    return (
        f"{'Paddle-Lite' if engine == PADDLE_LITE else engine} {environment.versions.get(engine, '')} on "
        f"{environment.device} ({environment.cpu}, {environment.cores} cores), "
        f"{threads} thread{'s' * (threads > 1)}, {core}, {span([each.environment.date[:10] for each in results])}"
    )


def _is_right(result: Result) -> bool:
    """Whether a case labels nearly all pixels as float32 does; what was not compared counts as right."""
    return result.agreement is None or result.agreement >= RIGHT


def case_table(results: Sequence[Result], dataset: str) -> Table:
    """One row a case, the fastest first; those that label otherwise than float32 stand last, however fast.

    Args:
        results: of one suite and device.
        dataset: whose published figures to show.
    """
    ordered = sorted(results, key=lambda each: (not _is_right(each), each.median(*WHOLE)))
    varying = [title for title, text in _MAYBE.items() if len({text(each.case) for each in ordered}) > 1]
    rows = [
        [
            find_network(each.case.network).title,
            *(_MAYBE[title](each.case) for title in varying),
            LABEL_MAPS[each.case.label_map],
            *_figures(each, results, ordered[0], dataset),
        ]
        for each in ordered
    ]
    titles = ["network", *varying, "label map", *_FIGURES]
    return Table("l" * (2 + len(varying)) + "r" * len(_FIGURES), titles, rows)


def _figures(result: Result, others: Sequence[Result], fastest: Result, dataset: str) -> Sequence[str]:
    """The cells under `_FIGURES`."""
    return [
        cell(result.median(*WHOLE)),
        f"{100 * spread(list(result.medians(*WHOLE).values())):.1f} %",
        cell(network_ms(result, others)),
        cell(label_map_ms(result, others), "{:.2f}") + " (difference)" * (result.case.label_map in IN_GRAPH),
        cell(ratio(result, fastest), "{:.2f}"),
        cell(result.agreement and 100 * result.agreement, "{:.4f} %"),
        span(result.details["classes_present"]),
        cell(result.peak_memory_bytes and result.peak_memory_bytes / 1e6, "{:.0f}"),
        cell(result.details["bytes"] / 1e6, "{:.2f}"),
        cell(published(result.case, dataset).miou, "{:.2f}"),
        published_latency(result.case, dataset),
    ]


def published_latency(case: LatencyCase, dataset: str) -> str:
    """With the size that it is of, where that is another."""
    figures = published(case, dataset)
    if figures.latency_ms is None:
        return "-"
    height, width = figures.latency_size
    return f"{figures.latency_ms:.1f}" + f" ({width}x{height})" * ((height, width) != (case.height, case.width))


def network_table(results: Sequence[Result], dataset: str) -> Table:
    """One row a network, its label maps side by side: what a README shows."""
    by_network: Dict[str, Dict[str, Result]] = {}
    for each in results:
        if each.case.number_format == "float32" and each.case.engine != PHONE:
            by_network.setdefault(each.case.network, {})[each.case.label_map] = each
    fastest = {name: min(each.median(*WHOLE) for each in maps.values()) for name, maps in by_network.items()}
    rows = [_network_row(by_network[name], dataset) for name in sorted(by_network, key=fastest.get)]
    titles = [
        "network", "mIoU, published", "network + exact label map, ms", "with VIM, ms", "with argmax, ms",
        "memory, MB", "`.nb`, MB",
    ]
    return Table("lrrrrrr", titles, rows)


def _network_row(maps: Dict[str, Result], dataset: str) -> Sequence[str]:
    exact = maps.get("exact")
    shown = exact or next(iter(maps.values()))
    return [
        find_network(shown.case.network).title,
        cell(published(shown.case, dataset).miou, "{:.2f}"),
        f"{exact.median('network_ms'):.0f} + {exact.median('label_map_ms'):.1f}" if exact else "-",
        *(cell(maps[way].median(*WHOLE) if way in maps else None, "{:.0f}") for way in IN_GRAPH[::-1]),
        cell(shown.peak_memory_bytes and shown.peak_memory_bytes / 1e6, "{:.0f}"),
        cell(shown.details["bytes"] / 1e6, "{:.1f}"),
    ]
