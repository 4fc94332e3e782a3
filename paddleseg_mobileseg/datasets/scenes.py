"""Drawing of the built-in outdoor scenes: a picture and its label map out of one random generator.

Nothing here knows PaddleSeg. A scene is painted back to front (sky, mountain,
ground, water, road, then buildings, trees, cars and people by their distance),
and light, haze and sensor noise fall on the finished picture. Colours are drawn
from wide, overlapping ranges, so that a class shows in its shape, its texture
and its place: water takes the colours of the sky, roads and walls share their
greys, cars and clothes come in every colour, leaves in green, yellow and red.

Lengths are in units of the picture's height unless a comment says pixels.
"""

import colorsys
from typing import Callable, Dict, List, Tuple

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


class Canvas:
    """A picture under work: `image` float32 RGB in 0..1, [H, W, 3], and `label` uint8, [H, W]."""

    def __init__(self, rng: np.random.Generator, height: int, width: int):
        self.rng = rng
        self.height = height
        self.width = width
        self.image = np.zeros((height, width, 3), np.float32)
        self.label = np.zeros((height, width), np.uint8)

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return self.uniform(0, 1) < probability

    def colour(self, hue: Tuple[float, float], saturation: Tuple[float, float], value: Tuple[float, float]) -> Colour:
        """A random RGB colour out of ranges of hue (turns, may exceed 1), saturation and value."""
        return colorsys.hsv_to_rgb(self.uniform(*hue) % 1.0, self.uniform(*saturation), self.uniform(*value))

    def noise(self, rows: float, columns: float) -> np.ndarray:
        """Smooth noise of unit variance, [H, W], with that many features down and across the picture."""
        coarse = self.rng.standard_normal((max(2, round(rows)), max(2, round(columns))), dtype=np.float32)
        return cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)

    def grain(self) -> np.ndarray:
        """Independent noise in -1..1 for every pixel and channel, [H, W, 3]."""
        # Bytes, since a normal draw for each value would take longer than the rest of the scene.
        return self.rng.integers(0, 256, self.image.shape, np.uint8).astype(np.float32) / 127.5 - 1

    def pixels(self, points) -> np.ndarray:
        """Points (x, y) in picture heights as integer pixels for OpenCV, [N, 2]."""
        return np.round(np.asarray(points, np.float32) * self.height).astype(np.int32)

    def polygon(self, points, colour: Colour, label: int) -> None:
        """Fill a polygon of one colour."""
        corners = [self.pixels(points)]
        cv2.fillPoly(self.image, corners, colour)
        cv2.fillPoly(self.label, corners, label)

    def ellipse(self, centre: Tuple[float, float], axes: Tuple[float, float], colour: Colour, label: int) -> None:
        """Fill an axis-parallel ellipse of one colour."""
        middle = tuple(int(v) for v in self.pixels(centre))
        radii = tuple(max(1, int(v)) for v in self.pixels(axes))
        cv2.ellipse(self.image, middle, radii, 0, 0, 360, colour, -1)
        cv2.ellipse(self.label, middle, radii, 0, 0, 360, label, -1)

    def cover(self, mask: np.ndarray, surface: np.ndarray, label: int) -> None:
        """Lay a surface (RGB, [H, W, 3]) over the pixels where `mask` (uint8, [H, W]) is set."""
        cv2.copyTo(surface, mask, self.image)
        self.label[mask > 0] = label

    def shade(self, centre: Tuple[float, float], axes: Tuple[float, float], strength: float) -> None:
        """Darken an ellipse of the picture, as a shadow on the ground does; labels stay."""
        x, y = self.pixels(centre)
        rx, ry = np.maximum(self.pixels(axes), 1)
        top, bottom, left, right = max(y - ry, 0), min(y + ry + 1, self.height), max(x - rx, 0), min(x + rx + 1, self.width)
        if top >= bottom or left >= right:
            return
        dy = (np.arange(top, bottom, dtype=np.float32)[:, None] - y) / ry
        dx = (np.arange(left, right, dtype=np.float32)[None, :] - x) / rx
        self.image[top:bottom, left:right] *= (1 - strength * np.clip(1.5 * (1 - dx * dx - dy * dy), 0, 1))[..., None]


