"""Low-resolution logits whose label map holds a chosen number of classes, in pieces of a chosen size."""

from dataclasses import asdict, dataclass
from typing import Any, Dict, List

import cv2
import numpy as np

SIZE = 512
"""Height and width of the label maps, pixels."""

NOISE = 0
"""Size of the pieces where every logit is independent of its neighbours."""


@dataclass(frozen=True)
class Case:
    """One set of logits.

    Attributes:
        question: which curve it is a point of.
        classes: channels of the logits.
        stride: pixels between two logits.
        present: classes that have a chance to win somewhere.
        piece: rough diameter of a region of one class, pixels; `NOISE` for none.
    """

    question: str
    classes: int
    stride: int
    present: int
    piece: int

    def name(self) -> str:
        pieces = "noise" if self.piece == NOISE else f"pieces of {self.piece} px"
        return f"{self.classes} classes, {self.present} present, {pieces}, stride {self.stride}"

    def facts(self) -> Dict[str, Any]:
        return asdict(self)

    def logits(self, seed: int = 0) -> np.ndarray:
        """Float32 [1, classes, SIZE / stride, SIZE / stride].

        Classes active are smooth random fields of unit spread; the others lie 6 below, with a spread
        that keeps them different from each other, as the losing classes of a trained network are.
        """
        random = np.random.RandomState(seed)
        side = SIZE // self.stride
        shape = (self.classes, side, side)
        logits = random.standard_normal(shape).astype(np.float32)
        if self.piece != NOISE:
            cells = max(2, round(SIZE / self.piece))
            coarse = random.standard_normal((self.present, cells, cells)).astype(np.float32)
            smooth = [cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC) for field in coarse]
            logits *= 0.05
            logits[: self.present] += 3 * np.stack(smooth)
        logits[self.present :] -= 6 + 6 * (self.piece != NOISE)
        return logits[np.newaxis]


def cases() -> List[Case]:
    """Every point of every curve."""
    counts = (2, 8, 19, 59, 150, 400, 1000)
    found = [Case("classes", n, stride, min(n, 12), 64) for stride in (4, 8, 16) for n in counts]
    found += [Case("classes present", 150, 8, n, 64) for n in (1, 2, 4, 8, 16, 32, 64, 150)]
    found += [Case("pieces", 150, stride, 12, piece) for stride in (8, 16) for piece in (512, 128, 64, 32, 16, NOISE)]
    found += [Case("noise", n, stride, n, NOISE) for stride in (4, 8, 16) for n in counts]
    return found
