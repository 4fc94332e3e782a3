"""The suite that trains every network of the table: a round is a seed."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Sequence

from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.zoo import MODELS, find_model
from paddleseg_mobileseg.report.tables import Table

from ...flags import add_networks, add_rounds
from ...results import Result
from ...suite import Block, Figure, Measuring, Places, Section, Suite
from .training import batch_and_size, train_and_score

_FEWEST = 10


@dataclass(frozen=True)
class ZooTrainingCase:
    """A network trained for some iterations.

    Attributes:
        network: its name in the zoo.
        iters: iterations.
        batch: images in an iteration.
        height, width: of the scenes.
    """

    network: str
    iters: int
    batch: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.network}, {self.iters} iterations"


@dataclass(frozen=True)
class ZooTrainingSuite(Suite):
    """Every network of the zoo, trained the same way on scenes.

    Attributes:
        iters: unless the user says otherwise.
    """

    iters: int

    case_type = ZooTrainingCase

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_networks(parser)
        parser.add_argument("--iters", type=int, default=self.iters, help="iterations (default: %(default)s)")
        add_rounds(parser, 1, "how many seeds of weights and order, from 0 on")

    def measuring(self, args: argparse.Namespace, places: Places) -> "ZooTrainingMeasuring":
        if args.iters < _FEWEST:
            raise InputError(f"--iters {args.iters}: a network needs {_FEWEST} iterations or more to show anything")
        models = [find_model(name) for name in args.networks] if args.networks else MODELS
        batch, (height, width) = batch_and_size()
        cases = [ZooTrainingCase(model.name, args.iters, batch, height, width) for model in models]
        return ZooTrainingMeasuring(self.name, cases, places.beside)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        case = results[0].case
        setting = f"Batches of {case.batch} scenes of {case.width}x{case.height}, on a CPU."
        return Section(self.name, self.asked, setting, [Block("Every network", training_table(results))])

    def figure(self, result: Result) -> Figure:
        return Figure("mIoU", result.by_round("miou"), "{:.4f}", higher_is_better=True)

    def columns(self, case: ZooTrainingCase) -> Dict[str, str]:
        return {"network": f"`{case.network}`", "iterations": str(case.iters)}


class ZooTrainingMeasuring(Measuring):
    """A turn trains a network from random weights and scores the last iteration.

    Args:
        suite: its name.
        cases: to train.
        folder: gets a folder for each turn, with its config, logs and checkpoint.
    """

    def __init__(self, suite: str, cases: Sequence[ZooTrainingCase], folder: Path):
        self.suite, self.cases, self.settings = suite, cases, {}
        self._folder = folder

    def take_turn(self, case: ZooTrainingCase, number: int) -> Result:
        folder = self._folder / f"{case.network}_{case.iters}_{number}"
        found = train_and_score(find_model(case.network), folder, case.iters, number)
        return Result(
            suite=self.suite,
            case=case,
            rounds=[number],
            environment=host_environment(versions()),
            settings=self.settings,
            samples={"loss": [found["loss"]]},
            scores={name: [found[name]] for name in ("miou", "accuracy", "chance", "training_s")},
        )


def training_table(results: Sequence[Result]) -> Table:
    """A row for each network and seed, in the order of the zoo."""
    order = {model.name: index for index, model in enumerate(MODELS)}
    ordered = sorted(results, key=lambda each: (order.get(each.case.network, len(order)), each.case.iters))
    rows = [row for result in ordered for _, row in sorted(_rows(result).items())]
    titles = [
        "model", "iterations", "mIoU", "best constant answer", "accuracy", "loss, first and last", "training"
    ]
    return Table("lrrrrrr", titles, rows)


def _rows(result: Result) -> Dict[int, Sequence[Any]]:
    rows = {}
    for place, number in enumerate(result.rounds):
        scores = {name: values[place] for name, values in result.scores.items()}
        loss = result.samples["loss"][place]
        rows[number] = [
            f"`{result.case.network}`",
            str(result.case.iters),
            *(f"{scores[name]:.4f}" for name in ("miou", "chance", "accuracy")),
            f"{loss[0]:.2f}, {loss[-1]:.2f}" if loss else "-",
            f"{scores['training_s']:.0f} s",
        ]
    return rows
