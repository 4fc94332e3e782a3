"""Weights stored as integers: every kind of layer stays close to float32, or is refused."""

import paddle
import pytest
from paddle import nn

from paddleseg_mobileseg import InputError, build_model
from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.convert import convert
from support.exports import export, export_around, randomise

CLOSE = {"int16": 1e-3, "int8": 0.05}
LINEAR_AS_MUL = "wrote linear layers as opt stores them right"


class Gate(nn.Layer):
    """Squeeze and excitation with linear layers, as of GhostNet."""

    def __init__(self):
        super().__init__()
        self.squeeze = nn.Linear(8, 4)
        self.excite = nn.Linear(4, 8)

    def forward(self, x):
        pooled = x.mean([2, 3])
        return x * nn.functional.sigmoid(self.excite(nn.functional.relu(self.squeeze(pooled)))).reshape([1, 8, 1, 1])


class Tokens(nn.Layer):
    """A linear layer over the channels of every pixel, as of a transformer."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, x):
        return self.mix(x.flatten(2).transpose([0, 2, 1])).transpose([0, 2, 1]).reshape([1, 8, 32, 32])


class Transposed(Tokens):
    """The same with the weights the other way round."""

    def forward(self, x):
        tokens = x.flatten(2).transpose([0, 2, 1])
        mixed = paddle.matmul(tokens, self.mix.weight, transpose_y=True)
        return mixed.transpose([0, 2, 1]).reshape([1, 8, 32, 32])


def depthwise():
    return nn.Conv2D(8, 8, 3, padding=1, groups=8)


def upsampling():
    return nn.Conv2DTranspose(8, 8, 2, stride=2)


@pytest.mark.parametrize("weights", CLOSE)
@pytest.mark.parametrize("body", [Gate, Tokens, depthwise, upsampling], ids=lambda body: body.__name__)
def test_every_kind_of_layer_keeps_its_numbers(body, weights, tmp_path):
    found = compare(export_around(body(), tmp_path), weights=weights, labels="none")
    assert found.total.relative_difference < CLOSE[weights]
    layers = {Gate: 2, Tokens: 1}.get(body)
    assert found.model.passes.get(LINEAR_AS_MUL) == layers


def test_float32_is_left_as_it_is(tmp_path):
    assert LINEAR_AS_MUL not in convert(export_around(Gate(), tmp_path), tmp_path / "model.nb", "x86").metadata.passes


@pytest.mark.parametrize("target", ["arm", "x86"])
def test_what_cannot_be_stored_right_is_refused(target, tmp_path):
    folder = export_around(Transposed(), tmp_path / "export")
    with pytest.raises(InputError, match=r"--weights int8 would ruin 1 products with weights.*matmul_v2"):
        convert(folder, tmp_path / "model.nb", target, "int8")
    assert not (tmp_path / "model.nb").exists()


def test_a_network_with_linear_layers_keeps_its_logits_with_int16(tmp_path):
    network = randomise(build_model("mobileseg_ghostnet", 19))
    found = compare(export(network, tmp_path, [1, 3, 64, 96]), weights="int16")
    assert found.total.relative_difference < 5e-3 and found.model.passes[LINEAR_AS_MUL] > 0
