"""The images and labels of a data set as they are before its transforms."""

import copy
from typing import Any, Tuple

import numpy as np
from paddleseg.transforms import Compose

from ..errors import InputError
from .samples import CheckedSamples, sample_name


class LabelledImages:
    """A data set of which the transforms are left out: what scoring, and pictures of the truth, begin with.

    Args:
        dataset: any PaddleSeg data set that keeps its transforms in `transforms`, as all of PaddleSeg's own do.
        role: the section of the config that it comes from, for messages.

    Attributes:
        num_classes, ignore_index: the data set's.

    Raises:
        InputError: it keeps its transforms elsewhere.
    """

    def __init__(self, dataset: Any, role: str = "val_dataset"):
        if not isinstance(getattr(dataset, "transforms", None), Compose):
            raise InputError(
                f"{role}: {type(dataset).__name__} does not keep its transforms in `transforms`, so that its images "
                "cannot be had without them; score a checkpoint of it instead"
            )
        plain = copy.copy(dataset)
        plain.transforms = Compose([], to_rgb=True, img_channels=dataset.transforms.img_channels)
        self.num_classes: int = dataset.num_classes
        self.ignore_index: int = dataset.ignore_index
        self._samples = CheckedSamples(plain, role)

    def __len__(self) -> int:
        return len(self._samples)

    def name(self, index: int) -> str:
        """The file of an image, or its position in the data set."""
        return sample_name(self._samples.dataset, index)

    def read(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """One image, uint8 RGB [H, W, 3], and its class numbers [H, W], as the data set gives them.

        Raises:
            InputError: a file is missing or damaged, or the label holds no class numbers.
        """
        sample = self._samples[index]
        image, label = sample["img"].transpose(1, 2, 0), np.asarray(sample["label"])
        if image.shape[2] != 3 or not 0 <= image.min() <= image.max() <= 255:
            raise InputError(f"{self.name(index)} is no image of three channels of 8 bits; score a checkpoint instead")
        return np.ascontiguousarray(image, np.uint8), label.reshape(label.shape[-2:])