def _tinted(colour, brightness: np.ndarray) -> np.ndarray:
    """A surface [H, W, 3] of a colour (three numbers, or three columns [H, 1]) under a brightness map [H, W]."""
    return cv2.merge([brightness * np.asarray(channel, np.float32) for channel in colour])


def _paint_sky(canvas: Canvas) -> Tuple[np.ndarray, np.ndarray]:
    """Fill the canvas with sky; returns its colours at the zenith and at the horizon."""
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
    zenith, horizon = np.asarray(zenith, np.float32), np.asarray(horizon, np.float32)
    ramp = np.clip(np.linspace(0, canvas.uniform(1.4, 2.2), canvas.height, dtype=np.float32), 0, 1)
    canvas.image[:] = (zenith + ramp[:, None] * (horizon - zenith))[:, None]
    clouds = canvas.noise(5, 4) + 0.5 * canvas.noise(12, 8)
    cover = np.clip((clouds - canvas.uniform(-0.3, 1.6)) * 0.7, 0, canvas.uniform(0.4, 0.9))
    canvas.image += cv2.merge([cover] * 3) * (canvas.uniform(0.75, 1.0) - canvas.image)
    canvas.label[:] = SKY
    return zenith, horizon


def _paint_mountain(canvas: Canvas, horizon: float) -> None:
    """One or two ridges that end at the horizon."""
    columns = np.arange(canvas.width, dtype=np.float32) / canvas.height
    rows = np.arange(canvas.height, dtype=np.float32)[:, None] / canvas.height
    for _ in range(canvas.rng.integers(1, 3)):
        peaks = canvas.rng.integers(2, 4)
        heights = np.full(canvas.width, 0.1, np.float32)
        for _ in range(peaks):
            summit, slope = canvas.uniform(0, columns[-1]), canvas.uniform(0.3, 0.7)
            heights = np.maximum(heights, canvas.uniform(0.2, 0.34) - slope * np.abs(columns - summit))
        heights += 0.012 * canvas.noise(2, 24)[0]
        ridge = np.maximum(horizon - heights, 0.04)
        mask = ((rows >= ridge) & (rows <= horizon)).astype(np.uint8)
        rock = canvas.colour((0.55, 0.75), (0.05, 0.35), (0.3, 0.65)) if canvas.chance(0.6) else canvas.colour(
            (0.05, 0.3), (0.15, 0.4), (0.25, 0.6))
        # Folds that run down the slope: smooth noise sheared along the diagonal.
        folds = np.abs(canvas.noise(7, 22)) - 0.7
        surface = _tinted(rock, 1 + 0.28 * folds + 0.1 * canvas.noise(30, 40))
        if canvas.chance(0.4):
            snow = rows < ridge + 0.05 + 0.03 * canvas.noise(2, 30)[:1]
            surface[np.broadcast_to(snow, mask.shape)] += 0.35
        canvas.cover(mask, surface, MOUNTAIN)


def _paint_ground(canvas: Canvas, horizon: float) -> None:
    """Grass from the horizon down: streaks that grow longer towards the viewer, over dry and lush patches."""
    first = round(horizon * canvas.height)
    mask = np.zeros_like(canvas.label)
    mask[first:] = 1
    colour = canvas.colour((0.13, 0.36), (0.35, 0.75), (0.35, 0.75))
    blades = canvas.noise(canvas.height / 4, canvas.width / 1.5)
    patches = canvas.noise(8, 5)
    surface = _tinted(colour, 1 + 0.16 * blades + 0.1 * patches)
    surface[..., 0] += 0.05 * canvas.noise(10, 8)
    canvas.cover(mask, surface, GRASS)


