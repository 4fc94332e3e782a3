"""What the layouts of data sets have in common: samples, and labels that become maps of class numbers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np

from ..classes import Classes
from .entries import Entry

IGNORED = 255
"""What a label says where nothing is known."""

MOST_CLASSES = 255
"""An index PNG of eight bits has a number for each, and one for what is not known."""


@dataclass(frozen=True)
class Sample:
    """A picture and its label.

    Attributes:
        image: the picture's file.
        label: the file of the label, or what a message should name in its place.
        part: "train", "val" or "test"; "" where the layout does not say.
        drawn: what the label is drawn from, where it is no picture.
    """

    image: Path
    label: Path
    part: str = ""
    drawn: Any = None


@dataclass(frozen=True)
class Wish:
    """What the user says of the labels.

    Attributes:
        entries: classes in their order; None where the data decide.
        void: numbers, colours (#rrggbb) and names of what is not to be learnt.
        template: where a list of the found colours may be written.
    """

    entries: Optional[Tuple[Entry, ...]] = None
    void: Tuple[str, ...] = ()
    template: Path = Path("classes.txt")


@dataclass
class Plan:
    """How the labels of a data set become class numbers.

    Attributes:
        classes: names and colours of class 0, 1 and so on.
        label_map: the label of a sample, uint8 [H, W], classes and `IGNORED`.
        in_place: whether the files are such labels already.
        notes: a sentence on each decision.
    """

    classes: Classes
    label_map: Callable[[Sample], np.ndarray]
    in_place: bool = False
    notes: List[str] = field(default_factory=list)


class Labels(ABC):
    """The labels of one layout."""

    @abstractmethod
    def look(self, sample: Sample) -> Tuple[Tuple[int, int], Any]:
        """Height and width of a label, and what `plan` wants to know of it.

        Raises:
            InputError: it cannot be read.
        """

    @abstractmethod
    def plan(self, samples: Sequence[Sample], looks: Sequence[Any], wish: Wish) -> Plan:
        """How to turn the labels into class numbers, from what `look` found in each.

        Raises:
            InputError: the labels and the wish do not go together.
        """


@dataclass
class Layout:
    """A data set as it was recognised.

    Attributes:
        title: what to call the layout.
        samples: in the order of their files' names.
        labels: what makes label maps of them.
        notes: what was left out, a sentence each.
    """

    title: str
    samples: List[Sample]
    labels: Labels
    notes: List[str] = field(default_factory=list)


def counted(count: int, what: str) -> str:
    """"1 picture", "3 pictures"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
