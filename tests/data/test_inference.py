"""Label maps of an image's own size, held against those of PaddleSeg's inference."""

import subprocess
import sys

import cv2
import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional
from paddleseg.core import infer

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.data.inference import restored_labels, restored_scores

TRANSFORMS = {
    "nothing": [],
    "resize": [("resize", (71, 93))],
    "resize and padding": [("resize", (71, 93)), ("padding", (30, 37))],
    "padding": [("padding", (30, 37))],
    "padding and resize": [("padding", (50, 60)), ("resize", (64, 80))],
    "two resizes": [("resize", (71, 93)), ("resize", (20, 50))],
    "from a data loader": [(["resize"], [paddle.to_tensor([71]), paddle.to_tensor([93])])],
}


class Logits(nn.Layer):
    """Gives fixed logits, as a network gives them."""

    def __init__(self, seed=0):
        super().__init__()
        self.values = paddle.to_tensor(np.random.RandomState(seed).randn(1, 21, 32, 40).astype("float32"))

    def forward(self, x):
        return [self.values]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_labels_are_those_of_stock_inference(name):
    model, image = Logits(), paddle.zeros([1, 3, 32, 40])
    expected, full = (each.numpy() for each in infer.inference(model, image, trans_info=TRANSFORMS[name]))
    labels = restored_labels(model.values.numpy(), TRANSFORMS[name])
    assert labels.shape == expected[:, 0].shape and labels.dtype == expected.dtype
    chosen = np.take_along_axis(full, labels[:, np.newaxis].astype(np.int64), 1)
    assert (full.max(1, keepdims=True) - chosen).max() <= 2**-20 * np.abs(full).max()


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("network_size", [(256, 320), (70, 91), (20, 33)])
@pytest.mark.parametrize("name", ["resize", "resize and padding", "two resizes"])
def test_labels_of_low_resolution_logits_are_those_of_every_interpolation(name, network_size, align_corners):
    """The network's own interpolation and those after it at once, without most of the classes."""
    small = np.random.RandomState(1).randn(21, 5, 6).astype("float32") * 3
    low = np.stack([cv2.resize(plane, (40, 32), interpolation=cv2.INTER_CUBIC) for plane in small])[np.newaxis]
    low[0, 4, :9, :9] += 9
    steps = {"resize": [("resize", (171, 93))], "two resizes": TRANSFORMS["two resizes"]}.get(name)
    steps = steps or [("resize", (171, 93)), ("padding", (network_size[0], network_size[1] * 2 // 3))]
    full = functional.interpolate(paddle.to_tensor(low), network_size, mode="bilinear", align_corners=align_corners)
    full = infer.reverse_transform(full, steps, mode="bilinear").numpy()
    labels = restored_labels(low, steps, network_size, network_size, align_corners)
    assert labels.shape == (1, *full.shape[2:]) and labels.dtype == np.int32 and len(np.unique(labels)) > 3
    chosen = np.take_along_axis(full, labels[:, np.newaxis].astype(np.int64), 1)
    assert (full.max(1, keepdims=True) - chosen).max() <= 2**-20 * np.abs(full).max()
    scores = restored_scores(low, steps, network_size, network_size, align_corners)
    np.testing.assert_allclose(scores, full, atol=1e-5 * np.abs(full).max())


def test_logits_that_are_no_numbers_are_an_error():
    low = np.zeros((1, 3, 8, 8), np.float32)
    low[0, 1, 2, 3] = np.inf
    assert (restored_labels(low, [("resize", (30, 30))], (64, 64))[0, 8:11, 12] == 1).all()
    low[0, 1, 2, 3] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        restored_labels(low, [("resize", (30, 30))], (64, 64))


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="'rotate'"):
        restored_labels(Logits().values.numpy(), [("rotate", (3, 3))])


SCRIPT = """
import sys
import paddle
from paddleseg.core import infer
from paddleseg_mobileseg.data.inference import restored_labels
class Logits(paddle.nn.Layer):
    def forward(self, x):
        return [paddle.zeros([1, 100, 64, 64])]
def peak():
    # getrusage would count what the process was before it became this one.
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
before = peak()
image, steps = paddle.zeros([1, 3, 64, 64]), [("resize", (1200, 1600))]
if sys.argv[1] == "exact":
    restored_labels(Logits()(image)[0].numpy(), steps)
else:
    infer.inference(Logits(), image, trans_info=steps)
print(peak() - before)
"""


def test_memory_does_not_grow_with_classes_times_pixels():
    kilobytes = {}
    for way in ("exact", "stock"):
        said = subprocess.run([sys.executable, "-c", SCRIPT, way], check=True, capture_output=True).stdout
        kilobytes[way] = int(said.split()[-1])
    assert kilobytes["stock"] > 700_000
    assert kilobytes["exact"] < kilobytes["stock"] / 8