def _paint_water(canvas: Canvas, horizon: float, sky: Tuple[np.ndarray, np.ndarray]) -> None:
    """A lake along the horizon or a pool on one side, in the colours of the sky above it."""
    mask = np.zeros_like(canvas.label)
    aspect = canvas.width / canvas.height
    if canvas.chance(0.6):
        depth = canvas.uniform(0.16, 0.34)
        x = np.linspace(0, aspect, 24)
        shore = horizon + depth + 0.04 * np.sin(x * canvas.uniform(2, 6) + canvas.uniform(0, 6)) + canvas.uniform(-0.12, 0.12) * (x - aspect / 2)
        outline = [(0, horizon), (aspect, horizon)] + list(zip(x[::-1], shore[::-1]))
    else:
        side = canvas.chance(0.5)
        centre = (0.05 * aspect if side else 0.95 * aspect, canvas.uniform(horizon + 0.25, 0.95))
        angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        radius = 1 + 0.12 * np.sin(3 * angles + canvas.uniform(0, 6))
        outline = np.stack([centre[0] + canvas.uniform(0.45, 0.7) * radius * np.cos(angles),
                            np.maximum(centre[1] + canvas.uniform(0.16, 0.24) * radius * np.sin(angles), horizon)], 1)
    cv2.fillPoly(mask, [canvas.pixels(outline)], 1)
    near = np.linspace(0, 1, canvas.height, dtype=np.float32)[:, None]
    tint = canvas.colour((0.45, 0.62), (0.2, 0.7), (0.3, 0.7))
    dim = canvas.uniform(0.7, 1.0)
    colour = [dim * (0.6 * (low + near * (high - low)) + 0.4 * own) for high, low, own in zip(*sky, tint)]
    # Ripples are wide and flat, which is what tells water from a sky of the same colour.
    ripples = canvas.noise(canvas.height / 2.5, 12) + 0.5 * canvas.noise(canvas.height / 1.5, 24)
    canvas.cover(mask, _tinted(colour, 1 + 0.13 * ripples), WATER)


def _paint_road(canvas: Canvas, horizon: float) -> Callable[[], Tuple[float, float]]:
    """A road to the horizon or across the picture; returns a draw of a place (x, y) for a car on it."""
    mask = np.zeros_like(canvas.label)
    aspect = canvas.width / canvas.height
    paved = canvas.chance(0.75)
    colour = canvas.colour((0.55, 0.7), (0.0, 0.12), (0.28, 0.62)) if paved else canvas.colour(
        (0.05, 0.12), (0.2, 0.45), (0.4, 0.7))
    surface = _tinted(colour, 1 + 0.09 * canvas.grain()[..., 0] + 0.05 * canvas.noise(6, 8))
    paint = canvas.uniform(0.75, 1.0)
    if canvas.chance(0.55):
        vanishing, foot = canvas.uniform(0.2, 0.8) * aspect, canvas.uniform(0.25, 0.75) * aspect
        half = canvas.uniform(0.3, 0.55)
        cv2.fillPoly(mask, [canvas.pixels([(vanishing - 0.03, horizon), (vanishing + 0.03, horizon),
                                           (foot + half, 1.02), (foot - half, 1.02)])], 1)
        if paved:
            for start in (0.08, 0.25, 0.5, 0.8):
                stripe = [(vanishing + t * (foot - vanishing) + side * 0.022 * t, horizon + t * (1.02 - horizon))
                          for t, side in ((start, -1), (start, 1), (start * 1.45, 1), (start * 1.45, -1))]
                cv2.fillPoly(surface, [canvas.pixels(stripe)], (paint,) * 3)

        def place() -> Tuple[float, float]:
            t = canvas.uniform(0.45, 0.95)
            return vanishing + t * (foot - vanishing) + canvas.uniform(-0.5, 0.5) * half * t, horizon + t * (1.0 - horizon)
    else:
        top = canvas.uniform(horizon + 0.12, horizon + 0.22)
        bottom, tilt = top + canvas.uniform(0.2, 0.3), canvas.uniform(-0.06, 0.06)
        cv2.fillPoly(mask, [canvas.pixels([(0, top - tilt), (aspect, top + tilt), (aspect, bottom + tilt), (0, bottom - tilt)])], 1)
        if paved:
            middle = (top + bottom) / 2
            for x in np.arange(canvas.uniform(-0.2, 0), aspect, 0.26):
                y = middle + tilt * (2 * x / aspect - 1)
                cv2.fillPoly(surface, [canvas.pixels([(x, y - 0.008), (x + 0.12, y - 0.008), (x + 0.12, y + 0.008), (x, y + 0.008)])], (paint,) * 3)

        def place() -> Tuple[float, float]:
            return canvas.uniform(0.12, 0.88) * aspect, canvas.uniform(top + 0.1, bottom - 0.02)
    canvas.cover(mask, surface, ROAD)
    return place


