"""Rewrites for ARM: each acts where it fits, leaves alone what only looks like it, and changes roundings only."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.double import in_double
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes import legalize
from paddleseg_mobileseg.deploy.passes.rewrites import rewrite, was_rewritten
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from support.chance import seeded
from support.exports import Around, export, randomise

SIZE = (1, 3, 32, 48)


class Net(nn.Layer):
    """Eight channels from a convolution, and what `body` makes of them."""

    def __init__(self, body, **layers):
        super().__init__()
        self.stem = nn.Conv2D(3, 8, 3, padding=1, bias_attr=False)
        self.norm = nn.BatchNorm2D(8)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.body = body

    def forward(self, x):
        return self.body(self, F.relu(self.norm(self.stem(x))))


def pointwise(channels, results, bias=False):
    return nn.Conv2D(channels, results, 1, bias_attr=None if bias else False)


def enlarged(x, size=(32, 48)):
    return F.interpolate(x, size, mode="bilinear")


def halved(x):
    return F.avg_pool2d(x, 2, 2)


def shuffled(x, groups, order=(0, 2, 1, 3, 4)):
    batch, channels, height, width = x.shape
    x = paddle.transpose(x.reshape([batch, groups, channels // groups, height, width]), list(order))
    return x.reshape([batch, channels, height, width])


def attention(net, x):
    q, k, v = (norm(convolution(x)) for norm, convolution in ((net.nq, net.q), (net.nk, net.k), (net.nv, net.v)))
    rows = (q.mean(-1) * k.mean(-1)).unsqueeze(-1)
    return net.last(paddle.concat([q, k, v], axis=1)) + rows + v


def attention_layers(source=8):
    layers = {name: pointwise(source, 6) for name in "qkv"}
    return {**layers, **{f"n{name}": nn.BatchNorm2D(6) for name in "qkv"}, "last": pointwise(18, 6)}


def gate(x, shift=3.0, limit=6.0):
    return F.relu6(x + shift) / limit


ACTS = {
    "pools over blocks of 8x12": (
        Net(lambda net, x: enlarged(F.adaptive_avg_pool2d(x, 4))),
        {"pool2d": (1, 3)},
    ),
    "pools of 8x8 given by their size": (Net(lambda net, x: enlarged(F.avg_pool2d(x, 8, 8))), {"pool2d": (1, 3)}),
    "a pool over a large map": (Net(lambda net, x: x * F.adaptive_avg_pool2d(x, 1)), {"pool2d": (1, 2)}),
    "channel shuffles": (
        Net(lambda net, x: shuffled(shuffled(x, 4), 2)),
        {"shuffle_channel": (0, 2), "reshape2": (4, 0), "transpose2": (2, 0)},
    ),
    "gates": (
        Net(lambda net, x: net.gated(x) * gate(net.gated(x)), gated=nn.Conv2D(8, 8, 3, padding=1)),
        # Exports end in a `scale` that only gives the result its name.
        {"hard_sigmoid": (0, 1), "relu6": (1, 0), "scale": (3, 1)},
    ),
    "a resize that changes nothing": (
        Net(lambda net, x: enlarged(x) + x),
        {"bilinear_interp_v2": (1, 0)},
    ),
    "a resize of one position": (
        Net(lambda net, x: x * enlarged(F.adaptive_avg_pool2d(halved(x), 1))),
        {"bilinear_interp_v2": (1, 0)},
    ),
    "a convolution behind an enlargement": (
        Net(
            lambda net, x: net.norm_after(net.after(enlarged(halved(x)))),
            after=pointwise(8, 6, bias=True),
            norm_after=nn.BatchNorm2D(6),
        ),
        {"bilinear_interp_v2": (1, 1)},
    ),
    "a convolution over enlarged and other channels": (
        Net(
            lambda net, x: F.relu(net.norm_after(net.after(paddle.concat([x, enlarged(halved(x) * 2)], axis=1)))),
            after=pointwise(16, 6),
            norm_after=nn.BatchNorm2D(6),
        ),
        {"concat": (1, 0), "conv2d": (2, 3), "batch_norm": (2, 2)},
    ),
    "a depthwise 1x1 convolution behind a sum": (
        Net(
            lambda net, x: F.relu(net.n2(net.dw(net.n0(net.a(x)) * F.sigmoid(x) + enlarged(net.n1(net.b(halved(x))))))),
            a=pointwise(8, 8), b=pointwise(8, 8), n0=nn.BatchNorm2D(8), n1=nn.BatchNorm2D(8),
            dw=nn.Conv2D(8, 8, 1, groups=8, bias_attr=False), n2=nn.BatchNorm2D(8),
        ),
        {"depthwise_conv2d": (1, 0), "batch_norm": (4, 3)},
    ),
    "query, key and value": (
        Net(attention, **attention_layers()),
        {"conv2d": (5, 3), "batch_norm": (4, 2), "reduce_mean": (2, 1), "concat": (1, 0), "split": (0, 2)},
    ),
}

LEAVES_ALONE = {
    "odd blocks": Net(lambda net, x: enlarged(F.avg_pool2d(x, [1, 3], [1, 3]))),
    "pools that overlap": Net(lambda net, x: enlarged(F.avg_pool2d(x, 4, 2))),
    "padded pools": Net(lambda net, x: enlarged(F.avg_pool2d(x, 4, 4, padding=2))),
    "largest values": Net(lambda net, x: enlarged(F.max_pool2d(x, 8, 8))),
    "2x2 pools": Net(lambda net, x: enlarged(halved(x))),
    "another transposition": Net(lambda net, x: shuffled(x, 4, (0, 2, 1, 4, 3))),
    "a gate with another limit": Net(lambda net, x: F.relu(gate(F.relu(x), limit=5.0))),
    "a reduction before a convolution": Net(
        lambda net, x: net.after(F.interpolate(x, (16, 24), mode="bilinear")), after=pointwise(8, 6)
    ),
    "a 3x3 convolution behind an enlargement": Net(
        lambda net, x: net.after(enlarged(halved(x))), after=nn.Conv2D(8, 6, 3, padding=1, bias_attr=False)
    ),
    "more channels than the enlargement is worth": Net(
        lambda net, x: net.after(enlarged(F.interpolate(x, (31, 47), mode="bilinear"))), after=pointwise(8, 64)
    ),
    "a depthwise 1x1 convolution of what others read": Net(
        lambda net, x: F.relu(net.dw(x)) + x, dw=nn.Conv2D(8, 8, 1, groups=8, bias_attr=False)
    ),
    "what only gives the result its name": Net(
        lambda net, x: net.n0(net.a(x)), a=pointwise(8, 6), n0=nn.BatchNorm2D(6)
    ),
    "convolutions of different inputs": Net(
        lambda net, x: paddle.concat([net.n0(net.a(x)), net.n1(net.b(F.relu(x)))], axis=1),
        a=pointwise(8, 6), b=pointwise(8, 6), n0=nn.BatchNorm2D(6), n1=nn.BatchNorm2D(6),
    ),
}


def legalized(net, folder):
    with paddle.utils.unique_name.guard():
        return legalize(read_exported(export(randomise(net), folder, list(SIZE))))[0]


def same_in_double(one, other):
    batch = noise(SIZE, 1).astype(np.float64)
    first, second = (StaticGraph(in_double(each)).run(batch) for each in (one, other))
    assert first.shape == second.shape and first.dtype == np.float64
    return float(np.abs(first - second).max() / np.abs(first).max())


@pytest.mark.parametrize("name", ACTS)
def test_a_rewrite_acts_and_computes_the_same(tmp_path, name):
    net, expected = ACTS[name]
    original = legalized(net, tmp_path)
    rewritten, done = rewrite(original)
    before, after = original.op_counts(), rewritten.op_counts()
    assert {kind: (before.get(kind, 0), after.get(kind, 0)) for kind in expected} == expected
    assert was_rewritten(done) and rewritten.output_name == original.output_name
    # New weights are rounded to float32.
    assert same_in_double(original, rewritten) < 1e-6


@pytest.mark.parametrize("name", LEAVES_ALONE)
def test_what_only_looks_like_it_is_left_alone(tmp_path, name):
    original = legalized(LEAVES_ALONE[name], tmp_path)
    rewritten, done = rewrite(original)
    assert done == {}
    assert rewritten.program == original.program


def test_biases_behind_convolutions_get_one_axis(tmp_path):
    net = Net(lambda net, x: net.after(x) + x, after=nn.Conv2D(8, 8, 3, padding=1))
    rewritten, done = rewrite(legalized(net, tmp_path))
    assert done == {"gave biases behind convolutions one axis": 1}
    assert [list(array.shape) for name, array in rewritten.params.items() if name.startswith("reshape")] == [[8]]


def test_a_mean_over_a_large_map_is_the_more_exact_one(tmp_path):
    """What Paddle adds up in one float32 loses digits, so the rewritten program is the reference on a phone."""
    shape = [1, 3, 256, 256]
    net = Around(lambda x: F.sigmoid(x) * F.adaptive_avg_pool2d(F.sigmoid(x), 1))
    folder = export(randomise(net), tmp_path, shape)
    plain, rewritten = lower(folder, optimize=False), lower(folder)
    batch = noise(shape, 0)
    truth = StaticGraph(in_double(plain.program)).run(batch.astype(np.float64))
    old, new = (np.abs(StaticGraph(each.program).run(batch) - truth).max() for each in (plain, rewritten))
    assert new < old / 5
    assert not was_rewritten(plain.passes) and was_rewritten(rewritten.passes)


@pytest.mark.parametrize("name", ["query, key and value", "channel shuffles"])
@seeded(2)
def test_paddle_lite_runs_the_new_ops(tmp_path, name):
    net, _ = ACTS[name]
    folder = export(randomise(net), tmp_path / "export", list(SIZE))
    conversion = convert(folder, tmp_path / "model.nb", "x86")
    batch = noise(SIZE, 1)
    with LitePredictor(conversion.path) as predictor:
        output = predictor.run(batch)
    reference = StaticGraph(conversion.lowered.program).run(batch)
    assert np.abs(output - reference).max() / np.abs(reference).max() < 1e-5
