"""Data sets as they are published: Cityscapes, ADE20K, CamVid and Pascal VOC, whose classes are known."""

from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from ..data.known_classes import known_classes
from .entries import Entry
from .files import Folder, part_of
from .label_images import LabelImages
from .layout import IGNORED, Layout, Sample, counted

_TRAIN_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The numbers of Cityscapes' 19 classes among its 34 (github.com/mcordts/cityscapesScripts, helpers/labels.py)."""

_CAMVID = (
    ("sky", (128, 128, 128)), ("building", (128, 0, 0)), ("pole", (192, 192, 128)), ("road", (128, 64, 128)),
    ("pavement", (60, 40, 222)), ("tree", (128, 128, 0)), ("sign", (192, 128, 128)), ("fence", (64, 64, 128)),
    ("car", (64, 0, 128)), ("pedestrian", (64, 64, 0)), ("bicyclist", (0, 128, 192)),
)  # fmt: skip
"""The 11 classes of SegNet (github.com/alexgkendall/SegNet-Tutorial), which counts void as a twelfth."""


def _known(dataset: str) -> Optional[Tuple[Entry, ...]]:
    classes = known_classes(dataset)
    return classes and tuple(map(Entry, classes.names, classes.colours))


def cityscapes(folder: Folder) -> Optional[Layout]:
    """`leftImg8bit/PART/CITY/X_leftImg8bit.png` and `gtFine/PART/CITY/X_gtFine_labelIds.png` or `_labelTrainIds.png`.

    Its test labels are placeholders without classes, and left out.
    """
    images = folder.root / "leftImg8bit"
    truth = next((folder.root / name for name in ("gtFine", "gtCoarse") if (folder.root / name).is_dir()), None)
    if truth is None or not images.is_dir():
        return None
    files = set(folder.pictures)
    pictures = [path for path in folder.pictures if images in path.parents and path.stem.endswith("_leftImg8bit")]
    for kind, labels in (
        ("labelTrainIds", LabelImages(_known("Cityscapes"), origin="Cityscapes")),
        ("labelIds", LabelImages(_known("Cityscapes"), class_of=_cityscapes_table(), origin="Cityscapes")),
    ):
        samples = []
        for path in pictures:
            name = f"{path.stem[:-len('leftImg8bit')]}{truth.name}_{kind}.png"
            label = truth / path.parent.relative_to(images) / name
            part = part_of(folder.below(path).parent)
            if label in files and part != "test":
                samples.append(Sample(path, label, part))
        if samples:
            left = len(pictures) - len(samples)
            notes = [f"{counted(left, 'picture')} without labels, or with the placeholders of the test part, left out"]
            return Layout(f"Cityscapes, {kind}", samples, labels, notes if left else [])
    return None


def _cityscapes_table() -> np.ndarray:
    table = np.full(1 << 16, IGNORED, np.uint8)
    table[list(_TRAIN_IDS)] = np.arange(len(_TRAIN_IDS))
    return table


def _is_ade20k(folder: Folder, samples: Sequence[Sample]) -> bool:
    files = {path.name for path in folder.texts if path.parent == folder.root}
    named = "ade" in folder.root.name.lower() or {"objectInfo150.txt", "sceneCategories.txt"} & files
    return bool(named) and all("annotations" in folder.below(sample.label).parts for sample in samples)


def _is_segnet_camvid(folder: Folder, samples: Sequence[Sample]) -> bool:
    beside = all(sample.label.parent.name == f"{sample.image.parent.name}annot" for sample in samples)
    return beside and any("camvid" in part.lower() for part in folder.root.parts[-2:])


def _is_voc(folder: Folder, samples: Sequence[Sample]) -> bool:
    named = any(part.upper().startswith("VOC") for part in folder.root.parts[-2:])
    return named and all(sample.label.parent.name == "SegmentationClass" for sample in samples)


_Test = Callable[[Folder, Sequence[Sample]], bool]
_PUBLISHED: List[Tuple[str, _Test, Callable[[], LabelImages]]] = [
    ("ADE20K", _is_ade20k, lambda: LabelImages(_known("ADE20K"), ("0",), origin="ADE20K")),
    (
        "CamVid as SegNet has it", _is_segnet_camvid,
        lambda: LabelImages(tuple(Entry(*each) for each in _CAMVID), ("11",), origin="SegNet's CamVid"),
    ),
    ("Pascal VOC", _is_voc, lambda: LabelImages(_known("PascalVOC"), origin="Pascal VOC")),
]  # fmt: skip


def published_labels(folder: Folder, samples: Sequence[Sample]) -> Tuple[Optional[str], LabelImages]:
    """The title of the published data set that the samples are of, None where they are of none, and its labels."""
    for title, test, labels in _PUBLISHED:
        if test(folder, samples):
            return title, labels()
    return None, LabelImages()
