"""What a report says, as tables; pages and Markdown are printers over them."""

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence

from paddleseg_mobileseg.models.zoo import Published

from .cases import ACTIVE_CLASSES, PHONE, SUITES, Case, find_network
from .comparison import spread
from .measurements import IN_GRAPH, Measurement, find, label_map_ms, ratio

LABEL_MAPS = {"exact": "exact", "argmax": "argmax", "vim": "VIM"}

CLOCKS = {
    "wall": "Times are wall-clock times.",
    "cpu": "Times are those that the process had its core, since the machine had other work beside it.",
}


@dataclass(frozen=True)
class Table:
    """Text in cells.

    Attributes:
        numeric: for each column, whether it is set to the right.
    """

    titles: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown."""
        rule = "".join(" ---: |" if right else " --- |" for right in self.numeric)
        lines = [f"| {' | '.join(self.titles)} |", f"|{rule}"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.rows)])


def number(value: Optional[float], digits: int = 1) -> str:
    """With so many digits behind the point, "-" for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def published(case: Case, dataset: str) -> Published:
    """The published figures of a case's network on a data set; empty ones where there are none."""
    return find_network(case.network).published.get(dataset, Published())


def setting(measurements: Sequence[Measurement]) -> str:
    """Where, when and how the measurements of one suite were taken."""
    parts = []
    for engine in dict.fromkeys(each.case.engine for each in measurements):
        chosen = [each for each in measurements if each.case.engine == engine]
        environment, configuration = chosen[0].record.environment, chosen[0].record.configuration
        dates = sorted({each.record.environment.date[:10] for each in chosen})
        version = environment.versions.get(configuration.engine, "")
        core = "no core of its own" if environment.core is None else f"core {environment.core}"
        name = "Paddle-Lite" if configuration.engine == "paddle-lite" else configuration.engine
        parts.append(
            f"{name} {version} on {environment.device} ({environment.cpu}, {environment.cores} cores), "
            f"{configuration.threads} thread{'s' * (configuration.threads > 1)}, {core}, "
            f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}"
        )
    rounds = sorted({len(each.rounds) for each in measurements})
    settings = measurements[0].settings
    counts = (
        f"rounds: {' to '.join(map(str, dict.fromkeys([rounds[0], rounds[-1]])))}",
        f"runs in each: {settings['repeats']}",
        f"images: {len(settings['images'])}",
    )
    counted = ", ".join(counts).capitalize()
    clock = CLOCKS[settings["clock"]]
    return f"Measured with {'; '.join(parts)}. {counted}; every turn is a process of its own. {clock}"


def case_table(measurements: Sequence[Measurement]) -> Table:
    """One row a case, the fastest first."""
    suite = SUITES[measurements[0].suite]
    ordered = sorted(measurements, key=lambda each: each.median())
    varies = {
        title: len({getattr(each.case, name) for each in ordered}) > 1
        for title, name in (
            ("size", "height"),
            ("engine", "engine"),
            ("numbers", "number_format"),
            ("active classes", "active_classes"),
        )
    }
    titles = ["network", *(title for title, shown in varies.items() if shown), "label map"]
    texts = len(titles)
    titles += [
        "end to end, ms", "spread", "network, ms", "label map, ms", "to the fastest", "pixels as float32", "classes",
        "memory, MB", "file, MB", "mIoU, published", "ms on Snapdragon 855, published",
    ]
    rows = []
    for each in ordered:
        facts = {
            "size": f"{each.case.width}x{each.case.height}",
            "engine": each.case.engine,
            "numbers": each.case.number_format,
            "active classes": str(each.case.active_classes),
        }
        figures = published(each.case, suite.dataset)
        rows.append(
            [
                find_network(each.case.network).title,
                *(facts[title] for title, shown in varies.items() if shown),
                LABEL_MAPS[each.case.label_map],
                number(each.median()),
                f"{100 * spread(each):.1f} %",
                number(network_ms(each, measurements)),
                number(label_map_ms(each, measurements), 2) + " (difference)" * (each.case.label_map in IN_GRAPH),
                number(ratio(each, ordered[0]), 2),
                _share(each.agreement),
                _span(each.record.classes_present),
                number(_mega(each.record.peak_memory_bytes), 0),
                number(_mega(each.record.configuration.bytes), 2),
                number(figures.miou, 2),
                published_latency(each.case, suite.dataset),
            ]
        )
    return Table(titles, [False] * texts + [True] * (len(titles) - texts), rows)


def network_ms(measurement: Measurement, others: Sequence[Measurement]) -> Optional[float]:
    """The network without its label map; where the graph makes that, what the "exact" case says of it."""
    if measurement.case.label_map not in IN_GRAPH:
        return measurement.median("network")
    exact = find(others, replace(measurement.case, label_map="exact"))
    return exact.median("network") if exact else None


def published_latency(case: Case, dataset: str) -> str:
    """With the size that it is of, where that is another."""
    figures = published(case, dataset)
    if figures.latency_ms is None:
        return "-"
    height, width = figures.latency_size
    return f"{figures.latency_ms:.1f}" + f" ({width}x{height})" * ((height, width) != (case.height, case.width))


def _share(agreement: Optional[float]) -> str:
    return "-" if agreement is None else f"{100 * agreement:.4f} %"


def _span(numbers: Sequence[int]) -> str:
    if not numbers:
        return "-"
    return " to ".join(map(str, dict.fromkeys([min(numbers), max(numbers)])))


def _mega(count: Optional[int]) -> Optional[float]:
    return None if count is None else count / 1e6


