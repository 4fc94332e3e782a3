"""What a scene stands on and before: sky, mountains, grass, water, roads. Colours overlap, textures do not."""

from typing import Callable, Tuple

import cv2
import numpy as np

from .scene_canvas import GRASS, MOUNTAIN, ROAD, SKY, WATER, Canvas, Point, tinted

Place = Callable[[], Point]
"""Draws a place (x, y) to stand on."""


def paint_sky(canvas: Canvas) -> Tuple[np.ndarray, np.ndarray]:
    """A clear, a low or an overcast sky over the whole canvas.

    Returns:
        Its colours at the zenith and at the horizon, float32 [3].
    """
    kind = canvas.uniform(0, 1)
    if kind < 0.55:
        zenith = canvas.colour((0.55, 0.64), (0.35, 0.8), (0.6, 0.95))
        horizon = canvas.colour((0.5, 0.62), (0.05, 0.3), (0.8, 1.0))
    elif kind < 0.8:
        zenith = canvas.colour((0.55, 0.85), (0.15, 0.5), (0.35, 0.7))
        horizon = canvas.colour((0.0, 0.13), (0.25, 0.65), (0.8, 1.0))
    else:
        zenith = canvas.colour((0.5, 0.7), (0.0, 0.15), (0.45, 0.8))
        horizon = canvas.colour((0.5, 0.7), (0.0, 0.1), (0.65, 0.95))
    high, low = np.asarray(zenith, np.float32), np.asarray(horizon, np.float32)
    ramp = np.clip(np.linspace(0, canvas.uniform(1.4, 2.2), canvas.height, dtype=np.float32), 0, 1)
    canvas.image[:] = (high + ramp[:, None] * (low - high))[:, None]
    clouds = canvas.noise(5, 4) + 0.5 * canvas.noise(12, 8)
    cover = np.clip((clouds - canvas.uniform(-0.3, 1.6)) * 0.7, 0, canvas.uniform(0.4, 0.9))
    canvas.image += cv2.merge([cover] * 3) * (canvas.uniform(0.75, 1.0) - canvas.image)
    canvas.label[:] = SKY
    return high, low


def paint_mountains(canvas: Canvas, horizon: float) -> None:
    """One or two folded ridges that end at the horizon, some with snow."""
    columns = np.arange(canvas.width, dtype=np.float32) / canvas.height
    rows = np.arange(canvas.height, dtype=np.float32)[:, None] / canvas.height
    for _ in range(canvas.rng.integers(1, 3)):
        heights = np.full(canvas.width, 0.13, np.float32)
        for _ in range(canvas.rng.integers(2, 4)):
            summit, slope = canvas.uniform(0, canvas.aspect), canvas.uniform(0.3, 0.7)
            heights = np.maximum(heights, canvas.uniform(0.24, 0.36) - slope * np.abs(columns - summit))
        heights += 0.012 * canvas.noise(2, 24)[0]
        ridge = np.maximum(horizon - heights, 0.04)
        mask = ((rows >= ridge) & (rows <= horizon)).astype(np.uint8)
        if canvas.chance(0.6):
            rock = canvas.colour((0.55, 0.75), (0.05, 0.35), (0.3, 0.65))
        else:
            rock = canvas.colour((0.05, 0.3), (0.15, 0.4), (0.25, 0.6))
        folds = np.abs(canvas.noise(7, 22)) - 0.7
        surface = tinted(rock, 1 + 0.28 * folds + 0.1 * canvas.noise(30, 40))
        if canvas.chance(0.4):
            snow = rows < ridge + 0.05 + 0.03 * canvas.noise(2, 30)[:1]
            surface[snow] += 0.35
        canvas.cover(mask, surface, MOUNTAIN)


def paint_grass(canvas: Canvas, horizon: float) -> None:
    """Everything below the horizon: upright blades over dry and lush patches."""
    mask = np.zeros_like(canvas.label)
    mask[round(horizon * canvas.height):] = 1
    colour = canvas.colour((0.13, 0.36), (0.35, 0.75), (0.35, 0.75))
    blades = canvas.noise(canvas.height / 4, canvas.width / 1.5)
    surface = tinted(colour, 1 + 0.16 * blades + 0.1 * canvas.noise(8, 5))
    surface[..., 0] += 0.05 * canvas.noise(10, 8)
    canvas.cover(mask, surface, GRASS)


def paint_water(canvas: Canvas, horizon: float, sky: Tuple[np.ndarray, np.ndarray]) -> None:
    """A lake along the horizon or a pool at one side, in the colours of the sky above it."""
    mask = canvas.inside(_lake(canvas, horizon) if canvas.chance(0.6) else _pool(canvas, horizon))
    near = np.linspace(0, 1, canvas.height, dtype=np.float32)[:, None]
    tint = canvas.colour((0.45, 0.62), (0.2, 0.7), (0.3, 0.7))
    dim = canvas.uniform(0.7, 1.0)
    colour = [dim * (0.6 * (low + near * (high - low)) + 0.4 * own) for high, low, own in zip(*sky, tint)]
    # Ripples are wide and flat, which is what tells water from a sky of the same colour.
    ripples = canvas.noise(canvas.height / 2.5, 12) + 0.5 * canvas.noise(canvas.height / 1.5, 24)
    canvas.cover(mask, tinted(colour, 1 + 0.13 * ripples), WATER)


def _lake(canvas: Canvas, horizon: float) -> np.ndarray:
    x = np.linspace(0, canvas.aspect, 24)
    waves = 0.04 * np.sin(x * canvas.uniform(2, 6) + canvas.uniform(0, 6))
    slant = canvas.uniform(-0.12, 0.12) * (x - canvas.aspect / 2)
    shore = horizon + canvas.uniform(0.2, 0.36) + waves + slant
    return np.stack([np.append(x, [canvas.aspect, 0]), np.append(shore, [horizon, horizon])], axis=1)


def _pool(canvas: Canvas, horizon: float) -> np.ndarray:
    x, y = canvas.aspect * (0.05 if canvas.chance(0.5) else 0.95), canvas.uniform(horizon + 0.25, 0.95)
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    radius = 1 + 0.12 * np.sin(3 * angles + canvas.uniform(0, 6))
    across = x + canvas.uniform(0.45, 0.7) * radius * np.cos(angles)
    down = y + canvas.uniform(0.18, 0.26) * radius * np.sin(angles)
    return np.stack([across, np.maximum(down, horizon)], axis=1)


def paint_road(canvas: Canvas, horizon: float) -> Place:
    """A paved or a dirt road, to the horizon or across the image; returns where a car may be on it."""
    paved = canvas.chance(0.75)
    if paved:
        colour = canvas.colour((0.55, 0.7), (0.0, 0.12), (0.28, 0.62))
    else:
        colour = canvas.colour((0.05, 0.12), (0.2, 0.45), (0.4, 0.7))
    surface = tinted(colour, 1 + 0.09 * canvas.grain()[..., 0] + 0.05 * canvas.noise(6, 8))
    lay = _road_ahead if canvas.chance(0.55) else _road_across
    outline, stripes, place = lay(canvas, horizon)
    if paved:
        surface[canvas.inside(*stripes) > 0] = canvas.uniform(0.75, 1.0)
    canvas.cover(canvas.inside(outline), surface, ROAD)
    return place


def _road_ahead(canvas: Canvas, horizon: float):
    """Outline, stripes and places of a road that narrows to the horizon."""
    vanishing, foot = canvas.uniform(0.2, 0.8) * canvas.aspect, canvas.uniform(0.25, 0.75) * canvas.aspect
    half = canvas.uniform(0.3, 0.55)

    def on_road(nearness: float, side: float) -> Point:
        """0 is the horizon, 1 the lower edge of the image; sides are -1 and 1 in lengths of the lower edge."""
        return vanishing + nearness * (foot - vanishing) + side * nearness, horizon + nearness * (1.02 - horizon)

    outline = [(vanishing - 0.03, horizon), (vanishing + 0.03, horizon), on_road(1, half), on_road(1, -half)]
    stripes = [
        [on_road(start, -0.022), on_road(start, 0.022), on_road(1.45 * start, 0.022), on_road(1.45 * start, -0.022)]
        for start in (0.08, 0.25, 0.5, 0.8)
    ]
    return outline, stripes, lambda: on_road(canvas.uniform(0.45, 0.95), canvas.uniform(-0.5, 0.5) * half)


def _road_across(canvas: Canvas, horizon: float):
    """Outline, stripes and places of a road from the left to the right edge."""
    top = canvas.uniform(horizon + 0.12, horizon + 0.22)
    depth, tilt = canvas.uniform(0.2, 0.3), canvas.uniform(-0.06, 0.06)

    def on_road(x: float, share: float) -> Point:
        """`share` is 0 at the far side of the road and 1 at the near one."""
        return x, top + share * depth + tilt * (2 * x / canvas.aspect - 1)

    ends = (0, canvas.aspect)
    outline = [on_road(ends[0], 0), on_road(ends[1], 0), on_road(ends[1], 1), on_road(ends[0], 1)]
    stripes = [
        [on_road(x, 0.47), on_road(x + 0.12, 0.47), on_road(x + 0.12, 0.53), on_road(x, 0.53)]
        for x in np.arange(canvas.uniform(-0.2, 0), canvas.aspect, 0.26)
    ]
    return outline, stripes, lambda: on_road(canvas.uniform(0.12, 0.88) * canvas.aspect, canvas.uniform(0.4, 0.95))
