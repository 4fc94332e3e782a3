"""COCO-Stuff as its authors publish it, both editions.

PaddleSeg's `CocoStuff` reads labels that a script of PaddleSeg's sources has rewritten before, takes images and labels
to belong together by their order, and knows the larger edition only.
"""

from pathlib import Path
from typing import List

import numpy as np
from paddleseg.cvlibs import manager
from scipy.io import loadmat

from ..errors import InputError
from .mapped_labels import IGNORED, MappedLabels, listed, paired

CATEGORIES = 182
"""Categories of COCO and of the stuff, numbered from 1."""

UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91)
"""Categories that no image of COCO shows (github.com/nightrome/cocostuff, labels)."""


def _classes() -> np.ndarray:
    """Class 0 to 170 of each category, uint8 [183]; `IGNORED` where there is none, as for 0, which means unlabelled."""
    table = np.full(CATEGORIES + 1, IGNORED, np.uint8)
    used = [category for category in range(1, CATEGORIES + 1) if category not in UNUSED]
    table[used] = np.arange(len(used))
    return table


_CLASS_OF_CATEGORY = _classes()


class _COCOStuff(MappedLabels):
    NUM_CLASSES = CATEGORIES - len(UNUSED)
    NEVER: np.ndarray
    """Numbers that no label file holds as it was published, bool [256]."""

    def label(self, path: str) -> np.ndarray:
        """The classes of a label file, uint8 [H, W].

        Raises:
            InputError: it holds a number that COCO-Stuff never uses: it was rewritten before, and its other numbers
                would silently be taken for other classes.
        """
        stored = self.stored(path)
        wrong = np.unique(stored[self.NEVER[stored]])
        if len(wrong):
            raise InputError(
                f"{path} holds {wrong[0]}, which COCO-Stuff does not use: give the labels as they were published, or "
                "PaddleSeg's `type: CocoStuff` for labels that were converted to 171 classes"
            )
        return self.CLASS_OF[stored]


def _table(first: int) -> np.ndarray:
    """The class of each number in a file where category 1 has the number `first`, uint8 [256]."""
    table = np.full(256, IGNORED, np.uint8)
    table[first:first + CATEGORIES] = _CLASS_OF_CATEGORY[1:]
    return table


def _never(first: int, unlabelled: int) -> np.ndarray:
    """The numbers that stand for no used category, nor for what is not labelled, bool [256]."""
    never = _table(first) == IGNORED
    never[unlabelled] = False
    return never


@manager.DATASETS.add_component
class COCOStuff164k(_COCOStuff):
    """COCO 2017 with the label images of stuffthingmaps_trainval2017, in 171 classes.

    The folder is that of PaddleSeg's `CocoStuff`, with the labels as they were published:

        cocostuff/images/train2017/NAME.jpg and val2017/NAME.jpg
        cocostuff/annotations/train2017/NAME.png and val2017/NAME.png    0 to 181 for the categories, 255 for none
    """

    CLASS_OF = _table(first=0)
    NEVER = _never(first=0, unlabelled=255)

    def pairs(self, root: Path) -> List[List[str]]:
        images = root / "images" / f"{self.mode}2017"
        names = sorted(path.stem for path in images.glob("*.jpg"))
        return paired(images, root / "annotations" / images.name, names, ".png")


@manager.DATASETS.add_component
class COCOStuff10k(_COCOStuff):
    """COCO-Stuff 10k (cocostuff-10k-v1.1) in 171 classes; "val" is its test set.

        cocostuff10k/images/NAME.jpg
        cocostuff10k/annotations/NAME.mat                 "S": 0 for none, 1 to 182 for the categories
        cocostuff10k/imageLists/train.txt and test.txt    a NAME a line
    """

    CLASS_OF = _table(first=1)
    NEVER = _never(first=1, unlabelled=0)

    def pairs(self, root: Path) -> List[List[str]]:
        part = {"train": "train", "val": "test"}[self.mode]
        names = listed(root / "imageLists" / f"{part}.txt", type(self).__name__)
        return paired(root / "images", root / "annotations", names, ".mat")

    def stored(self, path: str) -> np.ndarray:
        content = loadmat(path, variable_names=["S"])
        if "S" not in content:
            raise InputError(f"{path} has no variable S; take the .mat files of cocostuff-10k-v1.1")
        return content["S"].astype(np.uint8)
