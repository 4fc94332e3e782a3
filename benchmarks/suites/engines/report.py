"""The tables and the plot of engines side by side."""

from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from paddleseg_mobileseg.report.plot_style import BLUE, GREEN, INK, ORANGE
from paddleseg_mobileseg.report.tables import Table, cell, span

from ...results import WHOLE, Result, find
from ...suite import Block
from ..latency.cases import CONVERTED, PADDLE_LITE, find_network
from ..latency.measured import ratio
from ..latency.plots import Kinds, accuracy_plot
from ..latency.tables import LABEL_MAPS, case_table, published, turns_taken
from .cases import LABEL_MAP, NETWORK, EngineCase

LIMITS = {"float32": 4, "fp16": 8, "int8": 16}
"""Multiply-adds that one instruction of 64-bit ARM can do: the lanes of a vector, or of a dot product of int8."""

READING = (
    "Every engine runs the same exported program, converted for it, in float32 unless something else is said. "
    "Agreement is with Paddle in float32 and the exact label map, on one built-in scene. Random weights are calibrated "
    "as in the other suites; with them the classes of a pixel lie close together, and fewer bits change more labels "
    "than in a trained network.",
    "Instructions are those of one inference after another, one thread, counted by QEMU while it emulates a Cortex-A76 "
    "(the big core of a Snapdragon 855): they are the same on every machine, and they are no times. A core may do two "
    "or three of them at once, waits for memory in others, and two engines with equal counts may differ in both.",
    "Multiply-adds an instruction are those of the network over all its instructions. The limit is "
    "{float32} for float32 in NEON, {fp16} for half precision, {int8} for int8 with dot products; Winograd's "
    "convolutions need fewer multiply-adds than are counted here.".format(**LIMITS),
)

_TITLES = {name: engine.title for name, engine in CONVERTED.items()}
_BY_ENGINE = Kinds(
    "engine",
    lambda each: each.case.engine,
    _TITLES,
    dict(zip(CONVERTED, (INK, BLUE, GREEN, ORANGE, "#8a3f8f"))),
    dict(zip(CONVERTED, "osD^v")),
)


def host_section(results: Sequence[Result], dataset: str, with_plots: bool) -> Tuple[str, List[Block]]:
    """What was timed here: how, and tables, with the plot of accuracy against latency first."""
    blocks = []
    for threads in sorted({each.case.threads for each in results}):
        chosen = [each for each in results if each.case.threads == threads]
        exact = [each for each in chosen if each.case.label_map == "exact"]
        known = [each for each in exact if published(each.case, dataset).miou is not None]
        spoken = "one thread" if threads == 1 else f"{threads} threads"
        if known and with_plots:
            title = f"Latency against published mIoU, by engine, {spoken}"
            blocks.append(Block(title, accuracy_plot(known, dataset, _BY_ENGINE)))
        if exact:
            title = f"Network and exact label map, ms (share of Paddle-Lite's time), {spoken}"
            blocks.append(Block(title, time_table(exact)))
        if len(exact) < len(chosen):
            title = f"Exact label map: share of the time with the engine's own interpolation and argmax, {spoken}"
            blocks.append(Block(title, own_table(chosen, ratio)))
    blocks.append(Block("Conversion of the lowered network, seconds, and the file, MB", conversion_table(results)))
    blocks.append(Block("Every case", case_table(results, dataset)))
    environment = results[0].environment
    where = f"{environment.cpu}, {environment.cores} cores"
    return f"Timed in {_with_versions(results)} on {where}, {_dates(results)}. {turns_taken(results)}", blocks


