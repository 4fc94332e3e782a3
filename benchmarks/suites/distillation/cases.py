"""What is measured: a training of the teacher or of a student, or the time of a network on whole or reduced images."""

from dataclasses import dataclass
from typing import Optional, Tuple

TEACHER, LATENCY = "teacher", "latency"
STUDENTS = ("distilled", "plain")
"""The student with the weights of its config, and with weights of 0: the same network, images, labels and order."""


@dataclass(frozen=True)
class DistillationCase:
    """One run.

    Attributes:
        run: "teacher", "distilled", "plain" or "latency".
        network: its name in the zoo.
        num_classes: of the logits.
        height, width: of the whole image.
        scale: of the image that the network sees, over the whole one.
        iters, batch: iterations of the training and images in each; None for "latency".
    """

    run: str
    network: str
    num_classes: int
    height: int
    width: int
    scale: float
    iters: Optional[int] = None
    batch: Optional[int] = None

    def __str__(self) -> str:
        height, width = self.seen
        return f"{self.run}, {self.network} at {width}x{height}"

    @property
    def seen(self) -> Tuple[int, int]:
        """Height and width of the image that the network sees."""
        return round(self.height * self.scale), round(self.width * self.scale)
