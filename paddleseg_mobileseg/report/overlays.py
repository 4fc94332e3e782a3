"""Label maps shown over images."""

import base64
from typing import Sequence

import cv2
import numpy as np


def overlay(image: np.ndarray, labels: np.ndarray, palette: Sequence, strength: float = 0.7) -> np.ndarray:
    """An image with its classes in colour over it, and a light line where two classes meet.

    Args:
        image: uint8 RGB, [H, W, 3].
        labels: uint8, [H, W].
        palette: RGB of each class.
        strength: share of the class colour.
    """
    colours = np.asarray(palette, np.float32)[labels]
    mixed = (1 - strength) * image + strength * colours
    edges = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    mixed[edges] = 0.5 * mixed[edges] + 127
    return mixed.astype(np.uint8)


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