def arm_section(results: Sequence[Result]) -> Tuple[str, List[Block]]:
    """What was counted: how, and tables."""
    full = [each for each in results if each.case.precision == "float32"]
    exact = [each for each in full if each.case.label_map == "exact"]
    blocks = [
        Block("Network, million instructions on ARM, which are no times", count_table(exact)),
        Block(f"Multiply-adds an instruction (limit {LIMITS['float32']})", rate_table(exact)),
    ]
    half = [each for each in results if each.case.precision == "fp16"]
    if half:
        title = "Network in half precision, million instructions (multiply-adds an instruction, limit"
        blocks.append(Block(f"{title} {LIMITS['fp16']})", count_table(half, with_rate=True)))
    if len(exact) < len(full):
        title = "Exact label map: share of the instructions with the engine's own interpolation and argmax"
        blocks.append(Block(title, own_table(full, _instructions_ratio)))
    blocks.append(Block("Every case on ARM", counted_cases(results)))
    return _counted_with(results), blocks


def _counted_with(results: Sequence[Result]) -> str:
    case, environment = results[0].case, results[0].environment
    own = " Paddle-Lite's library for 64-bit ARM is in no registry: it is one of our own."
    return (
        f"Counted in {_with_versions(results)} on {environment.cpu} {environment.versions['qemu']}, one thread, at "
        f"{case.width}x{case.height} with {case.num_classes} classes, {_dates(results)}."
        f"{own if PADDLE_LITE in _engines(results) else ''}"
    )


def _with_versions(results: Sequence[Result]) -> str:
    """The engines, each with its version."""
    versions: Dict[str, str] = {}
    for each in results:
        versions.update(each.environment.versions)
    return ", ".join(f"{_TITLES[name]} {versions[name]}" for name in _engines(results))


def _dates(results: Sequence[Result]) -> str:
    return span([each.environment.date[:10] for each in results])


def overview(setting: str, blocks: Sequence[Block]) -> str:
    """What was measured and how, as Markdown, without the rows of every case."""
    shown = [f"{block.heading}:\n\n{block.content.markdown()}" for block in blocks[:-1]]
    return "\n\n".join([setting, *shown])


def whole_instructions(result: Result) -> float:
    """From the image to the label map."""
    return sum(result.scores[name][0] for name in (NETWORK, LABEL_MAP) if name in result.scores)


def _engines(results: Sequence[Result]) -> List[str]:
    """Those that there are results of, in the order in which they are declared."""
    return [name for name in CONVERTED if any(each.case.engine == name for each in results)]


def _pivot(
    results: Sequence[Result],
    text: Callable[[EngineCase], Optional[str]],
    order: Callable[[List[Result]], float],
    further: Dict[str, Callable[[Result], str]],
) -> Table:
    """A row a network, a column an engine.

    Args:
        results: one of each.
        text: what stands in the cell of a case; None where there is nothing to say.
        order: of the results of a network, what rows are sorted by.
        further: columns after the network's name, by their titles.
    """
    engines = _engines(results)
    networks: Dict[str, List[Result]] = {}
    for each in results:
        networks.setdefault(each.case.network, []).append(each)
    rows = [
        [
            find_network(name).title,
            *(column(networks[name][0]) for column in further.values()),
            *(text(replace(networks[name][0].case, engine=engine)) or "-" for engine in engines),
        ]
        for name in sorted(networks, key=lambda name: order(networks[name]))
    ]
    titles = ["network", *further, *(_TITLES[engine] for engine in engines)]
    return Table("l" + "r" * (len(titles) - 1), titles, rows)


def time_table(results: Sequence[Result]) -> Table:
    """Milliseconds of network and exact label map by engine, the fastest network first.

    Args:
        results: of one number of threads and one label map.
    """

    def text(case: EngineCase) -> Optional[str]:
        result, base = find(results, case), find(results, replace(case, engine=PADDLE_LITE))
        if result is None:
            return None
        share = ratio(result, base) if base else None
        return f"{result.median(*WHOLE):.1f} ({cell(share, '{:.2f}')})"

    return _pivot(results, text, lambda found: min(each.median(*WHOLE) for each in found), {})


def conversion_table(results: Sequence[Result]) -> Table:
    """How long each engine's converter took with the exact label map, and the model's size, the smallest first."""
    kept: Dict[EngineCase, Result] = {}
    for each in results:
        if each.case.label_map == "exact" and "conversion_seconds" in each.details:
            kept.setdefault(replace(each.case, threads=1), each)

    def text(case: EngineCase) -> Optional[str]:
        found = kept.get(case)
        return found and f"{found.details['conversion_seconds']:.1f} s, {found.details['bytes'] / 1e6:.2f}"

    once = [replace(each, case=case) for case, each in kept.items()]
    return _pivot(once, text, lambda found: found[0].details["bytes"], {})


def count_table(results: Sequence[Result], with_rate: bool = False) -> Table:
    """Million instructions of the network alone by engine, the network of the fewest multiply-adds first.

    Args:
        results: of one precision and label map.
        with_rate: say also how many multiply-adds an instruction does.
    """

    def text(case: EngineCase) -> Optional[str]:
        result = find(results, case)
        if result is None:
            return None
        return f"{result.scores[NETWORK][0] / 1e6:.1f}" + (f" ({_rate(result)})" if with_rate else "")

    return _pivot(results, text, _multiply_adds, _MULTIPLY_ADDS)


def rate_table(results: Sequence[Result]) -> Table:
    """Multiply-adds an instruction of the network alone by engine."""

    def text(case: EngineCase) -> Optional[str]:
        result = find(results, case)
        return result and _rate(result)

    return _pivot(results, text, _multiply_adds, _MULTIPLY_ADDS)


_MULTIPLY_ADDS = {"multiply-adds, G": lambda result: f"{result.details['multiply_adds'] / 1e9:.2f}"}


def _multiply_adds(results: List[Result]) -> float:
    return results[0].details["multiply_adds"]


def _rate(result: Result) -> str:
    return f"{result.details['multiply_adds'] / result.scores[NETWORK][0]:.2f}"


def own_table(results: Sequence[Result], share: Callable[[Result, Result], Optional[float]]) -> Table:
    """What the exact label map costs as a share of the engine's own, both with the network, by engine.

    Args:
        results: of both label maps and one number of threads.
        share: of one result in another.
    """
    both = [each for each in results if each.case.label_map == "exact" and find(results, _own(each.case))]

    def text(case: EngineCase) -> Optional[str]:
        ours, own = find(both, case), find(results, _own(case))
        return cell(share(ours, own), "{:.2f}") if ours and own else None

    order = [each.case.network for each in both]
    return _pivot(both, text, lambda found: order.index(found[0].case.network), {})


def _own(case: EngineCase) -> EngineCase:
    return replace(case, label_map="argmax")


def _instructions_ratio(one: Result, other: Result) -> Optional[float]:
    return whole_instructions(one) / whole_instructions(other)


def counted_cases(results: Sequence[Result]) -> Table:
    """A row a case: network and label map apart, how many multiply-adds an instruction does, labels and file."""
    rows = []
    for each in sorted(results, key=lambda each: (_multiply_adds([each]), whole_instructions(each))):
        exact = find(results, replace(each.case, label_map="exact"))
        network = exact.scores[NETWORK][0] if exact else None
        label_map = whole_instructions(each) - network if network else None
        rows.append(
            [
                find_network(each.case.network).title,
                _TITLES[each.case.engine],
                LABEL_MAPS[each.case.label_map],
                each.case.precision,
                cell(network and network / 1e6),
                cell(label_map and label_map / 1e6) + " (difference)" * (each is not exact),
                f"{whole_instructions(each) / 1e6:.1f}",
                _rate(each) if each is exact else "-",
                f"{100 * each.agreement:.4f} %",
                f"{each.details['bytes'] / 1e6:.2f}",
            ]
        )
    titles = [
        "network", "engine", "label map", "computes in", "network, M instructions", "label map, M", "whole, M",
        "multiply-adds an instruction", "pixels as float32", "file, MB",
    ]  # fmt: skip
    return Table("llllrrrrrr", titles, rows)
