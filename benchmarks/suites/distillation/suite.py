"""The suite of distillation: a teacher, students with it and without it by seed, and the time that they save."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from paddleseg_mobileseg.deploy.runtime.inputs import load_input, source_name
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.errors import InputError

from ...flags import Timing, add_timing, timing_settings
from ...results import WHOLE, Result
from ...suite import Block, Figure, Measuring, Places, Section, Suite
from ...timed_turn import other_model, timed_turn
from .cases import LATENCY, STUDENTS, TEACHER, DistillationCase
from .latency import model_of
from .report import gain, latency_table, score_table
from .training import case_of, checkpoint_of, train_and_score

_TIMING = Timing(rounds=3, repeats=30, warmup=20)


@dataclass(frozen=True)
class DistillationSuite(Suite):
    """A round of the students is a seed; the teacher has one.

    Attributes:
        trained: the runs that are trained, the teacher before its students.
        timed: network, classes, and the whole image's height and width, each timed on whole and on halved images.
    """

    timed: Sequence[Tuple[str, int, Tuple[int, int]]]
    trained: Sequence[str] = (TEACHER, *STUDENTS)

    case_type = DistillationCase

    def cases(self) -> List[DistillationCase]:
        """The trainings, the teacher first, and then what is timed."""
        timed = [
            DistillationCase(LATENCY, network, classes, *whole, scale)
            for network, classes, whole in self.timed
            for scale in (1.0, 0.5)
        ]
        return [*(case_of(run) for run in self.trained), *timed]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_timing(parser, _TIMING)

    def measuring(self, args: argparse.Namespace, places: Places) -> "DistillationMeasuring":
        return DistillationMeasuring(self.name, self.cases(), timing_settings(args), places)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        said = gain(results)
        blocks = [
            Block("Scores on whole scenes that training never saw", score_table(results)),
            *([Block("Seed by seed", said)] if said else []),
            Block("What the reduced image saves", latency_table(results)),
        ]
        blocks = [block for block in blocks if isinstance(block.content, str) or block.content.rows]
        return Section(self.name, self.asked, "On a CPU; a round is a seed.", blocks)

    def figure(self, result: Result) -> Figure:
        if result.case.run == LATENCY:
            return Figure("end to end, ms", result.medians(*WHOLE))
        return Figure("mIoU", result.by_round("miou"), "{:.4f}", higher_is_better=True)

    def columns(self, case: DistillationCase) -> Dict[str, str]:
        height, width = case.seen
        return {"run": case.run, "network": f"`{case.network}`", "input": f"{width}x{height}"}


class DistillationMeasuring(Measuring):
    """A turn trains and scores a network, or times one.

    Args:
        suite: its name.
        cases: to measure, the teacher before the students.
        settings: as of `timing_settings`.
        places: where checkpoints and conversions go.
    """

    def __init__(self, suite: str, cases: Sequence[DistillationCase], settings: Dict[str, Any], places: Places):
        self.suite, self.cases, self.settings = suite, cases, settings
        self._folder, self._models = places.beside, places.models

    def rounds_of(self, case: DistillationCase, rounds: int) -> int:
        return 1 if case.run == TEACHER else rounds

    def conflict(self, known: Result) -> Optional[str]:
        return other_model(known, model_of(known.case, self._models)) if known.case.run == LATENCY else None

    def take_turn(self, case: DistillationCase, number: int) -> Result:
        return self._time(case, number) if case.run == LATENCY else self._train(case, number)

    def _train(self, case: DistillationCase, seed: int) -> Result:
        teacher = checkpoint_of(self._folder_of(TEACHER, 0)).resolve()
        if case.run != TEACHER and not teacher.is_file():
            raise InputError(f"the teacher {teacher} is gone; give another --output to begin anew")
        found = train_and_score(case.run, seed, self._folder_of(case.run, seed), teacher)
        return Result(
            suite=self.suite,
            case=case,
            rounds=[seed],
            environment=host_environment(versions()),
            settings=self.settings,
            samples={},
            scores={name: [found[name]] for name in ("miou", "accuracy", "training_s")},
            details={name: found[name] for name in ("scenes", "weights", "teacher_sha256")},
        )

    def _time(self, case: DistillationCase, number: int) -> Result:
        settings = self.settings
        with LitePredictor(model_of(case, self._models), settings["core"], settings["clock"]) as predictor:
            batch, fed = load_input(0, predictor.metadata.input), source_name(0)
            result, _ = timed_turn(self.suite, case, number, predictor, [batch], fed, settings)
        return result

    def _folder_of(self, run: str, seed: int) -> Path:
        return self._folder / (TEACHER if run == TEACHER else f"{run}_{seed}")
