"""What a network saw in one picture."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

from ..classes import Classes, Colour
from ..errors import InputError
from ..report.legend import with_legend
from ..report.overlays import STRENGTH, overlay
from ..report.predictions import palette_image
from .pictures import as_rgb

_MOST_ENTRIES = 40


class ClassShare(NamedTuple):
    """A class that is present in a picture.

    Attributes:
        index: its number, as in the label map.
        name, colour: of the class.
        share: of the picture's pixels, 0 to 1.
    """

    index: int
    name: str
    colour: Colour
    share: float


@dataclass(frozen=True)
class Segmentation:
    """The label map of one picture.

    Attributes:
        labels: class numbers, int32 [H, W], of the picture's own size.
        classes: names and colours of the numbers.
        image: the picture, uint8 RGB [H, W, 3].
        path: its file, where it came from one.
        logits: float32 [classes, H, W]; None where they were not asked for.
        probabilities: softmax of the logits over the classes, of the same shape; None where they were not asked for.
    """

    labels: np.ndarray
    classes: Classes
    image: np.ndarray = field(repr=False)
    path: Optional[Path] = None
    logits: Optional[np.ndarray] = None
    probabilities: Optional[np.ndarray] = None

    def shares(self) -> List[ClassShare]:
        """The classes that are present, the one with the most pixels first."""
        counts = np.bincount(self.labels.ravel())
        order = [index for index in np.argsort(-counts, kind="stable").tolist() if counts[index]]
        shares = (counts / self.labels.size).tolist()
        return [ClassShare(index, *_described(self.classes, index), shares[index]) for index in order]

    def draw(
        self, image: Optional[Any] = None, legend: bool = True, strength: float = STRENGTH
    ) -> np.ndarray:
        """The picture with its classes in colour over it, contours where they meet, and a legend below it.

        The legend names the classes that are present, with their shares, on paper of its own, so that it hides nothing
        of the picture. Contours and text grow with the picture.

        Args:
            image: another picture of the same size to draw over; None for the one that was segmented.
            legend: False leaves it out, and the result has the picture's size.
            strength: share of the class colours, 0 to 1.

        Returns:
            uint8 RGB [H + h, W, 3]; wider where a name of a class is wider than the picture.

        Raises:
            InputError: `image` is of another size or cannot be used.
        """
        under = self.image if image is None else as_rgb(image)
        if under.shape[:2] != self.labels.shape:
            sizes = "x".join(map(str, self.labels.shape)), "x".join(map(str, under.shape[:2]))
            raise InputError(f"the labels are of {sizes[0]} pixels (height x width) and the image is of {sizes[1]}")
        drawn = overlay(under, self.labels, _palette(self.classes, int(self.labels.max())), strength)
        return with_legend(drawn, self._entries()) if legend else drawn

    def _entries(self) -> List[Tuple[str, Colour]]:
        found = self.shares()
        entries = [(f"{each.name}  {_percent(each.share)}", each.colour) for each in found[:_MOST_ENTRIES]]
        rest = found[_MOST_ENTRIES:]
        if rest:
            entries.append((f"{len(rest)} more  {_percent(sum(each.share for each in rest))}", (255, 255, 255)))
        return entries

    def label_image(self) -> Image.Image:
        """The label map as Pillow's image of mode P: its pixels are class numbers, its palette the classes' colours.

        Raises:
            InputError: a number is above 255.
        """
        return palette_image(self.labels, self.classes, str(self.path or "the picture"))


def _described(classes: Classes, index: int) -> Tuple[str, Colour]:
    """Name and colour of a class, which a network of unknown classes may have more of."""
    return (classes.names[index], classes.colours[index]) if index < len(classes) else (str(index), (0, 0, 0))


def _palette(classes: Classes, highest: int) -> List[Colour]:
    return [_described(classes, index)[1] for index in range(max(len(classes), highest + 1))]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"
