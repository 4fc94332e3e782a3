"""Runs the cases of a suite, taking turns, and keeps every turn as soon as it is taken."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from tqdm import tqdm

from paddleseg_mobileseg.deploy.android.bench import bench as phone_bench
from paddleseg_mobileseg.deploy.android.bench_binary import RunSettings
from paddleseg_mobileseg.deploy.android.predict import predict as phone_predict
from paddleseg_mobileseg.deploy.runtime.bench import LiteRun
from paddleseg_mobileseg.deploy.runtime.inputs import load_input
from paddleseg_mobileseg.deploy.runtime.records import Record, host_environment
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import write_text

from .cases import PHONE, Case
from .engines import check_engine, open_predictor
from .measurements import Measurement, from_row, join
from .models import Export, ModelFolder
from .results_file import ResultsFile


@dataclass(frozen=True)
class Settings:
    """How a suite is run.

    Attributes:
        rounds: turns of each case.
        repeats: recorded runs in a turn.
        warmup: runs before them, after one run of each image.
        core: what to bind to; None leaves that to the system.
        serial: of the phone; the only one if None.
        cool_down: seconds that a phone rests before a turn.
        clock: "wall", or "cpu" for the time that a process had its core, on a machine with other work.
    """

    rounds: int = 5
    repeats: int = 3
    warmup: int = 1
    core: Optional[int] = None
    serial: Optional[str] = None
    cool_down: float = 10.0
    clock: str = "wall"

    def check(self) -> None:
        """Refuse numbers that are out of range.

        Raises:
            InputError: one is.
        """
        for name, least in (("rounds", 1), ("repeats", 1), ("warmup", 0)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"--{name} takes a number of {least} or more, not {value}")
        if self.core is not None and self.core not in os.sched_getaffinity(0):
            cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
            raise InputError(f"--core {self.core} is none of those that this process may use ({cores})")


def run_suite(suite: str, cases: Sequence[Case], models: ModelFolder, results: ResultsFile, settings: Settings) -> None:
    """Measure what the results file does not hold yet, and leave one row a case in it.

    On the host a turn is a process of its own: it loads the model, runs each image once, warms up and measures.
    So a suite needs no more memory than its largest case, and can be stopped and taken up again after any turn.

    Args:
        suite: its name.
        cases: to take turns, in this order.
        models: where they are converted, for all of `cases`.
        results: gets a row a turn, and in the end a row a case.

    Raises:
        InputError: the file holds measurements of other models, settings or machines.
        ToolError: an engine failed.
    """
    settings.check()
    for engine in {case.engine for case in cases}:
        check_engine(engine, settings.clock)
    known = [from_row(row) for row in results.rows]
    _check_continues(known, suite, cases, models, settings)
    session = _Session(suite, models, results, settings)
    done = {(part.case.key, number) for part in known for number in part.rounds}
    host = [case for case in cases if case.engine != PHONE]
    turns = [
        (number, case) for number in range(settings.rounds) for case in host if (case.key, number) not in done
    ]
    with tqdm(turns, desc=suite, unit="turn", disable=None, leave=False) as progress:
        for number, case in progress:
            progress.set_postfix_str(f"{case.network} {case.label_map}")
            session.take_turn(case, number)
    session.measure_on_phone([case for case in cases if case.engine == PHONE and (case.key, 0) not in done])
    rows = [part.to_row() for part in join([from_row(row) for row in results.rows])]
    write_text(results.path, "".join(json.dumps(row) + "\n" for row in rows))


def _check_continues(
    known: Sequence[Measurement], suite: str, cases: Sequence[Case], models: ModelFolder, settings: Settings
) -> None:
    """Refuse to go on with a file of other measurements.

    Raises:
        InputError: the file's and the user's do not fit together.
    """
    chosen = {case.key: case for case in cases}
    cpu = host_environment({}).cpu
    for part in known:
        why = None
        if part.suite != suite:
            why = f"the suite {part.suite}"
        elif part.settings != _chosen(models, settings):
            why = "other --repeats, --warmup, --core, --clock or images"
        elif part.case.engine != PHONE and part.record.environment.cpu != cpu:
            why = f"another machine ({part.record.environment.cpu})"
        elif part.case.key in chosen:
            described = json.loads(Path(f"{models.model(part.case)}.json").read_text(encoding="utf-8"))
            if described["sha256"] != part.record.configuration.sha256:
                why = f"another {part.record.configuration.model}"
        if why:
            raise InputError(f"the results file holds measurements of {why}: choose another --output")


def _chosen(models: ModelFolder, settings: Settings) -> Dict[str, Any]:
    """The settings that all turns of a file have in common."""
    return {
        "warmup": settings.warmup,
        "repeats": settings.repeats,
        "core": settings.core,
        "clock": settings.clock,
        "images": [path.name for path in models.images],
    }


def _warn(message: str) -> None:
    tqdm.write(f"warning: {message}", file=sys.stderr)


class _Session:
    """Turns taken, and rows written."""

    def __init__(self, suite: str, models: ModelFolder, results: ResultsFile, settings: Settings):
        self._suite, self._models, self._results, self._settings = suite, models, results, settings

    def take_turn(self, case: Case, number: int) -> None:
        """Measure a case of this host once."""
        model = self._models.model(case)
        with open_predictor(case, model, self._settings.core, self._settings.clock) as predictor:
            batches = [load_input(path, predictor.metadata.input) for path in self._models.images]
            run = LiteRun(predictor, batches, f"{len(batches)} images")
            run.warm_up(self._settings.warmup)
            run.take_turn(self._settings.repeats)
            labels = [batch[0] for batch in run.labels]
            self._keep(case, [number], run.record(), self._agreement(case, labels))

    def measure_on_phone(self, cases: Sequence[Case]) -> None:
        """Measure cases on a phone, all of their rounds; what a lost phone leaves of a case is not kept."""
        if not cases:
            return
        agreements = {case: self._agreement_on_phone(case) for case in cases}
        by_name = {self._models.model(case).name: case for case in cases}
        records = phone_bench(
            [self._models.model(case) for case in cases],
            [self._settings.serial] if self._settings.serial else None,
            images=self._models.images,
            warmup=self._settings.warmup,
            repeats=self._settings.repeats * self._settings.rounds,
            rounds=self._settings.rounds,
            cool_down=self._settings.cool_down,
            settings=self._phone_settings(),
            warn=_warn,
        )
        for record in records:
            if record.configuration.rounds == self._settings.rounds:
                case = by_name[record.configuration.model]
                self._keep(case, list(range(self._settings.rounds)), record, agreements[case])

    def _agreement_on_phone(self, case: Case) -> float:
        found = phone_predict(
            self._models.model(case),
            self._models.images,
            self._settings.serial,
            settings=self._phone_settings(),
            warn=_warn,
        )
        return self._agreement(case, [prediction.labels for prediction in found])

    def _phone_settings(self) -> RunSettings:
        return RunSettings(cores=None if self._settings.core is None else [self._settings.core])

    def _agreement(self, case: Case, labels: Sequence[np.ndarray]) -> float:
        """Share of pixels that are labelled as by Paddle in float32, over all images."""
        expected = np.load(self._models.labels(Export.of(case)))
        return float(np.mean([np.mean(given == right) for given, right in zip(labels, expected)]))

    def _keep(self, case: Case, rounds: List[int], record: Record, agreement: float) -> None:
        chosen = _chosen(self._models, self._settings)
        self._results.append(Measurement(self._suite, case, rounds, record, agreement, chosen).to_row())
