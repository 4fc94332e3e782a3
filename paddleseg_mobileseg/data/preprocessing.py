"""How an image becomes the input of a network of fixed size, and what has to be undone on the labels.

PaddleSeg evaluates at whatever size its transforms give an image: the frame. A converted network takes one size. So
the frame lies in the upper left corner of the input and the rest is padding, to the right and below, where PaddleSeg's
`Padding` puts it. A frame that the input cannot hold is replaced by the largest one of the image's own ratio that
it can. The arithmetic is that of paddleseg/transforms/transforms.py and functional.py (2.8.0), in float32.
"""

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from ..errors import InputError

Size = Tuple[int, int]
"""Height and width in pixels."""

RESIZES = ("stretch", "keep_ratio", "short_side", "limit_long", "factor", "none")
INTERPOLATIONS = {
    "NEAREST": cv2.INTER_NEAREST,
    "LINEAR": cv2.INTER_LINEAR,
    "CUBIC": cv2.INTER_CUBIC,
    "AREA": cv2.INTER_AREA,
    "LANCZOS4": cv2.INTER_LANCZOS4,
}
"""OpenCV's, under the names that PaddleSeg's `Resize` takes."""
CHANNEL_ORDERS = ("RGB", "BGR")
PADDING_VALUE = 127.5
"""Where the transforms have no `Padding`: what PaddleSeg's own pads with, `RandomPaddingCrop` in training too."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image, in this order: resize, normalise, pad.

    Attributes:
        height, width: of the network's input.
        mean, std: of the input's three planes, in their order; an element is `(pixel / 255 - mean) / std`.
        resize: which frame an image gets. "stretch": the whole input, whatever the image's ratio. The others keep the
            ratio. "keep_ratio": as large as `long_side` and `short_side` allow, then up to a multiple of
            `size_divisor` (`Resize` with keep_ratio, `ResizeByLong`, `ResizeRangeScaling`). "short_side":
            `short_side`, unless the long side would exceed `long_side` (`ResizeByShort`). "limit_long": the long side
            between `min_long_side` and `long_side` (`LimitLong`). "factor": `factor` times as large
            (`ResizeStepScaling`). "none": the image's own size.
        interpolation: of `INTERPOLATIONS`.
        long_side, short_side, min_long_side, size_divisor: pixels; None where there is no such bound.
        factor: None unless `resize` is "factor".
        padding_value: of the padding; a pixel's, or an element's if `padding_normalized`.
        padding_normalized: the padding is put on after normalisation.
        channel_order: "RGB" or "BGR": which colours the three planes are.

    Raises:
        InputError: the values do not belong together.
    """

    height: int
    width: int
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    resize: str = "stretch"
    interpolation: str = "LINEAR"
    long_side: Optional[int] = None
    short_side: Optional[int] = None
    min_long_side: Optional[int] = None
    size_divisor: Optional[int] = None
    factor: Optional[float] = None
    padding_value: float = PADDING_VALUE
    padding_normalized: bool = False
    channel_order: str = "RGB"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(map(float, self.mean)))
        object.__setattr__(self, "std", tuple(map(float, self.std)))
        for name, choices in (
            ("resize", RESIZES), ("interpolation", INTERPOLATIONS), ("channel_order", CHANNEL_ORDERS)
        ):
            if getattr(self, name) not in choices:
                raise InputError(f"preprocessing: {name} is {getattr(self, name)!r}, not one of {', '.join(choices)}")
        if len(self.mean) != 3 or len(self.std) != 3 or 0 in self.std:
            raise InputError("preprocessing: mean and std must be three numbers each, and no std may be 0")
        sides = (self.height, self.width, self.long_side, self.short_side, self.min_long_side, self.size_divisor)
        if any(side is not None and (not isinstance(side, int) or side < 1) for side in sides):
            raise InputError("preprocessing: sizes must be whole numbers of 1 or more")
        needed = {
            "keep_ratio": self.long_side or self.short_side, "short_side": self.short_side, "factor": self.factor
        }
        if not needed.get(self.resize, True) or (self.factor or 1) < 0:
            raise InputError(f"preprocessing: resize '{self.resize}' lacks its size")

    @property
    def size(self) -> Size:
        """Of the network's input."""
        return self.height, self.width

    @property
    def padding(self) -> np.ndarray:
        """What the padding holds in each plane of the input, float32 [3]."""
        value = np.full(3, self.padding_value, np.float32)
        return value if self.padding_normalized else self._normalise(value)

    def frame_size(self, image: Sequence[int]) -> Size:
        """Height and width that an image of this height and width gets inside the input."""
        height, width = image[:2]
        if self.resize == "stretch":
            return self.size
        frame = self._free_size(height, width)
        if frame[0] <= self.height and frame[1] <= self.width:
            return frame
        scale = min(self.height / height, self.width / width)
        return min(_scaled(height, scale), self.height), min(_scaled(width, scale), self.width)

    def _free_size(self, height: int, width: int) -> Size:
        """The frame of PaddleSeg's evaluation, which the input may not hold. Sums and roundings in its order."""
        long, short = max(height, width), min(height, width)
        most, least = self.long_side or math.inf, self.short_side or math.inf
        scale = 1.0
        if self.resize == "keep_ratio":
            scale = min(most / long, least / short)
        elif self.resize == "short_side":
            side = self.short_side if self.short_side / short * long <= most else int(most / long * short)
            scale = side / short
        elif self.resize == "limit_long":
            scale = min(max(long, self.min_long_side or 0), most) / long
        elif self.resize == "factor":
            scale = self.factor
        frame = _scaled(height, scale), _scaled(width, scale)
        divisor = self.size_divisor or 1
        return math.ceil(frame[0] / divisor) * divisor, math.ceil(frame[1] / divisor) * divisor

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The network's input for an image.

        Args:
            image: uint8 RGB [H, W, 3], of any size.

        Returns:
            float32 [1, 3, height, width], of `channel_order`.
        """
        frame = self.frame_size(image.shape)
        pixels = image if self.channel_order == "RGB" else image[..., ::-1]
        # PaddleSeg resizes in floating point, so that is what the network was evaluated with.
        resized = cv2.resize(
            pixels.astype(np.float32), frame[::-1], interpolation=INTERPOLATIONS[self.interpolation]
        )
        batch = np.empty((1, 3, *self.size), np.float32)
        if frame != self.size:
            batch[:] = self.padding.reshape(3, 1, 1)
        batch[0, :, :frame[0], :frame[1]] = self._normalise(resized).transpose(2, 0, 1)
        return batch

    def _normalise(self, pixels: np.ndarray) -> np.ndarray:
        # Each step in double precision and rounded, as PaddleSeg's: a network of random weights shows the difference.
        normalised = pixels / np.float32(255)
        normalised -= np.array(self.mean)
        normalised /= np.array(self.std)
        return normalised

    def trans_info(self, image: Sequence[int]) -> List[Tuple[str, Size]]:
        """What `apply` does to the size of an image of this height and width, in the form of PaddleSeg's transforms.

        `paddleseg.core.infer.reverse_transform` undoes it on logits of the input's size, and
        `inference.restored_labels` does on those of any.
        """
        frame = self.frame_size(image)
        padding = [] if frame == self.size else [("padding", frame)]
        return [("resize", (int(image[0]), int(image[1]))), *padding]

    def paddleseg_transforms(self, image: Sequence[int]) -> List[Dict[str, Any]]:
        """PaddleSeg's own transforms that do the same to an image of this height and width, as a config lists them."""
        frame = self.frame_size(image)
        resize = {"type": "Resize", "target_size": list(frame[::-1]), "interp": self.interpolation}
        normalize = {"type": "Normalize", "mean": list(self.mean), "std": list(self.std)}
        padding = {"type": "Padding", "target_size": [self.width, self.height], "im_padding_value": self.padding_value}
        last = [normalize, padding] if self.padding_normalized else [padding, normalize]
        return [resize, *(last if frame != self.size else [normalize])]

    def __str__(self) -> str:
        """One line for people."""
        sides = {"long side": self.long_side, "short side": self.short_side, "long side at least": self.min_long_side}
        details = [f"{name} {value}" for name, value in {**sides, "factor": self.factor}.items() if value]
        mode = f"{self.resize}{' (' + ', '.join(details) + ')' if details else ''}, {self.interpolation}"
        return f"{self.channel_order}, resize {mode}, mean {list(self.mean)}, std {list(self.std)}"


def _scaled(side: int, scale: float) -> int:
    """A side of the frame; an image may be so thin that PaddleSeg would leave nothing of it."""
    return max(1, int(round(side * scale)))
