"""COCO's JSON files: panoptic segments in PNGs, and outlines or run lengths of things and stuff."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..errors import InputError, ToolError, shown
from .drawn import number_names, same_names
from .entries import Entry
from .files import Folder, is_there, part_of, read_json, words
from .layout import IGNORED, Labels, Layout, Plan, Sample, Wish, counted
from .stored_labels import read_stored

try:
    from pycocotools import mask as coco_mask
except ImportError:
    coco_mask = None

_KINDS = ("panoptic", "stuff", "instances")
"""What is taken where a folder has files of several kinds."""

_NOT_MEANT = ("captions", "keypoints", "image", "info")
_MOST_SIDE = 1 << 15
_FARTHEST = 1e5


@dataclass(frozen=True)
class _Region:
    """An annotation of a picture: the name of its category, and its segment's id or its outline."""

    name: str
    segment: int = 0
    outline: Any = None


@dataclass(frozen=True)
class _Annotations:
    """What COCO says of one picture; `png` holds the segments where they are panoptic."""

    size: Tuple[int, int]
    regions: Tuple[_Region, ...]
    png: Optional[Path] = None


def coco(folder: Folder) -> Optional[Layout]:
    """JSON files with "images", "annotations" and "categories".

    Raises:
        InputError: a file cannot be read, or a picture is missing.
        ToolError: pycocotools is wanted and not installed.
    """
    files, kind = _files(folder)
    by_name: Dict[str, List[Path]] = {}
    for path in folder.pictures:
        by_name.setdefault(path.name, []).append(path)
    samples: List[Sample] = []
    notes: List[str] = []
    categories: Optional[Sequence[Entry]] = None
    panoptic = False
    for path in files:
        content = read_json(path)
        if not _is_coco(content):
            continue
        reader = _Reader(folder, path, content, by_name)
        categories = same_names(categories, reader.categories(), str(path))
        found = reader.samples()
        panoptic |= any(sample.drawn.png is not None for sample in found)
        samples += found
        notes += reader.notes
    if not samples:
        return None
    polygons = any(isinstance(region.outline, list) for sample in samples for region in sample.drawn.regions)
    if polygons and coco_mask is None:
        raise ToolError("outlines of COCO are drawn by pycocotools: pip install 'paddleseg_mobileseg[coco]'")
    what = "panoptic" if panoptic else kind or "instances"
    return Layout(f"COCO, {what}", samples, CocoLabels(categories, panoptic, kind == "stuff"), notes)


def _files(folder: Folder) -> Tuple[List[Path], str]:
    """The JSON files to read, and their kind where their names tell it."""
    for kind in _KINDS:
        named = [path for path in folder.jsons if kind in words(path.stem)]
        if named:
            return named, kind
    return [path for path in folder.jsons if not set(_NOT_MEANT) & set(words(path.stem))], ""


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ("images", "annotations", "categories")
    )


class _Reader:
    """One JSON file."""

    def __init__(self, folder: Folder, path: Path, content: Dict[str, Any], by_name: Dict[str, List[Path]]):
        self.folder = folder
        self.path = path
        self.content = content
        self.by_name = by_name
        self.notes: List[str] = []
        self.part = part_of(folder.below(path))
        self.names = {row["id"]: row["name"] for row in self.rows("categories", id=int, name=str)}

    def rows(self, key: str, **fields: type) -> List[Dict[str, Any]]:
        """The mappings of a list, which must have fields of these types."""
        for index, row in enumerate(self.content[key]):
            row = row if isinstance(row, dict) else {}
            wrong = next((name for name, kind in fields.items() if type(row.get(name)) is not kind), None)
            if wrong is not None:
                raise InputError(f"{self.path}: {key}[{index}] has no proper '{wrong}'; is it COCO's format?")
        return self.content[key]

    def categories(self) -> List[Entry]:
        """The categories by their ids. A nameless root, as Roboflow writes it with id 0, is none."""
        used = [row.get("category_id") for row in self.content["annotations"] if isinstance(row, dict)]
        found = []
        for row in sorted(self.rows("categories", id=int, name=str), key=lambda row: row["id"]):
            if row.get("supercategory") == "none" and row["id"] == 0 and 0 not in used:
                continue
            colour = row.get("color")
            proper = isinstance(colour, list) and len(colour) == 3 and all(type(part) is int for part in colour)
            found.append(Entry(row["name"], tuple(colour) if proper else None))
        return found

    def samples(self) -> List[Sample]:
        """The pictures that have annotations."""
        by_image: Dict[int, List[Dict[str, Any]]] = {}
        for row in self.rows("annotations", image_id=int):
            by_image.setdefault(row["image_id"], []).append(row)
        found, bare = [], 0
        for image in self.rows("images", id=int, file_name=str, height=int, width=int):
            if image["id"] not in by_image:
                bare += 1
                continue
            found.append(Sample(self.find(image["file_name"]), self.path, self.part, self.read(image, by_image)))
        if bare:
            self.notes.append(f"{counted(bare, 'picture')} without annotations in {self.path.name} left out")
        return found

    def find(self, name: str) -> Path:
        """The picture that the file means: beside it, below the data set, or the one of that name of its part."""
        for base in (self.path.parent, self.folder.root):
            if is_there(base / name):
                return base / name
        same = self.by_name.get(Path(name).name, [])
        of_part = [path for path in same if part_of(self.folder.below(path).parent) == self.part]
        for paths in (same, of_part):
            if len(paths) == 1:
                return paths[0]
        raise InputError(f"{self.path} lists the picture {shown(name)}, which is not in {self.folder.root}")

    def read(self, image: Dict[str, Any], by_image: Dict[int, List[Dict[str, Any]]]) -> _Annotations:
        size = image["height"], image["width"]
        if not all(0 < side <= _MOST_SIDE for side in size):
            raise InputError(f"{self.path}: the picture {shown(image['file_name'])} is of {size[1]}x{size[0]}")
        rows = by_image[image["id"]]
        if "segments_info" not in rows[0]:
            return _Annotations(size, tuple(self.outlined(row) for row in rows))
        name = rows[0].get("file_name")
        segments = rows[0]["segments_info"]
        if not isinstance(name, str) or not name.endswith(".png") or not isinstance(segments, list):
            raise InputError(f"{self.path}: the segments of picture {image['id']} name no PNG")
        regions = tuple(
            _Region(self.name_of(row), row["id"]) for row in segments
            if isinstance(row, dict) and type(row.get("id")) is int and 0 <= row["id"] < 1 << 24
        )
        return _Annotations(size, regions, self.segments_file(name))

    def segments_file(self, name: str) -> Path:
        for base in (self.path.with_suffix(""), self.path.parent, self.folder.root):
            if is_there(base / name):
                return base / name
        same = [path for path in self.by_name.get(Path(name).name, []) if "panoptic" in str(path.parent)]
        if len(same) == 1:
            return same[0]
        raise InputError(f"{self.path} names the segments {shown(name)}, which are not in {self.path.with_suffix('')}")

    def outlined(self, row: Dict[str, Any]) -> _Region:
        return _Region(self.name_of(row), outline=row.get("segmentation"))

    def name_of(self, row: Any) -> str:
        category = row.get("category_id") if isinstance(row, dict) else None
        if type(category) is not int or category not in self.names:
            raise InputError(f"{self.path}: an annotation has the category {shown(category)}, which is not listed")
        return self.names[category]


