"""PaddleSeg's random crop where it looks for a window that shows more than one class."""

import functools
from typing import Any, Dict

import numpy as np

from ..patch import Patch, lookup, source_of


def _random_crop() -> type:
    return lookup("paddleseg.transforms.transforms", "RandomPaddingCrop")


def _has_image_for_label() -> bool:
    return "data['img'] = seg_temp" in source_of(_random_crop().__call__)


def _crop_the_image() -> None:
    random_crop = _random_crop()
    stock = random_crop.__call__

    @functools.wraps(stock)
    def cropped(self, data: Dict[str, Any]) -> Dict[str, Any]:
        if self.category_max_ratio >= 1 or data["img"].shape[:2] == self.crop_size:
            return stock(self, data)
        data = self._padding(data)
        size = data["img"].shape[:2]
        left, top, right, bottom = self._get_crop_coordinates(size)
        for _ in range(self.loop_times):
            if _is_mixed(data["label"][top:bottom, left:right], self.ignore_index, self.category_max_ratio):
                break
            left, top, right, bottom = self._get_crop_coordinates(size)
        for key in ("img", *data.get("gt_fields", [])):
            data[key] = data[key][top:bottom, left:right]
        return data

    random_crop.__call__ = cropped


def _is_mixed(label: np.ndarray, ignore_index: int, max_ratio: float) -> bool:
    """Whether a window [h, w] shows several classes, none of them on more than `max_ratio` of what is labelled."""
    classes, counts = np.unique(label, return_counts=True)
    counts = counts[classes != ignore_index]
    return len(counts) > 1 and counts.max() / counts.sum() < max_ratio


LABEL_FOR_IMAGE = Patch(
    name="label_for_image",
    what="with category_max_ratio below 1 a random crop gives the label in place of the image, or the image uncropped",
    upstream="paddleseg/transforms/transforms.py, RandomPaddingCrop: the image is given the label's window (2.8.0)",
    detect=_has_image_for_label,
    apply=_crop_the_image,
)

PATCHES = [LABEL_FOR_IMAGE]