def network_table(measurements: Sequence[Measurement]) -> Table:
    """One row a network, its label maps side by side: what a README shows."""
    suite = SUITES[measurements[0].suite]
    chosen = [each for each in measurements if each.case.number_format == "float32" and each.case.engine != PHONE]
    by_network: Dict[str, Dict[str, Measurement]] = {}
    for each in chosen:
        by_network.setdefault(each.case.network, {})[each.case.label_map] = each
    rows = []
    for name, maps in sorted(by_network.items(), key=lambda item: min(each.median() for each in item[1].values())):
        exact = maps.get("exact")
        split = "-"
        if exact:
            split = f"{exact.median('network'):.0f} + {exact.median('label_map'):.1f}"
        some = next(iter(maps.values()))
        rows.append(
            [
                find_network(name).title,
                number(published(some.case, suite.dataset).miou, 2),
                split,
                *(number(maps[way].median(), 0) if way in maps else "-" for way in IN_GRAPH[::-1]),
                number(_mega((exact or some).record.peak_memory_bytes), 0),
                number(_mega((exact or some).record.configuration.bytes), 1),
            ]
        )
    titles = [
        "network", "mIoU, published", "network + exact label map, ms", "with VIM, ms", "with argmax, ms",
        "memory, MB", "`.nb`, MB",
    ]
    return Table(titles, [False] + [True] * 6, rows)


@dataclass(frozen=True)
class Claim:
    """Something that the project says of its networks, held against the measurements.

    Attributes:
        holds: None where the measurements do not tell.
        found: figures, and by how much they fall short.
    """

    statement: str
    holds: Optional[bool]
    found: str


def claims(measurements: Sequence[Measurement]) -> List[Claim]:
    """What is said of PP-MobileSeg, for float32 at 512x512 with 150 classes in Paddle-Lite on a host."""
    measurements = [each for each in measurements if each.case.number_format == "float32"]

    def of(network: str, label_map: str) -> Optional[Measurement]:
        return find(measurements, Case(network, 512, 512, 150, label_map))

    base, tiny = of("pp_mobileseg_base", "exact"), of("pp_mobileseg_tiny", "exact")
    found = _label_map_claims(measurements, ACTIVE_CLASSES, "PP-MobileSeg-Base with the exact label map")
    rivals = [
        each for each in measurements
        if each.case.label_map == "argmax" and each.case.network.startswith(("mobileseg_", "topformer_"))
    ]
    found.append(_ahead_claim("It is ahead of every MobileSeg and TopFormer with argmax", base, rivals))
    papers = [
        each for each in measurements if each.case.label_map == "argmax" or each.case.network == "pp_mobileseg_base"
    ]
    found.append(_ahead_claim("PP-MobileSeg-Tiny is ahead of everything with argmax, and of Base", tiny, papers))
    others = [each for each in measurements if each.case.network != "pp_mobileseg_tiny"]
    found.append(_ahead_claim("... and of every other network, whatever makes the labels of either", tiny, others))
    return [claim for claim in found if claim is not None]


def claims_by_classes(measurements: Sequence[Measurement]) -> List[Claim]:
    """The first two of `claims` for each number of classes that share an image."""
    numbers = sorted({each.case.active_classes for each in measurements})
    found = [
        _label_map_claims(measurements, number, f"{number} classes share an image: the exact label map on Base")
        for number in numbers
    ]
    return [claim for part in found for claim in part if claim is not None]


def _label_map_claims(measurements: Sequence[Measurement], active_classes: int, subject: str) -> List[Optional[Claim]]:
    exact, argmax, vim = (
        find(measurements, Case("pp_mobileseg_base", 512, 512, 150, label_map, active_classes=active_classes))
        for label_map in ("exact", "argmax", "vim")
    )
    return [
        _ratio_claim(f"{subject} takes at most 0.48 of its time with argmax", exact, argmax, 0.48),
        _ratio_claim("... and at most 0.75 of its time with VIM", exact, vim, 0.75),
    ]


def _ratio_claim(
    statement: str, one: Optional[Measurement], other: Optional[Measurement], bound: float
) -> Optional[Claim]:
    if one is None or other is None:
        return None
    seen = ratio(one, other)
    text = f"{seen:.3f}"
    if seen > bound:
        free = one.median("network") / other.median()
        text += f", {seen - bound:.3f} too much. "
        if free < 1:
            text += (
                f"The network alone takes {free:.3f} of that time, so with a label map that costs nothing the figure "
                f"would be {free:.3f}"
            )
        else:
            text += "Alone the network took longer than with its label map: the machine disturbed this measurement"
    return Claim(statement, seen <= bound, text)


def _ahead_claim(statement: str, one: Optional[Measurement], rivals: Sequence[Measurement]) -> Optional[Claim]:
    if one is None or not rivals:
        return None
    ratios = sorted(
        ((ratio(one, each), each) for each in rivals if ratio(one, each) is not None), key=lambda pair: -pair[0]
    )
    if not ratios:
        return None
    ahead = [pair for pair in ratios if pair[0] >= 1]
    if not ahead:
        seen, nearest = ratios[0]
        return Claim(statement, True, f"the nearest is {_name(nearest)}, {1 / seen:.2f} times its time")
    faster = "; ".join(
        f"{_name(each)} takes {100 * (1 - 1 / seen):.0f} % less ({number(each.median())} ms, of which the network "
        f"{number(each.median('network'))}, against {number(one.median())} and {number(one.median('network'))})"
        for seen, each in ahead
    )
    return Claim(statement, False, faster)


def _name(measurement: Measurement) -> str:
    return f"{find_network(measurement.case.network).title} with {LABEL_MAPS[measurement.case.label_map]}"


def claim_table(found: Sequence[Claim]) -> Table:
    """As a table."""
    words = {True: "yes", False: "no", None: "-"}
    return Table(
        ["statement", "holds", "measured"],
        [False] * 3,
        [[claim.statement, words[claim.holds], claim.found] for claim in found],
    )

