"""PaddleSeg's transforms that cut or pad a label with its image."""

import functools
from typing import Any, Dict

import cv2
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



def _scale_padding() -> type:
    return lookup("paddleseg.transforms.transforms", "ScalePadding")


def _interpolates_labels() -> bool:
    return "data['label'], self.target_size, interp=cv2.INTER_CUBIC" in source_of(_scale_padding().__call__)


def _take_the_nearest_label() -> None:
    scale_padding = _scale_padding()
    stock = scale_padding.__call__
    resize = lookup("paddleseg.transforms.functional", "resize")

    @functools.wraps(stock)
    def padded(self, data: Dict[str, Any]) -> Dict[str, Any]:
        height, width = data["img"].shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        gt_fields = data["gt_fields"]
        data = stock(self, {**data, "gt_fields": []})
        data["gt_fields"] = gt_fields
        for key in gt_fields:
            square = np.full((side, side), self.label_padding_value, np.uint8)
            square[top:top + height, left:left + width] = data[key]
            data[key] = resize(square, self.target_size, cv2.INTER_NEAREST)
        return data

    scale_padding.__call__ = padded


INTERPOLATED_LABELS = Patch(
    name="interpolated_labels",
    what="ScalePadding interpolates labels: between classes 1 and 5 lies a border of class 3",
    upstream="paddleseg/transforms/transforms.py, ScalePadding: the label is resized with INTER_CUBIC (2.8.0)",
    detect=_interpolates_labels,
    apply=_take_the_nearest_label,
)

PATCHES = [LABEL_FOR_IMAGE, INTERPOLATED_LABELS]
