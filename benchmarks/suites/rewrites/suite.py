"""The suite of rewrites: each network as it was exported and rewritten, in turn."""

import argparse
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from paddleseg_mobileseg.deploy.runtime.predictor import HOST_TARGET, LitePredictor
from paddleseg_mobileseg.deploy.runtime.stats import within_rounds
from paddleseg_mobileseg.models.zoo import MODELS, find_model
from paddleseg_mobileseg.report.tables import Table, cell

from ...emulated_arm.paddle_lite import EmulatedLite, build_program, find_library
from ...emulated_arm.qemu import Emulator
from ...flags import CLOCKS, Timing, add_networks, add_timing, timing_settings
from ...images import built_in_images, read_images
from ...results import Result, find
from ...suite import Block, Figure, Measuring, Places, Section, Suite
from ...timed_turn import timed_turn
from ..latency.models import Export, ModelFolder
from .models import Pair, convert_pair, facts_of

_READING = (
    "A network as it was exported and the same one rewritten took turns on one thread; the ratio is the median of the "
    "ratios within each round, of the network without the label map. Instructions are those of one inference in "
    "Paddle-Lite's library for 64-bit ARM under QEMU, which counts them; they are no times. Labels are held against "
    "those of the program as it was exported, computed by Paddle in double precision.",
)


@dataclass(frozen=True)
class RewriteCase:
    """A network, rewritten or not.

    Attributes:
        network: its name in the zoo.
        height, width: of the input.
        num_classes: of the logits.
        trained: whether its weights were given, and not random.
    """

    network: str
    height: int
    width: int
    num_classes: int
    trained: bool
    rewritten: bool

    def __str__(self) -> str:
        return f"{self.network} {'rewritten' if self.rewritten else 'as exported'}"


@dataclass(frozen=True)
class RewritesSuite(Suite):
    """Networks at one size, or exports as they are.

    Attributes:
        size: height and width.
        num_classes: of the logits.
    """

    size: Sequence[int]
    num_classes: int

    case_type = RewriteCase
    reading = _READING

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_networks(parser)
        parser.add_argument(
            "--exports", type=Path, help="a folder with an exported folder for each network, trained, by its name"
        )
        add_timing(parser, Timing())

    def measuring(self, args: argparse.Namespace, places: Places) -> "RewritesMeasuring":
        names = args.networks or [model.name for model in MODELS]
        facts = {
            find_model(name).name: facts_of(args.exports / name) if args.exports else (*self.size, self.num_classes)
            for name in names
        }
        cases = [
            RewriteCase(name, *shape, args.exports is not None, rewritten)
            for name, shape in facts.items()
            for rewritten in (False, True)
        ]
        return RewritesMeasuring(self.name, cases, timing_settings(args), places, args.exports)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        return Section(self.name, self.asked, _setting(results), [Block("Every network", rewrite_table(results))])

    def figure(self, result: Result) -> Figure:
        return Figure("network, ms", result.medians("network_ms"))

    def columns(self, case: RewriteCase) -> Dict[str, str]:
        return {"network": f"`{case.network}`", "program": "rewritten" if case.rewritten else "as exported"}


