"""The suite of label maps: all ways on the same logits, through Paddle-Lite."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from paddleseg_mobileseg.errors import InputError

from ...flags import Timing, add_timing, timing_settings
from ...results import Result
from ...suite import Block, Figure, Measuring, Places, Section, Suite
from ...timed_turn import other_model, timed_turn
from .cases import WAYS, LabelMapCase
from .logits import SIZE, OfFile, Source, sources
from .report import QUESTIONS, plot, setting, tables
from .tails import model_of

_EXACT_RUNS = 10
"""Runs of an exact label map, which is short, for one of the others."""


@dataclass(frozen=True)
class LabelMapSuite(Suite):
    """Label maps of logits, without the network in front of them."""

    case_type = LabelMapCase

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--question", choices=tuple(QUESTIONS), help="measure one curve only")
        parser.add_argument(
            "--logits", nargs="+", type=Path, help=".npy files of logits [1, C, h, w] instead of the suite's own"
        )
        add_timing(parser, Timing(repeats=1))

    def measuring(self, args: argparse.Namespace, places: Places) -> "LabelMapMeasuring":
        chosen = [OfFile(path) for path in args.logits] if args.logits else sources()
        chosen = [source for source in chosen if args.question in (None, source.question)]
        if not chosen:
            raise InputError("the suite has no such logits; omit --question or --logits")
        return LabelMapMeasuring(self.name, chosen, (SIZE, SIZE), timing_settings(args), places.models)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        blocks = [Block(title, table) for title, table in tables(results).items()]
        if with_plots and any(result.case.stride for result in results):
            title = "Milliseconds of a label map over classes, classes present and pieces"
            blocks.insert(0, Block(title, plot(results)))
        return Section(self.name, self.asked, f"{setting(results)}.", blocks)

    def figure(self, result: Result) -> Figure:
        return Figure("label map, ms", result.medians("label_map_ms"), "{:.2f}")

    def columns(self, case: LabelMapCase) -> Dict[str, str]:
        return {"logits": case.logits, "label map": case.label_map}


class LabelMapMeasuring(Measuring):
    """A turn loads one way, warms up and measures.

    Args:
        suite: its name.
        chosen: what gives logits.
        size: height and width of the label maps.
        settings: as of `timing_settings`.
        models: folder of the conversions.
    """

    def __init__(
        self, suite: str, chosen: Sequence[Source], size: Tuple[int, int], settings: Dict[str, Any], models: Path
    ):
        self.suite, self.size, self.settings = suite, size, settings
        self.cases = [source.case(way) for source in chosen for way in WAYS]
        self._models = models
        self._sources = {source.case(way): source for source in chosen for way in WAYS}
        self._latest: Tuple[Optional[Source], Optional[np.ndarray], Optional[np.ndarray]] = (None, None, None)

    def conflict(self, known: Result) -> Optional[str]:
        return other_model(known, self._model(known.case))

    def take_turn(self, case: LabelMapCase, number: int) -> Result:
        logits, expected = self._fed(case)
        settings = self.settings
        with LitePredictor(self._model(case), settings["core"], settings["clock"]) as predictor:
            times = _EXACT_RUNS if case.label_map == "exact" else 1
            result, (labels,) = timed_turn(
                self.suite, case, number, predictor, [logits], case.logits, settings, times
            )
        # A graph that makes the labels holds nothing else.
        samples = result.samples if case.label_map == "exact" else {"label_map_ms": result.samples["network_ms"]}
        return replace(result, samples=samples, agreement=float(np.mean(labels == expected)))

    def _fed(self, case: LabelMapCase) -> Tuple[np.ndarray, np.ndarray]:
        """Logits, and their labels by interpolation and argmax in Paddle-Lite; kept for the ways that follow."""
        source = self._sources[case]
        if self._latest[0] != source:
            logits = source.logits()
            with LitePredictor(model_of("argmax", logits.shape, self.size, self._models)) as predictor:
                labels = predictor.metadata.output.labels(predictor.run(logits))
            self._latest = (source, logits, labels)
        return self._latest[1], self._latest[2]

    def _model(self, case: LabelMapCase) -> Path:
        return model_of(case.label_map, self._fed(case)[0].shape, self.size, self._models)
