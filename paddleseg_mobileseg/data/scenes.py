"""Drawing of the built-in outdoor scenes: an image and its labels out of one random generator.

A scene is painted back to front (sky, mountains, grass, water, road, then
buildings, trees, cars and people by their distance); light, haze and sensor
noise fall on the finished image. Colours are drawn from wide, overlapping
ranges, so that a class shows in its shape, its texture and its place: water
takes the colours of the sky, roads and walls share their greys, cars and
clothes come in every colour, leaves in green, yellow and red.
"""

from typing import Tuple

import cv2
import numpy as np

from .scene_background import paint_grass, paint_mountains, paint_road, paint_sky, paint_water
from .scene_canvas import CLASSES, PALETTE, Canvas
from .scene_objects import paint_objects

__all__ = ["CLASSES", "PALETTE", "draw_scene"]


def draw_scene(rng: np.random.Generator, height: int, width: int) -> Tuple[np.ndarray, np.ndarray]:
    """Draw one scene.

    Args:
        rng: the only source of chance; the same state gives the same scene.
        height, width: pixels.

    Returns:
        The image, uint8 RGB [H, W, 3], and its labels, uint8 [H, W], which index `CLASSES`.
    """
    canvas = Canvas(rng, height, width)
    horizon = canvas.uniform(0.4, 0.55)
    sky = paint_sky(canvas)
    if canvas.chance(0.6):
        paint_mountains(canvas, horizon)
    paint_grass(canvas, horizon)
    if canvas.chance(0.55):
        paint_water(canvas, horizon, sky)
    place_on_road = paint_road(canvas, horizon) if canvas.chance(0.65) else None
    paint_objects(canvas, horizon, place_on_road)
    return _lit(canvas, horizon, haze=sky[1]), canvas.label


def _lit(canvas: Canvas, horizon: float, haze: np.ndarray) -> np.ndarray:
    """The finished image, uint8 RGB [H, W, 3].

    Haze thickens with distance; light comes from one side; exposure, colour cast, sharpness and noise are the
    camera's.
    """
    rows = np.linspace(0, 1, canvas.height, dtype=np.float32)
    nearness = np.abs(rows - horizon) / np.where(rows < horizon, horizon, 1 - horizon)
    amount = canvas.uniform(0, 0.45) * np.clip(1 - nearness, 0, 1)[:, None] ** 2
    across = 1 + np.linspace(-1, 1, canvas.width, dtype=np.float32) * canvas.uniform(-0.2, 0.2)
    cast = np.asarray([canvas.uniform(0.85, 1.15) for _ in range(3)], np.float32) * canvas.uniform(0.65, 1.25)
    # Pixels and channels as one axis: NumPy is several times faster over long rows than over triples.
    image = canvas.image.reshape(canvas.height, -1)
    image = (1 - amount) * image + amount * np.tile(haze, canvas.width)
    image *= np.outer(across, cast).ravel()
    image = cv2.GaussianBlur(image.reshape(canvas.image.shape), (3, 3), canvas.uniform(0.4, 0.9))
    image += canvas.uniform(0.02, 0.08) * canvas.grain()
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
