"""What a suite declares, so that one harness runs, resumes, reports and compares all of them."""

import argparse
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from paddleseg_mobileseg.report.plot_style import Plot
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
        content: a table, a sentence, or a plot.
        wide: its cells hold sentences, which may be broken.
    """

    heading: str
    content: Union[Table, Plot, str]
    wide: bool = False

    @property
    def is_plot(self) -> bool:
        return isinstance(self.content, Plot)


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
