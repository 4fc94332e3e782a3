"""Labelme: a JSON file a picture, whose shapes are drawn in their order."""

import base64
import binascii
import io
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from ..errors import InputError, shown
from .drawn import number_names
from .entries import Entry, found_entries, plain
from .files import Folder, is_there, part_of, read_json
from .layout import Labels, Layout, Plan, Sample, Wish, counted

_MOST_SIDE = 1 << 15
_MOST_SHAPES = 100_000
_LINE_WIDTH = 10
_POINT_RADIUS = 5
"""As wide as labelme itself draws them (labelme/utils/shape.py)."""

_FEWEST_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2, "point": 1, "mask": 2}
_PROBED = 5
_MOST_PROBED = 1 << 26
"""Bytes; a file that is larger is no annotation of one picture."""


@dataclass(frozen=True)
class _Shape:
    """A shape of an annotation; `mask` is bool [h, w], its top left corner at the first point."""

    label: str
    kind: str
    points: Tuple[Tuple[float, float], ...]
    mask: Optional[np.ndarray] = None


@dataclass(frozen=True)
class _Annotation:
    """One JSON file: size of the picture as height and width, and shapes in the order of drawing."""

    size: Tuple[int, int]
    shapes: Tuple[_Shape, ...]


def labelme(folder: Folder) -> Optional[Layout]:
    """JSON files with "shapes", each of the picture that it names or that has its name beside it.

    Raises:
        InputError: a file cannot be read or holds a shape of unknown kind.
    """
    if not any(map(_is_annotation, folder.jsons[:_PROBED])):
        return None
    samples, others = [], 0
    pictures = {path.with_suffix(""): path for path in reversed(folder.pictures)}
    for path in tqdm(folder.jsons, desc="Labelme files", unit="file", delay=2, disable=None, leave=False):
        content = read_json(path)
        if not isinstance(content, dict) or "shapes" not in content:
            others += 1
            continue
        image = _image_of(path, content, pictures)
        samples.append(Sample(image, path, part_of(folder.below(path).parent), _read(path, content)))
    notes = [f"{counted(others, 'JSON file')} without shapes left out"] if others else []
    with_label = {sample.image for sample in samples}
    bare = len([path for path in folder.pictures if path not in with_label])
    if bare:
        notes.append(f"{counted(bare, 'picture')} without a JSON file left out")
    listed, entries = found_entries(folder)
    return Layout("Labelme", samples, LabelmeLabels(entries, listed and listed.name), notes)


def _is_annotation(path: Path) -> bool:
    if path.stat().st_size > _MOST_PROBED:
        return False
    content = read_json(path)
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def _image_of(path: Path, content: Any, pictures: Mapping[Path, Path]) -> Path:
    """The picture of an annotation; `pictures` are those of the data set by their paths without suffix."""
    named = content.get("imagePath")
    if isinstance(named, str) and named:
        # Labelme on Windows writes backslashes.
        image = Path(os.path.normpath(path.parent / Path(*re.split(r"[/\\]", named))))
        if is_there(image):
            return image
    if path.with_suffix("") in pictures:
        return pictures[path.with_suffix("")]
    if content.get("imageData"):
        raise InputError(f"{path} has its picture inside only; write it beside, as {path.with_suffix('.jpg').name}")
    raise InputError(f"{path} names the picture {shown(named)}, which is not there; put it beside the JSON file")


def _read(path: Path, content: Any) -> _Annotation:
    size = content.get("imageHeight"), content.get("imageWidth")
    if not all(isinstance(side, int) and 0 < side <= _MOST_SIDE for side in size):
        raise InputError(f"{path}: imageHeight and imageWidth are {shown(size)} and not the picture's size")
    shapes = content["shapes"]
    if not isinstance(shapes, list) or len(shapes) > _MOST_SHAPES:
        raise InputError(f"{path}: 'shapes' must be a list of at most {_MOST_SHAPES} shapes")
    return _Annotation(size, tuple(_read_shape(shape, f"{path}: shape {index}") for index, shape in enumerate(shapes)))


