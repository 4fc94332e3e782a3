"""What a suite declares, so that one harness runs, resumes, reports and compares all of them."""

import argparse
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.report.tables import Table

from .results import Result

Turn = Tuple[Any, int]
"""A case and the number of a round."""


@dataclass(frozen=True)
class Places:
    """Where a run may leave files.

    Attributes:
        models: folder of exports and conversions, kept from run to run.
        beside: folder of the results file's name, for logs and checkpoints.
        scratch: gone after the run.
    """

    models: Path
    beside: Path
    scratch: Path


class Measuring(ABC):
    """A suite with the user's choices: what takes its turns.

    Attributes:
        cases: to take turns, in this order within a round.
        settings: what all results of a file have in common: JSON.
    """

    cases: Sequence[Any]
    settings: Dict[str, Any]

    def prepare(self) -> None:
        """Make what the turns need and is missing, before the first of them."""

    @abstractmethod
    def take_turn(self, case: Any, number: int) -> Result:
        """Measure a case once, in a process of its own."""

    def measure(self, turns: Sequence[Turn], show: Callable[[str], None]) -> Iterator[Result]:
        """Take turns; each result is given as soon as it is there.

        Args:
            turns: round by round.
            show: called with what is measured next.
        """
        for case, number in turns:
            show(str(case))
            yield self.take_turn(case, number)

    def rounds_of(self, case: Any, rounds: int) -> int:
        """How many of the rounds a case takes part in, from the first on."""
        return rounds

    def conflict(self, known: Result) -> Optional[str]:
        """What a known result was measured of that this run would not measure; None if they go together."""
        return None


@dataclass(frozen=True)
class Figure:
    """The figure that a case is compared by.

    Attributes:
        title: what it is, with its unit.
        by_round: its value in each round.
        pattern: how a value is written.
        higher_is_better: of scores; not of times.
    """

    title: str
    by_round: Dict[int, float]
    pattern: str = "{:.1f}"
    higher_is_better: bool = False


@dataclass(frozen=True)
class Block:
    """A piece of a report under a heading.

    Attributes:
        content: a table, a sentence, or the <svg> of a plot.
        wide: its cells hold sentences, which may be broken.
    """

    heading: str
    content: Union[Table, str]
    wide: bool = False

    @property
    def is_plot(self) -> bool:
        return isinstance(self.content, str) and self.content.startswith("<svg")


@dataclass(frozen=True)
class Section:
    """What is said of one suite.

    Attributes:
        setting: where, when and how it was measured.
    """

    title: str
    question: str
    setting: str
    blocks: List[Block]


@dataclass(frozen=True)
class Suite(ABC):
    """A set of cases that answers one question.

    Attributes:
        name: by which it is run.
        question: what it answers, without a full stop.
        case_type: the dataclass of its cases, frozen; `str` of one is what a progress bar shows.
        reading: paragraphs on how to read its figures.
    """

    name: str
    question: str

    case_type: ClassVar[type]
    reading: ClassVar[Sequence[str]] = ()

    @property
    def asked(self) -> str:
        """The question as a sentence."""
        return f"{self.question[0].upper()}{self.question[1:]}."

    @abstractmethod
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what a user may choose, "--rounds" among it."""

    @abstractmethod
    def measuring(self, args: argparse.Namespace, places: Places) -> Measuring:
        """What measures the user's choice.

        Raises:
            InputError: a choice cannot be measured.
        """

    @abstractmethod
    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        """Tables and plots of results of this suite, of one device. Plots take most of the time."""

    @abstractmethod
    def figure(self, result: Result) -> Figure:
        """What a result is compared by."""

    @abstractmethod
    def columns(self, case: Any) -> Dict[str, str]:
        """What tells a case from others, as the first columns of a comparison."""


@dataclass(frozen=True)
class Timing:
    """How a suite is timed, unless the user says otherwise.

    Attributes:
        rounds: turns of each case.
        repeats: recorded runs in a turn.
        warmup: runs before them.
    """

    rounds: int = 5
    repeats: int = 3
    warmup: int = 1


CLOCKS = {
    "wall": "Times are wall-clock times.",
    "cpu": "Times are those that the process had its core, since the machine had other work beside it.",
}


def add_rounds(parser: argparse.ArgumentParser, rounds: int, what: str) -> None:
    """Add "--rounds", of which there must be 1 or more."""
    parser.add_argument("--rounds", type=int, default=rounds, help=f"{what} (default: %(default)s)")


def add_timing(parser: argparse.ArgumentParser, defaults: Timing) -> None:
    """Add the flags that `timing_settings` reads."""
    add_rounds(parser, defaults.rounds, "turns of each case")
    parser.add_argument("--repeats", type=int, default=defaults.repeats, help="runs in a turn (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=defaults.warmup, help="runs before them (default: %(default)s)")
    parser.add_argument("--core", type=int, help="bind to this core (default: this host's last; a phone's choice)")
    parser.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default="wall",
        help="cpu: count the time that a process had its core, on a machine with other work (default: %(default)s)",
    )


def add_networks(parser: argparse.ArgumentParser) -> None:
    """Add "--networks"."""
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="measure these only")


def timing_settings(args: argparse.Namespace, on_host: bool = True) -> Dict[str, Any]:
    """The user's "warmup", "repeats", "core" and "clock".

    On this host, the last core unless told otherwise: it is the one that a system gives the least of its own work.

    Raises:
        InputError: a number is out of range.
    """
    for name, least in (("repeats", 1), ("warmup", 0)):
        if getattr(args, name) < least:
            raise InputError(f"--{name} takes a number of {least} or more, not {getattr(args, name)}")
    core, own = args.core, sorted(os.sched_getaffinity(0))
    if on_host:
        core = own[-1] if core is None else core
        if core not in own:
            cores = ", ".join(map(str, own))
            raise InputError(f"--core {core} is none of those that this process may use ({cores})")
    return {"warmup": args.warmup, "repeats": args.repeats, "core": core, "clock": args.clock}
