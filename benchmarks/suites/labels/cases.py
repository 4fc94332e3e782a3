"""What is measured: a label map of logits, made in one of the ways."""

from dataclasses import dataclass
from typing import Optional

WAYS = ("exact", "argmax", "vim")
"""What is timed: `upsample_labels`, interpolation of all classes and argmax, VIM."""


@dataclass(frozen=True)
class LabelMapCase:
    """One way to make a label map of 512x512 pixels.

    Attributes:
        question: which curve or table it belongs to.
        logits: the name of what gives them.
        classes: their channels.
        label_map: one of `WAYS`.
        stride: pixels between two logits; None where they are of a network or a file, as are the next two.
        present: classes that have a chance to win somewhere.
        piece: rough diameter of a region of one class, pixels; 0 for noise.
        network: that gives the logits; None where they are made up.
    """

    question: str
    logits: str
    classes: int
    label_map: str
    stride: Optional[int] = None
    present: Optional[int] = None
    piece: Optional[int] = None
    network: Optional[str] = None

    def __str__(self) -> str:
        return f"{self.logits}: {self.label_map}"