def _read_shape(given: Any, where: str) -> _Shape:
    if not isinstance(given, dict) or not isinstance(given.get("label"), str) or not given["label"].strip():
        raise InputError(f"{where} has no label")
    kind = given.get("shape_type") or "polygon"
    points = given.get("points")
    if not isinstance(kind, str) or kind not in _FEWEST_POINTS:
        raise InputError(f"{where} is a {shown(kind)}; known are {', '.join(_FEWEST_POINTS)}")
    fewest = _FEWEST_POINTS[kind]
    if not isinstance(points, list) or not all(map(_is_point, points)) or len(points) < fewest:
        raise InputError(f"{where}, a {kind} called {shown(given['label'])}, needs {fewest} points or more")
    mask = _read_mask(given.get("mask"), where) if kind == "mask" else None
    return _Shape(given["label"].strip(), kind, tuple((float(x), float(y)) for x, y in points), mask)


def _is_point(given: Any) -> bool:
    return isinstance(given, list) and len(given) == 2 and all(
        type(each) in (int, float) and abs(each) < 1e6 for each in given
    )


def _read_mask(given: Any, where: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(base64.b64decode(given, validate=True))) as image:
            if max(image.size) > _MOST_SIDE:
                raise InputError(f"{where} has a mask of {image.size[0]}x{image.size[1]}")
            return np.asarray(image.convert("L")) > 0
    except InputError:
        raise
    except (binascii.Error, Exception) as error:  # a damaged image raises nearly anything
        raise InputError(f"{where} has a mask that is no picture: {shown(error, 200)}") from error


class LabelmeLabels(Labels):
    """Labels drawn from Labelme's shapes.

    Args:
        entries: the classes of a list in the data set's folder.
        listed: that file's name.
    """

    def __init__(self, entries: Optional[Sequence[Entry]] = None, listed: Optional[str] = None):
        self.entries = entries
        self.listed = listed

    def look(self, sample: Sample) -> Tuple[Tuple[int, int], None]:
        return sample.drawn.size, None

    def plan(self, samples: Sequence[Sample], looks: Sequence[Any], wish: Wish) -> Plan:
        used = sorted({shape.label for sample in samples for shape in sample.drawn.shapes})
        # Of names that differ in underscores or capitals only, the first stands for all.
        names = list({plain(name): Entry(name) for name in reversed(used)}.values())[::-1]
        wish = Wish(wish.entries or self.entries and tuple(self.entries), wish.void, wish.template)
        classes, numbers, empty, notes = number_names(names, wish, True, "the Labelme data")
        by_plain = {plain(name): number for name, number in numbers.items()}
        if self.listed and wish.entries is self.entries:
            notes.insert(0, f"classes as of {self.listed}")

        def label_map(sample: Sample) -> np.ndarray:
            return _draw(sample.drawn, {name: by_plain[plain(name)] for name in used}, empty)

        return Plan(classes, label_map, False, notes)


def _draw(annotation: _Annotation, numbers: "dict[str, int]", empty: int) -> np.ndarray:
    height, width = annotation.size
    canvas = Image.new("L", (width, height), empty)
    for shape in annotation.shapes:
        _draw_shape(canvas, shape, numbers[shape.label])
    return np.asarray(canvas)


def _draw_shape(canvas: Image.Image, shape: _Shape, number: int) -> None:
    draw = ImageDraw.Draw(canvas)
    points: List[Tuple[float, float]] = list(shape.points)
    (x, y), last = points[0], points[-1]
    if shape.kind == "polygon":
        draw.polygon(points, outline=number, fill=number)
    elif shape.kind == "rectangle":
        (left, right), (top, bottom) = sorted((x, last[0])), sorted((y, last[1]))
        draw.rectangle([left, top, right, bottom], outline=number, fill=number)
    elif shape.kind == "circle":
        radius = math.hypot(last[0] - x, last[1] - y)
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=number, fill=number)
    elif shape.kind == "point":
        radius = _POINT_RADIUS
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=number, fill=number)
    elif shape.kind == "mask":
        stencil = Image.fromarray(shape.mask.astype(np.uint8) * 255)
        canvas.paste(number, (int(x), int(y)), stencil)
    else:
        draw.line(points, fill=number, width=_LINE_WIDTH)