def _paint_building(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A front with rows of windows under a flat or a gabled roof."""
    width, height = scale * canvas.uniform(0.38, 0.62), scale * canvas.uniform(0.45, 0.7)
    wall = canvas.colour((0.0, 0.15), (0.05, 0.55), (0.4, 0.9)) if canvas.chance(0.6) else canvas.colour(
        (0.5, 0.65), (0.0, 0.35), (0.35, 0.85))
    left, right, top = x - width / 2, x + width / 2, base - height
    if canvas.chance(0.45):
        roof = canvas.colour((0.95, 1.08), (0.2, 0.6), (0.25, 0.6))
        canvas.polygon([(left - 0.02, top), (x, top - canvas.uniform(0.25, 0.45) * width), (right + 0.02, top)], roof, BUILDING)
    canvas.polygon([(left, top), (right, top), (right, base), (left, base)], wall, BUILDING)
    edge = left + canvas.uniform(0.55, 0.95) * width
    canvas.polygon([(edge, top), (right, top), (right, base), (edge, base)], tuple(0.72 * v for v in wall), BUILDING)
    lit = canvas.chance(0.3)
    glass = canvas.colour((0.1, 0.16), (0.3, 0.6), (0.8, 1.0)) if lit else canvas.colour((0.5, 0.65), (0.1, 0.4), (0.1, 0.4))
    pitch, storey = canvas.uniform(0.055, 0.085), canvas.uniform(0.07, 0.1)
    for y in np.arange(top + 0.3 * storey, base - 0.7 * storey, storey):
        for column in np.arange(left + 0.3 * pitch, right - 0.6 * pitch, pitch):
            canvas.polygon([(column, y), (column + 0.5 * pitch, y), (column + 0.5 * pitch, y + 0.5 * storey),
                            (column, y + 0.5 * storey)], glass, BUILDING)


def _paint_tree(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A trunk under a crown of overlapping clumps, or a conifer."""
    height = scale * canvas.uniform(0.6, 0.85)
    kind = canvas.uniform(0, 1)
    hue = (0.22, 0.42) if kind < 0.7 else (0.0, 0.17)
    colour = canvas.colour(hue, (0.35, 0.8), (0.2, 0.55) if kind < 0.7 else (0.4, 0.75))
    bark = canvas.colour((0.04, 0.1), (0.2, 0.5), (0.15, 0.35))
    trunk = 0.06 * height
    canvas.polygon([(x - trunk, base), (x + trunk, base), (x + trunk, base - 0.5 * height), (x - trunk, base - 0.5 * height)], bark, TREE)
    mask = np.zeros_like(canvas.label)
    if canvas.chance(0.3):
        for tier in range(3):
            foot, half = base - (0.15 + 0.22 * tier) * height, (0.27 - 0.05 * tier) * height
            cv2.fillPoly(mask, [canvas.pixels([(x - half, foot), (x + half, foot), (x, foot - 0.45 * height)])], 1)
    else:
        for _ in range(7):
            angle, reach = canvas.uniform(0, 2 * np.pi), canvas.uniform(0, 0.22) * height
            middle = (x + 1.1 * reach * np.cos(angle), base - 0.65 * height + reach * np.sin(angle))
            cv2.circle(mask, tuple(int(v) for v in canvas.pixels(middle)), int(canvas.uniform(0.14, 0.21) * height * canvas.height), 1, -1)
    leaves = canvas.noise(canvas.height / 4.5, canvas.width / 4.5)
    canvas.cover(mask, _tinted(colour, 1 + 0.38 * leaves), TREE)


def _paint_car(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A car from its side: body, cabin, windows, two wheels."""
    length = scale * canvas.uniform(0.62, 0.85)
    facing = -1 if canvas.chance(0.5) else 1
    body = canvas.colour((0, 1), (0.0, 0.9), (0.2, 1.0))
    glass = canvas.colour((0.5, 0.62), (0.05, 0.35), (0.15, 0.6))
    roof = canvas.uniform(0.38, 0.48)

    def at(points) -> List[Tuple[float, float]]:
        return [(x + facing * length * px, base - length * py) for px, py in points]

    canvas.polygon(at([(-0.34, 0.2), (-0.22, roof), (0.12, roof), (0.28, 0.2)]), body, CAR)
    canvas.polygon(at([(-0.5, 0.08), (-0.5, 0.26), (-0.33, 0.29), (0.3, 0.28), (0.48, 0.21), (0.5, 0.08)]), body, CAR)
    canvas.polygon(at([(-0.28, 0.27), (-0.19, roof - 0.03), (-0.05, roof - 0.03), (-0.05, 0.27)]), glass, CAR)
    canvas.polygon(at([(-0.01, 0.27), (-0.01, roof - 0.03), (0.09, roof - 0.03), (0.21, 0.27)]), glass, CAR)
    for px in (-0.3, 0.29):
        for radius, grey in ((0.1, 0.06), (0.045, 0.6)):
            canvas.ellipse(at([(px, 0.09)])[0], (length * radius, length * radius), (grey,) * 3, CAR)


def _paint_person(canvas: Canvas, x: float, base: float, scale: float) -> None:
    """A standing figure: legs, a coat or a shirt, arms, a head with hair."""
    height = scale * canvas.uniform(0.62, 0.8)
    girth = canvas.uniform(1.15, 1.4)
    trousers = canvas.colour((0, 1), (0.0, 0.6), (0.1, 0.6))
    shirt = canvas.colour((0, 1), (0.1, 0.9), (0.25, 1.0))
    skin = canvas.colour((0.04, 0.08), (0.25, 0.55), (0.35, 0.95))
    hair = canvas.colour((0.03, 0.12), (0.1, 0.7), (0.05, 0.55))

    def at(points) -> List[Tuple[float, float]]:
        return [(x + girth * height * px, base - height * py) for px, py in points]

    stride = canvas.uniform(0.02, 0.07)
    for side in (-1, 1):
        canvas.polygon(at([(side * stride - 0.06, 0), (side * stride + 0.06, 0), (side * 0.045 + 0.07, 0.5), (side * 0.045 - 0.07, 0.5)]), trousers, PERSON)
        canvas.polygon(at([(side * 0.1, 0.8), (side * 0.16, 0.78), (side * 0.2, 0.45), (side * 0.13, 0.45)]), tuple(0.85 * v for v in shirt), PERSON)
    hem = canvas.uniform(0.3, 0.46)
    canvas.polygon(at([(-0.13, 0.82), (0.13, 0.82), (0.14, hem), (-0.14, hem)]), shirt, PERSON)
    canvas.ellipse(at([(0, 0.92)])[0], (0.075 * girth * height, 0.09 * height), hair, PERSON)
    canvas.ellipse(at([(0, 0.9)])[0], (0.062 * girth * height, 0.075 * height), skin, PERSON)


def _paint_objects(canvas: Canvas, horizon: float, place_on_road) -> None:
    """Buildings, trees, cars and people, far ones first."""
    aspect = canvas.width / canvas.height

    def scale(base: float) -> float:
        return 0.62 + 0.55 * (base - horizon) / (1 - horizon)

    def dry(nearest: float, furthest: float, margin: float) -> Tuple[float, float]:
        """A place (base, x) on the ground, if a few draws find one outside water."""
        for _ in range(6):
            base, x = canvas.uniform(furthest, nearest), canvas.uniform(margin, 1 - margin) * aspect
            row, column = min(int(base * canvas.height), canvas.height - 1), int(x * canvas.height)
            if canvas.label[row, min(column, canvas.width - 1)] != WATER:
                break
        return base, x

    standing: List[Tuple[float, float, Callable]] = []
    if canvas.chance(0.7):
        for _ in range(canvas.rng.integers(1, 3)):
            standing.append((horizon + canvas.uniform(0.0, 0.1), canvas.uniform(0, aspect), _paint_building))
    if canvas.chance(0.75):
        for _ in range(canvas.rng.integers(1, 3)):
            standing.append((*dry(0.85, horizon + 0.03, 0.0), _paint_tree))
    if canvas.chance(0.65):
        for _ in range(1 + canvas.chance(0.25)):
            x, base = place_on_road() if place_on_road else dry(0.95, horizon + 0.2, 0.15)[::-1]
            standing.append((base, x, _paint_car))
    if canvas.chance(0.6):
        for _ in range(1 + canvas.chance(0.25)):
            standing.append((*dry(1.0, horizon + 0.25, 0.1), _paint_person))
    for base, x, paint in sorted(standing, key=lambda item: item[0]):
        if paint is not _paint_building:
            canvas.shade((x, base), (0.24 * scale(base), 0.035), 0.45)
        paint(canvas, x, base, scale(base))


def _light(canvas: Canvas, horizon: float, haze: np.ndarray) -> np.ndarray:
    """Haze that thickens with distance, light from one side, exposure, colour cast, blur and sensor noise.

    Returns:
        The finished picture, uint8 RGB, [H, W, 3].
    """
    rows = np.linspace(0, 1, canvas.height, dtype=np.float32)
    distance = 1 - np.abs(rows - horizon) / np.where(rows < horizon, horizon, 1 - horizon)
    amount = canvas.uniform(0, 0.45) * np.clip(distance, 0, 1)[:, None] ** 2
    across = 1 + np.linspace(-1, 1, canvas.width, dtype=np.float32) * canvas.uniform(-0.2, 0.2)
    cast = np.asarray([canvas.uniform(0.85, 1.15) for _ in range(3)], np.float32) * canvas.uniform(0.65, 1.25)
    # Pixels and channels as one axis: NumPy is several times faster over long rows than over triples.
    image = canvas.image.reshape(canvas.height, -1)
    image = (1 - amount) * image + amount * np.tile(haze, canvas.width)
    image *= np.outer(across, cast).ravel()
    image = cv2.GaussianBlur(image.reshape(canvas.image.shape), (3, 3), canvas.uniform(0.4, 0.9))
    image += canvas.uniform(0.02, 0.08) * canvas.grain()
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def draw_scene(rng: np.random.Generator, height: int, width: int) -> Tuple[np.ndarray, np.ndarray]:
    """Draw one scene.

    Args:
        rng: the only source of chance; the same state gives the same scene.
        height, width: pixels.

    Returns:
        The picture, uint8 RGB, [H, W, 3], and its label map, uint8, [H, W], values index `CLASSES`.
    """
    canvas = Canvas(rng, height, width)
    horizon = canvas.uniform(0.4, 0.55)
    sky = _paint_sky(canvas)
    if canvas.chance(0.6):
        _paint_mountain(canvas, horizon)
    _paint_ground(canvas, horizon)
    if canvas.chance(0.55):
        _paint_water(canvas, horizon, sky)
    place_on_road = _paint_road(canvas, horizon) if canvas.chance(0.65) else None
    _paint_objects(canvas, horizon, place_on_road)
    return _light(canvas, horizon, sky[1]), canvas.label
