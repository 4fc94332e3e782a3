"""Data sets whose label files hold other numbers than the classes, mapped while they are read."""

from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import paddle
from paddleseg.transforms import Compose
from PIL import Image

from ..errors import InputError, near

IGNORED = 255


class MappedLabels(paddle.io.Dataset):
    """Images and label files in PaddleSeg's data set interface; a table gives the class of each number in the files.

    A subclass says which files belong together (`pairs`), and where they are no images how to read them (`stored`).

    Args:
        transforms: PaddleSeg transforms; in training they change the label with the image.
        dataset_root: the folder that holds the data set.
        mode: one of `MODES`.

    Raises:
        InputError: there is no such folder or mode, or the data set is not laid out as it must be.
    """

    NUM_CLASSES: int
    IGNORE_INDEX = IGNORED
    IMG_CHANNELS = 3
    MODES = ("train", "val")
    CLASS_OF: np.ndarray
    """Class of each number in a label file, uint8 [256]; `IGNORED` where it has none."""

    def __init__(self, transforms: List[Any], dataset_root: str, mode: str = "train"):
        name = type(self).__name__
        if mode not in self.MODES:
            raise InputError(f"{name}: mode must be 'train' or 'val', not {mode!r}{near(mode, self.MODES)}")
        root = Path(dataset_root)
        if not root.is_dir():
            raise InputError(f"{name}: there is no folder {root}; give the data set's folder as `dataset_root`")
        self.dataset_root = dataset_root
        self.mode = mode
        self.transforms = Compose(transforms, img_channels=self.IMG_CHANNELS)
        self.num_classes = self.NUM_CLASSES
        self.ignore_index = self.IGNORE_INDEX
        self.edge = False
        self.file_list = self.pairs(root)
        if not self.file_list:
            raise InputError(f"{name}: {root} holds no images of '{mode}'; see the layout that {name} documents")

    def pairs(self, root: Path) -> List[List[str]]:
        """The image and the label file of every sample."""
        raise NotImplementedError

    def stored(self, path: str) -> np.ndarray:
        """The numbers in a label file, uint8 [H, W]."""
        with Image.open(path) as image:
            return np.asarray(image)

    def label(self, path: str) -> np.ndarray:
        """The classes of a label file, uint8 [H, W]."""
        return self.CLASS_OF[self.stored(path)]

    def __getitem__(self, index: int) -> Dict[str, Any]:
        """The transformed sample: "img" float32 [3, H, W], "label" uint8 [H, W] in training and [1, H, W] otherwise."""
        image, label = self.file_list[index]
        sample = {"trans_info": [], "img": image, "label": self.label(label), "gt_fields": []}
        if self.mode == "train":
            sample["gt_fields"].append("label")
        sample = self.transforms(sample)
        if self.mode != "train":
            sample["label"] = sample["label"][np.newaxis]
        return sample

    def __len__(self) -> int:
        return len(self.file_list)


def paired(images: Path, labels: Path, stems: List[str], suffix: str) -> List[List[str]]:
    """The files `images`/STEM.jpg and `labels`/STEM`suffix`; that they are there is looked up where they are read."""
    return [[str(images / f"{stem}.jpg"), str(labels / f"{stem}{suffix}")] for stem in stems]


def listed(path: Path, owner: str) -> List[str]:
    """The names in a list file, one a line.

    Raises:
        InputError: there is no such file, or it is no text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text in UTF-8"
        raise InputError(
            f"{owner}: cannot read the list {path}: {reason}; see the layout that {owner} documents"
        ) from error
    return text.split()
