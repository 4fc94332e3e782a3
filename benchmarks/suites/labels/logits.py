"""Low-resolution logits: made up, with a chosen number of classes in pieces of a chosen size; of networks; of files."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

import cv2
import numpy as np
import paddle

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import scratch_folder

from ...images import built_in_images, read_images
from ...random_weights import calibrate_random_weights
from .cases import LabelMapCase

SIZE = 512
"""Height and width of the label maps, pixels."""

NOISE = 0
"""Size of the pieces where every logit is independent of its neighbours."""

CLASSES = 150
"""Channels of a network's logits."""


class Source(ABC):
    """What gives logits.

    Attributes:
        question: which curve or table it belongs to.
        name: of its own.
        classes: channels of the logits.
    """

    question: str
    name: str
    classes: int

    @abstractmethod
    def logits(self, seed: int = 0) -> np.ndarray:
        """Float32 [1, classes, h, w]."""

    def case(self, label_map: str) -> LabelMapCase:
        """One way to make a label map of the logits."""
        facts = {name: getattr(self, name, None) for name in ("stride", "present", "piece", "network")}
        return LabelMapCase(self.question, self.name, self.classes, label_map, **facts)


@dataclass(frozen=True)
class MadeUp(Source):
    """Logits of random fields.

    Attributes:
        stride: pixels between two logits.
        present: classes that have a chance to win somewhere.
        piece: rough diameter of a region of one class, pixels; `NOISE` for none.
    """

    question: str
    classes: int
    stride: int
    present: int
    piece: int

    @property
    def name(self) -> str:
        pieces = "noise" if self.piece == NOISE else f"pieces of {self.piece} px"
        return f"{self.classes} classes, {self.present} present, {pieces}, stride {self.stride}"

    def logits(self, seed: int = 0) -> np.ndarray:
        """Float32 [1, classes, SIZE / stride, SIZE / stride].

        Classes that are present are smooth random fields of unit spread; the others lie 6 below, with a spread
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


@dataclass(frozen=True)
class OfNetwork(Source):
    """Logits of a network of the zoo for one built-in scene, with random weights that behave as trained ones do.

    Attributes:
        active_classes: how many of the classes have a chance to win; None for all.
    """

    network: str
    active_classes: Optional[int]
    question: str = "networks"
    classes: int = CLASSES

    @property
    def name(self) -> str:
        active_classes = "all" if self.active_classes is None else self.active_classes
        return f"{self.network}, {self.classes} classes, {active_classes} active"

    def logits(self, seed: int = 0) -> np.ndarray:
        paddle.seed(seed)
        network = build_model(self.network, self.classes)
        with scratch_folder() as folder:
            images = read_images(built_in_images(folder, 2), SIZE, SIZE)
        calibrate_random_weights(network, images, self.classes, self.active_classes)
        with paddle.no_grad():
            return network.logits(paddle.to_tensor(images[:1])).numpy()


@dataclass(frozen=True)
class OfFile(Source):
    """Logits of a .npy file: float32 [1, classes, h, w].

    Raises:
        InputError: the file cannot be read, or holds something else.
    """

    path: Path
    question: str = "networks"

    def __post_init__(self) -> None:
        self.logits()

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def classes(self) -> int:
        return self.logits().shape[1]

    def logits(self, seed: int = 0) -> np.ndarray:
        try:
            logits = np.load(self.path)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {self.path}: {error}; give a .npy file") from error
        if logits.ndim != 4 or logits.dtype != np.float32 or len(logits) != 1:
            found = f"{logits.dtype} of {list(logits.shape)}"
            raise InputError(f"{self.path} holds {found}; give float32 of [1, classes, h, w]")
        return logits


def sources() -> List[Source]:
    """Every point of every curve, then both networks of the paper with a realistic number of classes and with all."""
    counts = (2, 8, 19, 59, 150, 400, 1000)
    found: List[Source] = [MadeUp("classes", n, stride, min(n, 12), 64) for stride in (4, 8, 16) for n in counts]
    found += [MadeUp("classes present", 150, 8, n, 64) for n in (1, 2, 4, 8, 16, 32, 64, 150)]
    found += [MadeUp("pieces", 150, stride, 12, piece) for stride in (8, 16) for piece in (512, 128, 64, 32, 16, NOISE)]
    found += [MadeUp("noise", n, stride, n, NOISE) for stride in (4, 8, 16) for n in counts]
    # Curves have points in common; each is measured once, for the curve that names it last.
    found = list({source.name: source for source in found}.values())
    return found + [OfNetwork(f"pp_mobileseg_{size}", n) for size in ("tiny", "base") for n in (20, 60, None)]
