"""The suite of training speed: networks in both implementations, what takes a turn, and the table."""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import numpy as np
import paddle

from paddleseg_mobileseg.checkpoints.published_names import published_names
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.deploy.runtime.stats import within_rounds
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.errors import InputError, near
from paddleseg_mobileseg.models.zoo import build_model, find_model
from paddleseg_mobileseg.processes.worker import Worker
from paddleseg_mobileseg.report.tables import Table, cell

from ...flags import CLOCKS, Timing, add_networks, add_timing, timing_settings
from ...results import Result, find
from ...suite import Block, Figure, Measuring, Places, Section, Suite

IMPLEMENTATIONS = {"plugin": "this plugin", "paddleseg": "PaddleSeg"}
_WORKER = Path(__file__).with_name("worker.py")
_TIMEOUT = 1800


@dataclass(frozen=True)
class TrainingCase:
    """Steps of a network in one implementation.

    Attributes:
        network: its name in the zoo.
        implementation: one of `IMPLEMENTATIONS`.
        height, width: of the images.
        num_classes: of the logits.
        batch: images in a step.
    """

    network: str
    implementation: str
    height: int
    width: int
    num_classes: int
    batch: int

    def __str__(self) -> str:
        return f"{self.network} of {IMPLEMENTATIONS[self.implementation]}"


@dataclass(frozen=True)
class TrainingSuite(Suite):
    """Networks that PaddleSeg has an implementation of, too.

    Attributes:
        networks: their names.
        height, width, num_classes, batch: as of `TrainingCase`.
    """

    networks: Sequence[str]
    height: int
    width: int
    num_classes: int
    batch: int

    case_type = TrainingCase

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_networks(parser)
        add_timing(parser, Timing())

    def measuring(self, args: argparse.Namespace, places: Places) -> "TrainingMeasuring":
        networks = args.networks or self.networks
        for name in networks:
            if name not in self.networks:
                raise InputError(
                    f"PaddleSeg has no {name} of its own to compare with{near(name, self.networks)}; choose from "
                    f"{', '.join(self.networks)}"
                )
        cases = [
            TrainingCase(name, implementation, self.height, self.width, self.num_classes, self.batch)
            for name in networks
            for implementation in IMPLEMENTATIONS
        ]
        return TrainingMeasuring(self.name, cases, timing_settings(args), places.scratch)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        return Section(self.name, self.asked, _setting(results), [Block("Every case", training_table(results))])

    def figure(self, result: Result) -> Figure:
        return Figure("a step, ms", result.medians("step_ms"), "{:.0f}")

    def columns(self, case: TrainingCase) -> Dict[str, str]:
        return {"network": f"`{case.network}`", "of": IMPLEMENTATIONS[case.implementation]}


class TrainingMeasuring(Measuring):
    """A turn is a process that takes some steps and ends.

    Args:
        suite: its name.
        cases: to measure, of one size and batch.
        settings: as of `timing_settings`.
        folder: for weights and images, which are the same for all.
    """

    def __init__(self, suite: str, cases: Sequence[TrainingCase], settings: Dict[str, Any], folder: Path):
        self.suite, self.cases, self.settings = suite, cases, settings
        self._folder = folder

    def prepare(self) -> None:
        _write_batch(self.cases[0], self._folder / "batch.npz")
        for name, num_classes in {(case.network, case.num_classes) for case in self.cases}:
            _write_checkpoint(name, num_classes, self._folder / f"{name}.pdparams")

    def take_turn(self, case: TrainingCase, number: int) -> Result:
        options = {
            "network": case.network,
            "implementation": case.implementation,
            "checkpoint": str(self._folder / f"{case.network}.pdparams"),
            "batch": str(self._folder / "batch.npz"),
            "num_classes": case.num_classes,
            **self.settings,
        }
        command = [sys.executable, str(_WORKER), json.dumps(options)]
        with Worker(command, f"training of {case.network}", _TIMEOUT) as worker:
            answer = worker.greeting
        return Result(
            suite=self.suite,
            case=case,
            rounds=[number],
            environment=host_environment({"paddle": paddle.__version__, **versions()}, self.settings["core"]),
            settings=self.settings,
            samples={"step_ms": [answer["step_ms"]], "loss": [answer["losses"]]},
        )


def _write_batch(case: TrainingCase, path: Path) -> None:
    scenes = SyntheticScenes(size=(case.height, case.width), count=case.batch)
    images, labels = zip(*(scenes.scene(index) for index in range(case.batch)))
    normalised = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    np.savez(path, images=normalised, labels=np.stack(labels).astype(np.int64))


def _write_checkpoint(name: str, num_classes: int, path: Path) -> None:
    """Random weights under PaddleSeg's names."""
    paddle.seed(0)
    state = build_model(name, num_classes).state_dict()
    names = published_names(state)["paddleseg"]
    paddle.save({names[own]: tensor for own, tensor in state.items()}, str(path))


def images_per_second(result: Result) -> float:
    """Median over the rounds."""
    return statistics.median(result.case.batch * 1e3 / ms for ms in result.medians("step_ms").values())


def _setting(results: Sequence[Result]) -> str:
    """Where, when and how."""
    environment, settings, case = results[0].environment, results[0].settings, results[0].case
    return (
        f"Measured with Paddle {environment.versions['paddle']} on {environment.device} ({environment.cpu}), "
        f"core {settings['core']}, {environment.date[:10]}: {len(results[0].rounds)} rounds of {settings['repeats']} "
        f"steps with {case.batch} images of {case.width}x{case.height}, {case.num_classes} classes, "
        "cross entropy and AdamW, the same weights and images for both, nothing dropped. "
        f"{CLOCKS[settings['clock']]}"
    )


def training_table(results: Sequence[Result]) -> Table:
    """One row a network and implementation; ratios are within rounds, to PaddleSeg's own."""
    rows = []
    for result in results:
        losses = result.samples["loss"][0]
        rows.append(
            [
                find_model(result.case.network).title,
                IMPLEMENTATIONS[result.case.implementation],
                f"{images_per_second(result):.2f}",
                f"{result.median('step_ms'):.0f}",
                cell(_speed_ratio(result, results), "{:.2f}"),
                *(f"{loss:.6f}" for loss in (losses[0], losses[-1])),
            ]
        )
    titles = ["network", "of", "images a second", "a step, ms", "speed over PaddleSeg's", "first loss", "last loss"]
    return Table("llrrrrr", titles, rows)


def _speed_ratio(result: Result, others: Sequence[Result]) -> Optional[float]:
    stock = find(others, replace(result.case, implementation="paddleseg"))
    return within_rounds(stock.medians("step_ms"), result.medians("step_ms")) if stock else None
