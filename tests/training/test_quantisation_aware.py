"""Quantisation-aware fine-tuning: it rounds as `convert --precision int8` does, and its checkpoints are ordinary."""

import numpy as np
import paddle
import pytest
from paddle import nn

from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.quantisation.layers import rounded_weights
from paddleseg_mobileseg.training.quantisation_aware import train_in_int8
from support.small_training import SmallNetwork, train


class Mixed(nn.Layer):
    def __init__(self):
        super().__init__()
        self.depth = nn.Conv2D(4, 4, 3, padding=1, groups=4)
        self.point = nn.Conv2D(4, 3, 1)
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(self.point(self.depth(x)).mean([2, 3]))


def in_int8():
    network = SmallNetwork()
    assert train_in_int8(network) == 2
    return network


def test_state_and_depthwise_convolutions_stay_what_they_were():
    network = Mixed()
    names, values = list(network.state_dict()), {n: v.numpy() for n, v in network.state_dict().items()}
    image = paddle.randn([1, 4, 6, 6])
    depth = network.depth(image).numpy()
    assert train_in_int8(network) == 2
    assert list(network.state_dict()) == names and len(network.parameters()) == len(names)
    np.testing.assert_array_equal(network.depth(image).numpy(), depth)
    network(image).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), values[name])


def test_evaluation_computes_what_the_conversion_does():
    """By hand: an input whose largest value is known in every batch, cut off and rounded, times rounded weights."""
    network = nn.Conv2D(3, 5, 1, bias_attr=False)
    assert train_in_int8(network) == 1
    image = paddle.clip(paddle.randn([2, 3, 8, 8]), -1.984375, 1.984375)
    image[0, 0, 0, 0] = 1.984375
    network.train()
    for _ in range(100):
        network(image)
    network.eval()
    weights = rounded_weights(network.weight.numpy(), 0)[:, :, 0, 0]
    step = 1.984375 / 127
    features = np.clip(np.round(image.numpy() / step), -127, 127) * step
    np.testing.assert_allclose(
        network(image * 3).numpy(), network(paddle.clip(image * 3, -1.984375, 1.984375)).numpy(), atol=1e-6
    )
    difference = np.abs(network(image).numpy() - np.einsum("oi,nihw->nohw", weights, features))
    # A value between two steps may fall to either; most do not.
    assert difference.max() < step * np.abs(weights).sum(axis=1).max() and np.median(difference) < 1e-5


def test_a_checkpoint_is_one_like_any_other(tmp_path):
    trained = train(tmp_path, network=in_int8)
    saved = read_checkpoint(tmp_path / "iter_12" / "model.pdparams")
    plain = SmallNetwork()
    assert set(saved) == set(plain.state_dict())
    before = train(tmp_path / "plain").state_dict()["classifier.weight"].numpy()
    assert np.abs(trained.state_dict()["classifier.weight"].numpy() - before).max() > 1e-4


@pytest.mark.parametrize(
    "options, message",
    [
        (["--precision", "fp16"], "--qat trains in float32"),
        (["--pretrained", "ade20k"], "--qat starts from its checkpoint"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message, capfd):
    assert main(["train", "--config", "any.yml", "--qat", "any.pdparams", *options]) == 2
    assert message in capfd.readouterr().err
