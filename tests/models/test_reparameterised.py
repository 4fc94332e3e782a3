"""Branches in training, one convolution in evaluation and on the phone."""

from collections import Counter

import numpy as np
import paddle
import pytest
from paddle import nn

from paddleseg_mobileseg import InputError, LightAAM
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.models.complexity import count_multiply_adds
from paddleseg_mobileseg.models.reparameterised import BranchedConvBN


def lived_in(network):
    """The network with batch norms as training leaves them: no two channels alike."""
    for norm in network.sublayers():
        if isinstance(norm, nn.BatchNorm2D):
            for tensor, low, high in ((norm.weight, -1, 1), (norm.bias, -1, 1), (norm._mean, -1, 1)):
                tensor.set_value(paddle.uniform(tensor.shape, min=low, max=high))
            norm._variance.set_value(paddle.uniform(norm._variance.shape, min=0.5, max=2.0))
    network.eval()
    return network


@pytest.mark.parametrize(
    "arguments, branches",
    [
        (dict(in_channels=6, out_channels=6, kernel_size=5, groups=6), 4),
        (dict(in_channels=6, out_channels=6, groups=2), 3),
        (dict(in_channels=6, out_channels=6, kernel_size=5, stride=2, groups=6, act="hardswish"), 3),
        (dict(in_channels=3, out_channels=8, stride=2, act="relu"), 2),
        (dict(in_channels=3, out_channels=8), 2),
        (dict(in_channels=6, out_channels=6), 3),
    ],
)
def test_the_folded_convolution_is_the_sum_of_the_branches(arguments, branches):
    paddle.set_default_dtype("float64")
    try:
        block = lived_in(BranchedConvBN(**arguments))
        image = paddle.randn([2, arguments["in_channels"], 9, 12])
        folded = block(image)
    finally:
        paddle.set_default_dtype("float32")
    parts = [branch(image) for branch in block.branches]
    if block.shortcut_bn is not None:
        parts.append(block.shortcut_bn(image))
    total = sum(parts)
    total = block.act(total) if block.act is not None else total
    assert len(parts) == branches
    np.testing.assert_allclose(folded.numpy(), total.numpy(), rtol=0, atol=1e-13)


class _Branched(nn.Layer):
    """A segmentor of two classes that consists of branches."""

    def __init__(self):
        super().__init__()
        self.full = BranchedConvBN(3, 8, stride=2, act="relu")
        self.depthwise = BranchedConvBN(8, 8, kernel_size=5, groups=8, act="relu")
        self.classifier = nn.Conv2D(8, 2, 1)

    def forward(self, x):
        return [self.classifier(self.depthwise(self.full(x)))]


def test_the_phone_gets_one_convolution_for_the_branches(tmp_path):
    export_model(lived_in(_Branched()), tmp_path, [1, 3, 32, 32], output_op="none")
    ops = Counter(op.type for op in lower(tmp_path).program.block.ops)
    assert (ops["conv2d"], ops["depthwise_conv2d"], ops["relu"]) == (2, 1, 2)
    # Beside them stand only the biases, which converted programs have as parameters of one axis.
    assert set(ops) == {"feed", "fetch", "conv2d", "depthwise_conv2d", "elementwise_add", "relu"}


def test_what_is_counted_is_what_the_phone_computes():
    block = nn.Sequential(BranchedConvBN(6, 6, kernel_size=5, groups=6))
    assert count_multiply_adds(block, (1, 6, 8, 8)) == 8 * 8 * 6 * 25


def test_light_aam_is_of_stride_8_and_takes_three_features():
    neck = LightAAM(16, in_channels=[4, 6, 8])
    features = [paddle.randn([1, channels, 40 // size, 64 // size]) for channels, size in ((4, 1), (6, 2), (8, 4))]
    assert neck(features).shape == [1, 16, 40, 64]
    with pytest.raises(InputError, match="LightAAM takes features at strides 8, 16 and 32, this backbone gives 2"):
        neck.build([4, 6])