class CocoLabels(Labels):
    """Labels of COCO's annotations.

    Args:
        categories: of the files, by id.
        panoptic: whether segments lie in PNGs; what has none is not learnt.
        stuff: whether the files are those of stuff, where too what nothing covers is not learnt.
    """

    def __init__(self, categories: Sequence[Entry], panoptic: bool, stuff: bool):
        self.categories = categories
        self.panoptic = panoptic
        self.stuff = stuff

    def look(self, sample: Sample) -> Tuple[Tuple[int, int], None]:
        return sample.drawn.size, None

    def plan(self, samples: Sequence[Sample], looks: Sequence[Any], wish: Wish) -> Plan:
        background = not (self.panoptic or self.stuff)
        classes, numbers, empty, notes = number_names(self.categories, wish, background, "the COCO data")
        if self.panoptic:
            return Plan(classes, lambda sample: _segments(sample, numbers), False, notes)
        return Plan(classes, lambda sample: _outlines(sample, numbers, empty), False, notes)


def _segments(sample: Sample, numbers: Dict[str, int]) -> np.ndarray:
    """The classes of a panoptic PNG: a pixel's red, green and blue are a segment's id, the lowest byte first."""
    stored = read_stored(sample.drawn.png)
    if stored.values.shape != sample.drawn.size:
        raise InputError(f"{sample.drawn.png} is not of the size that {sample.label} says")
    codes = stored.codes().astype(np.int64)
    ids = codes >> 16 | codes & 0xFF00 | (codes & 0xFF) << 16
    class_of = {0: IGNORED, **{region.segment: numbers[region.name] for region in sample.drawn.regions}}
    known = np.array(sorted(class_of))
    found = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    wrong = known[found] != ids
    if wrong.any():
        raise InputError(f"{sample.drawn.png} holds the segment {ids[wrong][0]}, which {sample.label} does not list")
    return np.array([class_of[segment] for segment in known.tolist()], np.uint8)[found]


def _outlines(sample: Sample, numbers: Dict[str, int], empty: int) -> np.ndarray:
    """The classes of outlines and run lengths, larger ones below smaller ones."""
    height, width = sample.drawn.size
    label = np.full((height, width), empty, np.uint8)
    try:
        masks = [(_mask(region.outline, height, width), numbers[region.name]) for region in sample.drawn.regions]
    except Exception as error:  # whatever pycocotools raises on what is no outline
        raise InputError(
            f"{sample.label}: an annotation of {sample.image.name} has no proper segmentation: {shown(error, 200)}"
        ) from error
    for mask, number in sorted(masks, key=lambda pair: -int(pair[0].sum())):
        label[mask] = number
    return label


def _mask(outline: Any, height: int, width: int) -> np.ndarray:
    """The pixels of an outline, bool [height, width]: a list of polygons, or run lengths as numbers or as text."""
    if isinstance(outline, list):
        polygons = [each for each in outline if len(each) >= 6]
        # Each edge is walked in fifths of a pixel, however far it leads.
        if not all(abs(number) <= _FARTHEST for polygon in polygons for number in polygon):
            raise ValueError("a corner lies far outside of the picture")
        if not polygons:
            return np.zeros((height, width), bool)
        runs = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
        return coco_mask.decode(runs).astype(bool)
    counts = outline["counts"]
    counts = counts if isinstance(counts, list) else _run_lengths(counts)
    if list(outline["size"]) != [height, width] or min(counts) < 0 or sum(counts) != height * width:
        raise ValueError(f"its run lengths are not of {width}x{height}")
    # Runs of nothing and of the thing take turns, down each column.
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T


def _run_lengths(text: str) -> List[int]:
    """COCO's compressed run lengths (cocoapi, common/maskApi.c, rleFrString).

    Five bits a character, the sixth says that more follow, the fifth of the last is the sign; from the fourth number on
    each is the difference from the one two before.
    """
    counts: List[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts
