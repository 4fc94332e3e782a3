"""Scales behind convolutions with activations, which opt joins wrongly unless they are kept apart."""

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes.separate_scales import keep_scales_apart
from support.exports import export, randomise

SIZE = [1, 3, 16, 24]


class Net(nn.Layer):
    """Ends in what `body` makes of a convolution's features."""

    def __init__(self, body):
        super().__init__()
        self.stem, self.norm, self.body = nn.Conv2D(3, 8, 3, bias_attr=False), nn.BatchNorm2D(8), body

    def forward(self, x):
        return F.sigmoid(self.body(F.relu(self.norm(self.stem(x)))))


def exported(body, folder):
    with paddle.utils.unique_name.guard():
        return export(randomise(Net(body)), folder, SIZE)


def test_opt_takes_no_scale_through_an_activation(tmp_path):
    found = compare(exported(lambda x: x * 0.3 - 0.7, tmp_path), labels="none")
    assert found.total.relative_difference < 1e-5
    assert found.model.passes["kept scales apart from convolutions"] == 1


def test_scales_that_opt_does_not_join_stay_as_they_are(tmp_path):
    low = lower(exported(lambda x: F.max_pool2d(x, 2) * 0.3 + x[:, :, ::2, ::2], tmp_path), "none", optimize=False)
    assert keep_scales_apart(low.program) == 0
