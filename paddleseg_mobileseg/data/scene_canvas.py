"""The classes of the built-in scenes, and the canvas on which an image and its labels are painted together."""

import colorsys
from typing import Sequence, Tuple

import cv2
import numpy as np

CLASSES = ("sky", "mountain", "grass", "water", "road", "building", "tree", "car", "person")
PALETTE = (
    (125, 190, 240),
    (150, 120, 175),
    (150, 205, 85),
    (35, 95, 190),
    (120, 125, 135),
    (225, 140, 60),
    (20, 115, 65),
    (225, 45, 75),
    (250, 215, 60),
)
"""RGB of each class in overlays and legends."""

SKY, MOUNTAIN, GRASS, WATER, ROAD, BUILDING, TREE, CAR, PERSON = range(len(CLASSES))

Colour = Tuple[float, float, float]
Point = Tuple[float, float]
Range = Tuple[float, float]


class Canvas:
    """An image under work.

    Lengths are in heights of the image; x grows to the right, y downwards.

    Args:
        rng: the only source of chance.
        height, width: pixels.

    Attributes:
        image: RGB in 0 ... 1, float32 [H, W, 3].
        label: index into `CLASSES`, uint8 [H, W].
        aspect: width over height, which is the x of the right edge.
    """

    def __init__(self, rng: np.random.Generator, height: int, width: int):
        self.rng = rng
        self.height = height
        self.width = width
        self.aspect = width / height
        self.image = np.zeros((height, width, 3), np.float32)
        self.label = np.zeros((height, width), np.uint8)

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return self.uniform(0, 1) < probability

    def colour(self, hue: Range, saturation: Range, value: Range) -> Colour:
        """A random colour out of ranges of hue (turns, may exceed 1), saturation and value."""
        return colorsys.hsv_to_rgb(self.uniform(*hue) % 1.0, self.uniform(*saturation), self.uniform(*value))

    def noise(self, rows: float, columns: float) -> np.ndarray:
        """Smooth noise of about unit variance, with so many features down and across the image, float32 [H, W]."""
        coarse = self.rng.standard_normal((max(2, round(rows)), max(2, round(columns))), dtype=np.float32)
        return cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)

    def grain(self) -> np.ndarray:
        """Independent noise in -1 ... 1 for every pixel and channel, float32 [H, W, 3]."""
        # Bytes, since a normal draw for each value would take longer than the rest of the scene.
        return self.rng.integers(0, 256, self.image.shape, np.uint8).astype(np.float32) / 127.5 - 1

    def pixels(self, points: Sequence[Point]) -> np.ndarray:
        """Points as integer pixels for OpenCV, int32 [N, 2]."""
        return np.round(np.asarray(points, np.float32) * self.height).astype(np.int32)

    def inside(self, *outlines: Sequence[Point]) -> np.ndarray:
        """A mask of the pixels inside polygons, uint8 [H, W]."""
        mask = np.zeros_like(self.label)
        for outline in outlines:
            cv2.fillPoly(mask, [self.pixels(outline)], 1)
        return mask

    def polygon(self, outline: Sequence[Point], colour: Colour, label: int) -> None:
        """Fill a polygon with one colour."""
        corners = [self.pixels(outline)]
        cv2.fillPoly(self.image, corners, colour)
        cv2.fillPoly(self.label, corners, label)

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour, label: int) -> None:
        """Fill a rectangle with one colour."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, label)

    def ellipse(self, centre: Point, axes: Point, colour: Colour, label: int) -> None:
        """Fill an upright ellipse of half axes `axes` with one colour."""
        (middle,), (radii,) = self.pixels([centre]).tolist(), np.maximum(self.pixels([axes]), 1).tolist()
        cv2.ellipse(self.image, middle, radii, 0, 0, 360, colour, -1)
        cv2.ellipse(self.label, middle, radii, 0, 0, 360, label, -1)

    def cover(self, mask: np.ndarray, surface: np.ndarray, label: int) -> None:
        """Lay a surface, float32 [H, W, 3], over the pixels where `mask`, uint8 [H, W], is set."""
        cv2.copyTo(surface, mask, self.image)
        self.label[mask > 0] = label

    def shade(self, centre: Point, axes: Point, strength: float) -> None:
        """Darken an ellipse, as a shadow on the ground does; labels stay."""
        (x, y), (rx, ry) = self.pixels([centre])[0], np.maximum(self.pixels([axes])[0], 1)
        top, bottom = np.clip((y - ry, y + ry + 1), 0, self.height)
        left, right = np.clip((x - rx, x + rx + 1), 0, self.width)
        dy = (np.arange(top, bottom, dtype=np.float32)[:, None] - y) / ry
        dx = (np.arange(left, right, dtype=np.float32)[None, :] - x) / rx
        dark = strength * np.clip(1.5 * (1 - dx * dx - dy * dy), 0, 1)
        self.image[top:bottom, left:right] *= 1 - dark[..., None]


def tinted(colour: Sequence, brightness: np.ndarray) -> np.ndarray:
    """A surface, float32 [H, W, 3], of a colour under a brightness map.

    Args:
        colour: three numbers, or three columns [H, 1] for a colour that changes from top to bottom.
        brightness: float32 [H, W].
    """
    return cv2.merge([brightness * np.asarray(channel, np.float32) for channel in colour])
