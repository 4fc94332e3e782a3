"""Label maps counted against the truth, and PaddleSeg's figures of the counts."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import paddle
from paddleseg.utils import metrics

from ..classes import Classes
from ..errors import InputError


@dataclass(frozen=True)
class ImageCounts:
    """The pixels of one image.

    Attributes:
        index: of the image in its data set.
        image: its file, or what else to call it.
        confusion: pixels of each true class (row) that got each class (column), int64 [classes, classes], those of
            `ignore_index` left out.
        true_pixels: of each class, int64 [classes]. As PaddleSeg counts them: where `ignore_index` is a class, its
            pixels are among them.
    """

    index: int
    image: str
    confusion: np.ndarray
    true_pixels: np.ndarray


def count_image(
    index: int, image: str, truth: np.ndarray, labels: np.ndarray, num_classes: int, ignore_index: int
) -> ImageCounts:
    """Count one label map.

    Args:
        index, image: as of `ImageCounts`.
        truth: class numbers [H, W], or `ignore_index`.
        labels: what the network gave, of the same shape.

    Raises:
        InputError: the shapes differ, or there is a label that is no class.
    """
    if truth.shape != labels.shape:
        raise InputError(f"{image} has a label of {list(truth.shape)} and got a label map of {list(labels.shape)}")
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise InputError(
            f"{image} got class {labels.max()}, and the data set has {num_classes}; was the network trained on it?"
        )
    truth = truth.astype(np.int64).ravel()
    known = (truth >= 0) & (truth < num_classes)
    counted = known & (truth != ignore_index)
    pairs = truth[counted] * num_classes + labels.ravel()[counted]
    confusion = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    return ImageCounts(index, image, confusion, np.bincount(truth[known], minlength=num_classes))


@dataclass(frozen=True)
class ImageScore:
    """One image.

    Attributes:
        index, image: as of `ImageCounts`.
        miou: mean IoU of the classes that are in its label or in its label map; None where no pixel counts.
        accuracy: share of its pixels that are right; None where no pixel counts.
        pixels: how many count.
    """

    index: int
    image: str
    miou: Optional[float]
    accuracy: Optional[float]
    pixels: int


def _image_score(counts: ImageCounts) -> ImageScore:
    hits = np.diag(counts.confusion)
    union = counts.confusion.sum(axis=0) + counts.confusion.sum(axis=1) - hits
    pixels = int(counts.confusion.sum())
    if not pixels:
        return ImageScore(counts.index, counts.image, None, None, 0)
    there = union > 0
    miou = float(np.mean(hits[there] / union[there]))
    return ImageScore(counts.index, counts.image, miou, float(hits.sum() / pixels), pixels)


@dataclass(frozen=True)
class Scores:
    """What a network scored on a data set: the figures of `paddleseg.utils.metrics`.

    Attributes:
        classes: of the data set.
        confusion, true_pixels: as of `ImageCounts`, of all images.
        images: each of them, in the order of the data set.
        seconds: that it took, from the first file to the last label map; None where nobody looked.
    """

    classes: Classes
    confusion: np.ndarray
    true_pixels: np.ndarray
    images: Tuple[ImageScore, ...]
    seconds: Optional[float] = None

    @cached_property
    def _areas(self) -> List[paddle.Tensor]:
        """Pixels that are right, that were predicted and that are true, of each class, as PaddleSeg takes them."""
        areas = np.diag(self.confusion), self.confusion.sum(axis=0), self.true_pixels
        return [paddle.to_tensor(np.ascontiguousarray(area)) for area in areas]

    @cached_property
    def iou(self) -> np.ndarray:
        """Of each class, [classes]; 0 for a class that is nowhere, which counts in `miou` too."""
        return metrics.mean_iou(*self._areas)[0]

    @property
    def miou(self) -> float:
        return float(metrics.mean_iou(*self._areas)[1])

    @property
    def accuracy(self) -> float:
        return float(metrics.class_measurement(*self._areas)[0])

    @property
    def kappa(self) -> float:
        """Cohen's; NaN where everything is of one class."""
        with np.errstate(invalid="ignore"):
            return float(metrics.kappa(*self._areas))

    @property
    def mean_dice(self) -> float:
        return float(metrics.dice(*self._areas)[1])

    @cached_property
    def precision(self) -> np.ndarray:
        """Of each class, [classes]; 0 for a class that was never predicted."""
        return metrics.class_measurement(*self._areas)[1]

    @cached_property
    def recall(self) -> np.ndarray:
        """Of each class, [classes]; 0 for a class that is nowhere."""
        return metrics.class_measurement(*self._areas)[2]

    @property
    def images_a_second(self) -> Optional[float]:
        return len(self.images) / self.seconds if self.seconds else None

    def to_dict(self, confusion: bool = False) -> Dict[str, Any]:
        """For JSON.

        Args:
            confusion: with the confusion matrix.
        """
        share = self.confusion.sum(axis=1) / self.confusion.sum()
        columns = zip(self.classes.names, self.iou, self.precision, self.recall, share)
        content: Dict[str, Any] = {
            "miou": self.miou,
            "accuracy": self.accuracy,
            "kappa": self.kappa if math.isfinite(self.kappa) else None,
            "dice": self.mean_dice,
            "images": len(self.images),
            "images_a_second": self.images_a_second,
            "classes": [
                {"class": index, "name": name, **dict(zip(("iou", "precision", "recall", "share"), map(float, row)))}
                for index, (name, *row) in enumerate(columns)
            ],
        }
        if confusion:
            content["confusion"] = self.confusion.tolist()
        return content


class Tally:
    """Images counted one after the other.

    Args:
        classes: of the data set.
    """

    def __init__(self, classes: Classes):
        self._classes = classes
        self._confusion = np.zeros((len(classes), len(classes)), np.int64)
        self._true_pixels = np.zeros(len(classes), np.int64)
        self._images: List[ImageScore] = []

    def add(self, counts: ImageCounts) -> ImageScore:
        """Add the counts of one image, in any order."""
        self._confusion += counts.confusion
        self._true_pixels += counts.true_pixels
        self._images.append(_image_score(counts))
        return self._images[-1]

    def scores(self, seconds: Optional[float] = None) -> Scores:
        """Of all that was added.

        Raises:
            InputError: no pixel of it counts.
        """
        if not self._confusion.any():
            raise InputError("there is nothing to score: no pixel of the labels is of a class")
        images = sorted(self._images, key=lambda each: each.index)
        return Scores(self._classes, self._confusion.copy(), self._true_pixels.copy(), tuple(images), seconds)
