"""Which label belongs to which picture, told by the names of files and folders.

Labels lie in a folder whose name has a word for them (`labels`, `train_masks`, `trainannot`, `SegmentationClass`), or
have one at the end of their own name (`_mask`, `_L`), or lie beside a JPEG of the same name as a PNG.
"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Hashable, List, Sequence, Tuple

from ..errors import shown
from .files import Folder, part_of_word, words
from .layout import Sample, counted

_LABEL_WORDS = {
    "label", "labels", "labeled", "labelled", "mask", "masks", "annotation", "annotations", "ann", "anns", "annot",
    "annots", "gt", "groundtruth", "truth", "seg", "segs", "segmentation", "segmentations", "semantic", "semantics",
    "target", "targets", "labelids", "labeltrainids",
}  # fmt: skip
_IMAGE_WORDS = {
    "image", "images", "img", "imgs", "jpeg", "jpg", "png", "rgb", "photo", "photos", "picture", "pictures", "pic",
    "pics", "raw", "frame", "frames", "input", "inputs", "original", "originals", "color", "colour", "class", "ground",
}  # fmt: skip
_GLUED = re.compile(r"([a-z]+?)_?(annots?|annotations?|labels?|masks?|images?|imgs?|gt)")
_LABEL_END = re.compile(
    r"[ _.-](?:masks?|labels?|L|gt|GT|gtFine|seg|segmentation|annotation|groundtruth|labelTrainIds|labelIds|trainIds)$"
)
_IMAGE_END = re.compile(r"[ _.-](?:image|img|rgb|sat|leftImg8bit)$")
_BEGIN = re.compile(r"^(?:image|img|mask|label|gt|ann|seg)[ _.-]?(?=.)")
_FIRST = 3


@dataclass(frozen=True)
class _Name:
    """What the name of a picture says.

    Attributes:
        path: the file.
        is_label: whether a word of it says so.
        part: of the data set.
        rest: the words of its folders that speak of neither.
        stem: its name without suffix.
        bare: that without the words that tell pictures and labels apart.
    """

    path: Path
    is_label: bool
    part: str
    rest: Tuple[str, ...]
    stem: str
    bare: str


def pair_files(folder: Folder) -> Tuple[List[Sample], List[str]]:
    """The pictures of a folder with their labels, and a sentence on what was left out; no samples where none fit."""
    return pair_paths(folder.pictures)


def pair_paths(pictures: Sequence[Path]) -> Tuple[List[Sample], List[str]]:
    """As `pair_files`, of a list of files."""
    if not pictures:
        return [], []
    # What all have in common tells nothing apart, though it may hold a word such as "seg".
    above = Path(os.path.commonpath([str(path.parent) for path in pictures]))
    names = [_read_name(path, path.relative_to(above)) for path in pictures]
    images = [name for name in names if not name.is_label]
    labels = [name for name in names if name.is_label]
    if not labels:
        images, labels = _twins(names)
    keys: Sequence[Callable[[_Name], Hashable]] = (
        lambda name: (name.part, name.rest, name.stem),
        lambda name: (name.part, name.rest, name.bare),
        lambda name: (name.part, name.bare),
        lambda name: name.bare,
    )
    pairs: Dict[Path, _Name] = {}
    for key in keys:
        left_images = [name for name in images if name.path not in pairs]
        taken = {label.path for label in pairs.values()}
        left_labels = [name for name in labels if name.path not in taken]
        pairs.update(_matches(left_images, left_labels, key))
    samples = [
        Sample(name.path, pairs[name.path].path, name.part or pairs[name.path].part)
        for name in images if name.path in pairs
    ]
    taken = {sample.label for sample in samples}
    return samples, _left_out(images, pairs, [name.path for name in labels if name.path not in taken])


def _read_name(path: Path, below: Path) -> _Name:
    folders: List[str] = []
    for piece in below.parts[:-1]:
        for word in words(piece):
            glued = _GLUED.fullmatch(word)
            folders += [glued[1], glued[2]] if glued and part_of_word(glued[1]) else [word]
    stem = path.stem
    is_label = any(word in _LABEL_WORDS for word in folders) or bool(_LABEL_END.search(stem))
    parts = {part_of_word(word) for word in folders} - {None}
    known = _LABEL_WORDS | _IMAGE_WORDS
    rest = tuple(word for word in folders if word not in known and part_of_word(word) is None)
    bare = (_LABEL_END if is_label else _IMAGE_END).sub("", stem)
    bare = (_LABEL_END if is_label else _IMAGE_END).sub("", bare)
    return _Name(path, is_label, parts.pop() if len(parts) == 1 else "", rest, stem, _BEGIN.sub("", bare))


def _twins(names: Sequence[_Name]) -> Tuple[List[_Name], List[_Name]]:
    """JPEGs and the PNGs of their names beside them."""
    photos = {(name.path.parent, name.stem) for name in names if _is_jpeg(name.path)}
    labels = [name for name in names if not _is_jpeg(name.path) and (name.path.parent, name.stem) in photos]
    return [name for name in names if _is_jpeg(name.path)], labels


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg")


def _matches(
    images: Sequence[_Name], labels: Sequence[_Name], key: Callable[[_Name], Hashable]
) -> Dict[Path, _Name]:
    """The labels whose key exactly one picture and one label have, by the picture's file."""
    by_key: Dict[Hashable, Tuple[List[_Name], List[_Name]]] = defaultdict(lambda: ([], []))
    for side, names in enumerate((images, labels)):
        for name in names:
            by_key[key(name)][side].append(name)
    return {both[0][0].path: both[1][0] for both in by_key.values() if len(both[0]) == len(both[1]) == 1}


def _left_out(images: Sequence[_Name], pairs: Dict[Path, _Name], labels: Sequence[Path]) -> List[str]:
    notes = []
    for paths, what, lack in (
        ([name.path for name in images if name.path not in pairs], "picture", "no label"),
        (labels, "label", "no picture"),
    ):
        if paths:
            first = ", ".join(shown(path.name) for path in paths[:_FIRST]) + (", ..." if len(paths) > _FIRST else "")
            has = "has" if len(paths) == 1 else "have"
            notes.append(f"{counted(len(paths), what)} {has} {lack} of the name, and left out: {first}")
    return notes


