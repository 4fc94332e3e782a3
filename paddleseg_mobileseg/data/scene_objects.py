"""What stands in a scene: buildings, trees, cars and people, each known by its shape, in a random colour."""

from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from .scene_background import Place
from .scene_canvas import BUILDING, CAR, PERSON, TREE, WATER, Canvas, Point, tinted


def paint_objects(canvas: Canvas, horizon: float, place_on_road: Optional[Place]) -> None:
    """Some of each kind, far ones first, so that near ones hide them.

    Args:
        horizon: its y.
        place_on_road: where cars are; anywhere on land if None.
    """

    def at_horizon() -> Point:
        return canvas.uniform(0, canvas.aspect), horizon + canvas.uniform(0.0, 0.1)

    def on_land(furthest: float, nearest: float, margin: float) -> Point:
        """A place outside water, if a few draws find one."""
        for _ in range(6):
            x, y = canvas.uniform(margin, 1 - margin) * canvas.aspect, canvas.uniform(furthest, nearest)
            column, row = np.minimum(canvas.pixels([(x, y)])[0], (canvas.width - 1, canvas.height - 1))
            if canvas.label[row, column] != WATER:
                break
        return x, y

    kinds: Sequence[Tuple[float, float, Place, Callable]] = (
        (0.7, 0.5, at_horizon, _paint_building),
        (0.75, 0.5, lambda: on_land(horizon + 0.03, 0.85, 0.0), _paint_tree),
        (0.65, 0.25, place_on_road or (lambda: on_land(horizon + 0.2, 0.95, 0.15)), _paint_car),
        (0.6, 0.25, lambda: on_land(horizon + 0.25, 1.0, 0.1), _paint_person),
    )
    standing = []
    for one, another, place, paint in kinds:
        if canvas.chance(one):
            standing.append((place(), paint))
            if canvas.chance(another):
                standing.append((place(), paint))
    for (x, y), paint in sorted(standing, key=lambda item: item[0][1]):
        scale = 0.62 + 0.55 * (y - horizon) / (1 - horizon)
        if paint is not _paint_building:
            canvas.shade((x, y), (0.24 * scale, 0.035), 0.45)
        paint(canvas, x, y, scale)


def _paint_building(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A front and a darker side with rows of windows, under a flat or a gabled roof."""
    width, height = scale * canvas.uniform(0.38, 0.62), scale * canvas.uniform(0.45, 0.7)
    if canvas.chance(0.6):
        wall = canvas.colour((0.0, 0.15), (0.05, 0.55), (0.4, 0.9))
    else:
        wall = canvas.colour((0.5, 0.65), (0.0, 0.35), (0.35, 0.85))
    left, right, top = x - width / 2, x + width / 2, base - height
    if canvas.chance(0.45):
        roof = canvas.colour((0.95, 1.08), (0.2, 0.6), (0.25, 0.6))
        gable = top - canvas.uniform(0.25, 0.45) * width
        canvas.polygon([(left - 0.02, top), (x, gable), (right + 0.02, top)], roof, BUILDING)
    canvas.rectangle(left, top, right, base, wall, BUILDING)
    edge = left + canvas.uniform(0.55, 0.95) * width
    canvas.rectangle(edge, top, right, base, tuple(0.72 * channel for channel in wall), BUILDING)
    if canvas.chance(0.3):
        glass = canvas.colour((0.1, 0.16), (0.3, 0.6), (0.8, 1.0))
    else:
        glass = canvas.colour((0.5, 0.65), (0.1, 0.4), (0.1, 0.4))
    pitch, storey = canvas.uniform(0.055, 0.085), canvas.uniform(0.07, 0.1)
    for row in np.arange(top + 0.3 * storey, base - 0.7 * storey, storey):
        for column in np.arange(left + 0.3 * pitch, right - 0.6 * pitch, pitch):
            canvas.rectangle(column, row, column + 0.5 * pitch, row + 0.5 * storey, glass, BUILDING)


def _paint_tree(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A trunk under a crown of overlapping clumps, or a conifer; some in the colours of autumn."""
    height = scale * canvas.uniform(0.6, 0.85)
    if canvas.chance(0.7):
        colour = canvas.colour((0.22, 0.42), (0.35, 0.8), (0.2, 0.55))
    else:
        colour = canvas.colour((0.0, 0.17), (0.35, 0.8), (0.4, 0.75))
    bark = canvas.colour((0.04, 0.1), (0.2, 0.5), (0.15, 0.35))
    trunk = 0.06 * height
    canvas.rectangle(x - trunk, base - 0.5 * height, x + trunk, base, bark, TREE)
    crown = _conifer(x, base, height) if canvas.chance(0.3) else _clumps(canvas, x, base, height)
    leaves = canvas.noise(canvas.height / 4.5, canvas.width / 4.5)
    canvas.cover(canvas.inside(*crown), tinted(colour, 1 + 0.38 * leaves), TREE)


def _conifer(x: float, base: float, height: float) -> List[List[Point]]:
    tiers = [(base - (0.15 + 0.22 * tier) * height, (0.3 - 0.05 * tier) * height) for tier in range(3)]
    return [[(x - half, foot), (x + half, foot), (x, foot - 0.45 * height)] for foot, half in tiers]


def _clumps(canvas: Canvas, x: float, base: float, height: float) -> List[np.ndarray]:
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    clumps = []
    for _ in range(7):
        angle, reach = canvas.uniform(0, 2 * np.pi), canvas.uniform(0, 0.22) * height
        middle = (x + 1.1 * reach * np.cos(angle), base - 0.65 * height + reach * np.sin(angle))
        clumps.append(middle + canvas.uniform(0.16, 0.23) * height * circle)
    return clumps


def _paint_car(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A car from its side: body, cabin, windows, two wheels."""
    length = scale * canvas.uniform(0.62, 0.85)
    facing = -1 if canvas.chance(0.5) else 1
    paint = canvas.colour((0, 1), (0.0, 0.9), (0.2, 1.0))
    glass = canvas.colour((0.5, 0.62), (0.05, 0.35), (0.15, 0.6))
    roof = canvas.uniform(0.38, 0.48)
    cabin = [(-0.34, 0.2), (-0.22, roof), (0.12, roof), (0.28, 0.2)]
    body = [(-0.5, 0.08), (-0.5, 0.26), (-0.33, 0.29), (0.3, 0.28), (0.48, 0.21), (0.5, 0.08)]
    rear_window = [(-0.28, 0.27), (-0.19, roof - 0.03), (-0.05, roof - 0.03), (-0.05, 0.27)]
    front_window = [(-0.01, 0.27), (-0.01, roof - 0.03), (0.09, roof - 0.03), (0.21, 0.27)]
    for outline, colour in ((cabin, paint), (body, paint), (rear_window, glass), (front_window, glass)):
        canvas.polygon([(x + facing * length * px, base - length * py) for px, py in outline], colour, CAR)
    for wheel in (-0.3, 0.29):
        for radius, grey in ((0.1, 0.06), (0.045, 0.6)):
            centre = (x + facing * length * wheel, base - 0.09 * length)
            canvas.ellipse(centre, (length * radius, length * radius), (grey, grey, grey), CAR)


def _paint_person(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A standing figure: legs, arms, a coat or a shirt, a head with hair."""
    height = scale * canvas.uniform(0.62, 0.8)
    girth = height * canvas.uniform(1.15, 1.4)
    trousers = canvas.colour((0, 1), (0.0, 0.6), (0.1, 0.6))
    shirt = canvas.colour((0, 1), (0.1, 0.9), (0.25, 1.0))
    sleeves = tuple(0.85 * channel for channel in shirt)
    skin = canvas.colour((0.04, 0.08), (0.25, 0.55), (0.35, 0.95))
    hair = canvas.colour((0.03, 0.12), (0.1, 0.7), (0.05, 0.55))
    stride, hem = canvas.uniform(0.02, 0.07), canvas.uniform(0.3, 0.46)
    leg = [(stride - 0.06, 0), (stride + 0.06, 0), (0.115, 0.5), (-0.025, 0.5)]
    arm = [(0.1, 0.8), (0.16, 0.78), (0.2, 0.45), (0.13, 0.45)]
    coat = [(-0.13, 0.82), (0.13, 0.82), (0.14, hem), (-0.14, hem)]
    for outline, colour in ((leg, trousers), (arm, sleeves)):
        for side in (-1, 1):
            canvas.polygon([(x + side * girth * px, base - height * py) for px, py in outline], colour, PERSON)
    canvas.polygon([(x + girth * px, base - height * py) for px, py in coat], shirt, PERSON)
    canvas.ellipse((x, base - 0.92 * height), (0.075 * girth, 0.09 * height), hair, PERSON)
    canvas.ellipse((x, base - 0.9 * height), (0.062 * girth, 0.075 * height), skin, PERSON)