class RewritesMeasuring(Measuring):
    """A turn loads one of the two, runs it once, warms up and measures; the first one runs it on the emulated core too.

    Args:
        suite: its name.
        cases: both of each network.
        settings: as of `timing_settings`.
        places: where files may be left.
        exports: folder of exports to use instead of random weights.
    """

    def __init__(
        self,
        suite: str,
        cases: Sequence[RewriteCase],
        settings: Dict[str, Any],
        places: Places,
        exports: Optional[Path] = None,
    ):
        self.suite, self.cases, self.settings = suite, cases, settings
        self._scratch, self._exports = places.scratch, exports
        self._images = built_in_images(places.models / "images", 1)
        self._folder = ModelFolder(places.models, self._images)
        self._pairs: Dict[RewriteCase, Pair] = {}
        self._arm: Optional[EmulatedLite] = None

    def prepare(self) -> None:
        library = find_library()
        if library:
            program, runs = (self._scratch / name for name in ("program", "runs"))
            runs.mkdir()
            self._arm = EmulatedLite(build_program(library, program), Emulator(runs), runs)

    def take_turn(self, case: RewriteCase, number: int) -> Result:
        pair, batch, settings = self._pair(case), self._batch(case), self.settings
        converted = pair.converted[case.rewritten]
        with LitePredictor(converted.models[HOST_TARGET], settings["core"], settings["clock"]) as predictor:
            metadata = predictor.metadata
            result, (labels,) = timed_turn(
                self.suite, case, number, predictor, [batch], self._images[0].name, settings
            )
        details = {**result.details, "ops": converted.ops, "passes": converted.passes}
        if self._arm and number == 0:
            output, instructions = self._arm.run(converted.models["arm"], batch)
            agreement = float(np.mean(metadata.output.labels(output) == pair.labels))
            details["arm"] = {"instructions": instructions, "agreement": agreement}
        return replace(result, agreement=float(np.mean(labels == pair.labels)), details=details)

    def _pair(self, case: RewriteCase) -> Pair:
        """Converted in the first turn of a network."""
        key = replace(case, rewritten=False)
        if key not in self._pairs:
            if self._exports:
                exported = self._exports / case.network
            else:
                # As many classes as there are can win.
                export = Export(case.network, case.height, case.width, case.num_classes, case.num_classes)
                exported = self._folder.make_export(export)
            targets = (HOST_TARGET, "arm") if self._arm else (HOST_TARGET,)
            self._pairs[key] = convert_pair(exported, self._scratch / case.network, self._batch(case), targets)
        return self._pairs[key]

    def _batch(self, case: RewriteCase) -> np.ndarray:
        return read_images(self._images, case.height, case.width)


def rewrite_table(results: Sequence[Result]) -> Table:
    """A row for each network that was measured both ways."""
    rows: List[List[str]] = []
    for after in results:
        before = find(results, replace(after.case, rewritten=False))
        if not after.case.rewritten or before is None:
            continue
        pair = (before, after)
        counts = [each.details["ops"] for each in pair]
        arm = [each.details.get("arm", {}) for each in pair]
        millions = [each["instructions"] / 1e6 if each else None for each in arm]
        rows.append(
            [
                find_model(after.case.network).title,
                f"{after.case.width}x{after.case.height}, {after.case.num_classes} classes",
                "trained" if after.case.trained else "random",
                " -> ".join(str(sum(each.values())) for each in counts),
                _changes(*counts),
                *(f"{each.median('network_ms'):.1f}" for each in pair),
                cell(within_rounds(after.medians("network_ms"), before.medians("network_ms")), "{:.3f}"),
                *(cell(each, "{:.1f}") for each in millions),
                cell(millions[1] / millions[0] if all(millions) else None, "{:.3f}"),
                *(f"{100 * each.agreement:.4f}" for each in pair),
                *(cell(100 * each["agreement"] if each else None, "{:.4f}") for each in arm),
            ]
        )
    titles = [
        "network", "input", "weights", "operations", "kinds that changed", "ms here, as exported", "rewritten", "ratio",
        "million instructions on ARM, as exported", "rewritten", "ratio", "labels as in double precision here, %",
        "rewritten", "on ARM, %", "rewritten",
    ]  # fmt: skip
    return Table("lllll" + "r" * (len(titles) - 5), titles, rows)


def _changes(before: Dict[str, int], after: Dict[str, int]) -> str:
    """The kinds of operations of which there are more or fewer, the largest change first."""
    changed = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in {**before, **after}}
    kinds = sorted((kind for kind, change in changed.items() if change), key=lambda kind: (-abs(changed[kind]), kind))
    return ", ".join(f"{kind} {before.get(kind, 0)} -> {after.get(kind, 0)}" for kind in kinds)


def _setting(results: Sequence[Result]) -> str:
    """Where, when and how."""
    first = results[0]
    environment = first.environment
    samples = statistics.median(len(turn) for turn in first.samples["network_ms"])
    return (
        f"Measured on {environment.device} ({environment.cpu}), {environment.date[:10]}: {len(first.rounds)} rounds of "
        f"{samples:g} runs, float32, one thread. {CLOCKS[first.settings['clock']]}"
    )
