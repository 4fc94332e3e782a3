"""Label maps shown over images."""

import base64
from typing import Sequence, Tuple

import cv2
import numpy as np

STRENGTH = 0.5
"""Share of the class colour in an overlay; PaddleSeg's predict, without contours, has 0.4."""

_PIXELS_A_LINE = 600
"""An image with sides of so many pixels has contours of one; a larger one has wider ones, to be seen when it fits."""


def overlay(image: np.ndarray, labels: np.ndarray, palette: Sequence, strength: float = STRENGTH) -> np.ndarray:
    """An image with its classes in colour over it, and a light line on a dark one where two classes meet.

    Args:
        image: uint8 RGB, [H, W, 3].
        labels: class numbers, [H, W].
        palette: RGB of each class.
        strength: share of the class colour.
    """
    colours = np.asarray(palette, np.uint8).reshape(-1, 3).take(labels, axis=0)
    mixed = cv2.addWeighted(np.ascontiguousarray(image), 1 - strength, colours, strength, 0)
    light, dark = _contours(labels)
    mixed[dark] = mixed[dark] // 2
    mixed[light] = mixed[light] // 4 + 191
    return mixed


def _contours(labels: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Where two classes meet, and where the surroundings of that are: masks [H, W].

    Two lines, since one of them is seen on whatever colours meet.
    """
    edges = np.zeros(labels.shape, np.uint8)
    edges[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    edges[:-1] |= labels[1:] != labels[:-1]
    width = max(1, round(float(np.sqrt(labels.size)) / _PIXELS_A_LINE))
    light = edges if width == 1 else cv2.dilate(edges, np.ones((width, width), np.uint8))
    dark = cv2.dilate(light, np.ones((2 * ((width + 1) // 2) + 1,) * 2, np.uint8))
    return light > 0, dark > light


def mistakes(image: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """A pale grey image with the wrongly labelled pixels in red, uint8 RGB, [H, W, 3]."""
    grey = 150 + 0.4 * cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shown = np.repeat(grey[..., np.newaxis], 3, axis=2).astype(np.uint8)
    shown[truth != predicted] = (214, 40, 57)
    return shown


def data_uri(image: np.ndarray, quality: int = 88) -> str:
    """An RGB image as the `src` of an <img>: a JPEG inside the page."""
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode("ascii")
