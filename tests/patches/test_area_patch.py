"""The patch of PaddleSeg's areas of the classes, from which every metric is made, against comparing class by class."""

import numpy as np
import paddle
import pytest
from paddleseg.utils import metrics

from paddleseg_mobileseg.patches.paddleseg import loops
from paddleseg_mobileseg.patches.patch import HEALTHY, carry_out


def numpy_areas(pred, label, num_classes, ignore_index):
    pred_of = [(pred == c) & (label != ignore_index) for c in range(num_classes)]
    label_of = [label == c for c in range(num_classes)]
    both = [a & b for a, b in zip(pred_of, label_of)]
    return [[int(mask.sum()) for mask in masks] for masks in (both, pred_of, label_of)]


@pytest.mark.parametrize("ignore_index", [255, 0, -1])
@pytest.mark.parametrize("shape", [(2, 1, 9, 7), (1, 9, 7)])
@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 4, 255], [255], [2], [-1, 0, 3], [0, 1, 9]])
def test_areas_are_those_of_comparing_class_by_class(labels, shape, ignore_index):
    rng = np.random.default_rng(1)
    label = rng.choice(labels, shape).astype(np.int64)
    pred = rng.integers(0, 5, shape).astype(np.int32)
    areas = loops.calculate_area(paddle.to_tensor(pred), paddle.to_tensor(label), 5, ignore_index)
    assert [area.dtype for area in areas] == [paddle.int64] * 3
    assert [area.tolist() for area in areas] == numpy_areas(pred, label, 5, ignore_index)


def test_installed_areas_agree_too():
    rng = np.random.default_rng(2)
    label, pred = rng.integers(0, 6, (1, 1, 9, 7)), rng.integers(0, 6, (1, 1, 9, 7)).astype(np.int32)
    areas = metrics.calculate_area(paddle.to_tensor(pred), paddle.to_tensor(label), 6, 255)
    assert [area.tolist() for area in areas] == numpy_areas(pred, label, 6, 255)


def test_areas_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        loops.calculate_area(paddle.zeros([1, 2, 2], "int64"), paddle.zeros([1, 2, 3], "int64"), 2)


def test_healthy_areas_are_left_alone(monkeypatch):
    def healthy(pred, label, num_classes, ignore_index=255):
        raise NotImplementedError

    monkeypatch.setattr(metrics, "calculate_area", healthy)
    assert carry_out(loops.AREAS_WITHOUT_DIMENSION).state == HEALTHY and metrics.calculate_area is healthy
