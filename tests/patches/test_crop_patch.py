"""The patched random crop and padding: image and label from one window, and no class that was not there."""

import numpy as np
import pytest
from paddleseg.transforms import RandomPaddingCrop, ScalePadding

from paddleseg_mobileseg.patches import registry
from paddleseg_mobileseg.patches.paddleseg import crops
from paddleseg_mobileseg.patches.patch import HEALTHY, carry_out


def striped(height=100, width=120):
    """A label of one class but for a stripe at its left, and an image whose pixels say where they come from."""
    label = np.zeros((height, width), np.uint8)
    label[:, :40] = 1 + np.arange(height)[:, np.newaxis] % 3
    rows, columns = np.mgrid[:height, :width].astype("float32")
    return {"img": np.dstack([rows, columns, label]), "label": label, "gt_fields": ["label"]}


def test_image_is_cropped_by_the_window_of_its_label():
    """Stock puts the label's window in the place of the image, or leaves the image whole where no window is mixed."""
    for ratio in (0.75, 1e-6):
        data = RandomPaddingCrop([64, 48], category_max_ratio=ratio)(striped())
        assert data["img"].shape == (48, 64, 3) and data["img"].dtype == np.float32
        assert data["label"].shape == (48, 64) and (data["img"][..., 2] == data["label"]).all()
        rows, columns = data["img"][..., 0], data["img"][..., 1]
        assert (np.diff(rows, axis=0) == 1).all() and (np.diff(columns, axis=1) == 1).all()


def test_a_window_of_several_classes_is_looked_for():
    def largest(ratio):
        np.random.seed(0)
        crop = RandomPaddingCrop([24, 24], category_max_ratio=ratio, loop_times=50)
        counts = [np.bincount(crop(striped())["label"].ravel()) for _ in range(100)]
        return [each.max() / each.sum() for each in counts]

    assert max(largest(0.75)) < 0.75 and sum(each == 1 for each in largest(1.0)) > 40


def test_what_is_ignored_does_not_count_and_small_images_are_padded():
    data = striped(30, 30)
    data["label"][:, 10:] = 255
    cropped = RandomPaddingCrop([40, 36], category_max_ratio=0.75)(data)
    assert cropped["img"].shape == (36, 40, 3) and (cropped["label"][30:] == 255).all()
    assert (cropped["img"][30:] == 127.5).all()


def test_crop_without_a_ratio_is_stocks_own():
    np.random.seed(1)
    first = RandomPaddingCrop([64, 48])(striped())
    np.random.seed(1)
    stock = RandomPaddingCrop.__call__
    second = getattr(stock, "__wrapped__", stock)(RandomPaddingCrop([64, 48]), striped())
    assert (first["img"] == second["img"]).all() and (first["label"] == second["label"]).all()


def test_patch_is_in_place_and_finds_nothing_more_to_do(monkeypatch):
    outcome = registry.outcome_of("label_for_image")
    assert outcome.found or outcome.state == HEALTHY

    class Mended:
        def __call__(self, data):
            return data

    monkeypatch.setattr(crops, "_random_crop", lambda: Mended)
    assert carry_out(crops.LABEL_FOR_IMAGE).state == HEALTHY


@pytest.mark.parametrize("size", [(30, 60), (61, 30)])
def test_label_that_is_padded_and_scaled_has_no_other_classes(size):
    """Stock puts cubic mixtures of 1, 5 and the border between them; and the label stays where its image is."""
    label = np.where(np.arange(size[1]) < size[1] // 2, 1, 5) * np.ones((size[0], 1), int)
    image = np.repeat(label[..., np.newaxis] * 40, 3, axis=-1).astype("float32")
    transform = ScalePadding((90, 90), im_padding_value=0, label_padding_value=11)
    data = transform({"img": image, "label": label.astype(np.uint8), "gt_fields": ["label"]})
    assert data["label"].dtype == np.uint8 and set(np.unique(data["label"])) == {1, 5, 11}
    shown = np.where(data["label"] == 11, 0, data["label"].astype(int) * 40)
    assert (np.abs(shown - data["img"][..., 0]) <= 20).mean() > 0.93
    assert data["gt_fields"] == ["label"]
