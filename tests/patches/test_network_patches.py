"""The patches for PaddleSeg's own networks: what stock does, what the patch makes of it, and what it leaves alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.models.backbones import ghostnet, lite_hrnet, mobilenetv2, shufflenetv2, top_transformer

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.passes.fix_input_shape import fix_input_shape
from paddleseg_mobileseg.patches import registry
from paddleseg_mobileseg.patches.paddleseg import networks
from paddleseg_mobileseg.patches.patch import HEALTHY, carry_out
from support.exports import export

ROOT = Path(__file__).resolve().parents[2]
NAMED = {
    "mobilenetv2": mobilenetv2.MobileNetV2_x1_0,
    "shufflenetv2": shufflenetv2.ShuffleNetV2_x1_0,
    "ghostnet": ghostnet.GhostNet_x1_0,
}

TWO_NETWORKS = """
import sys
{first}
import cv2, paddle
from paddleseg.cvlibs import manager
import paddleseg.models
for attempt in (1, 2):
    network = manager.BACKBONES[sys.argv[1]]()
    print(sorted(parameter.name for parameter in network.parameters())[0])
"""


def two_networks(backbone, first=""):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = TWO_NETWORKS.format(first=first)
    return subprocess.run(
        [sys.executable, "-c", code, backbone], env=environment, capture_output=True, text=True, timeout=120
    )


def test_stock_stops_at_the_second_network_and_the_shim_keeps_the_names_of_the_first():
    stock = two_networks("MobileNetV2_x1_0")
    patched = two_networks("MobileNetV2_x1_0", first="import paddleseg_mobileseg")
    if registry.outcome_of("repeated_parameter_names").found:
        assert stock.returncode == 1 and "have be been used" in stock.stderr
    assert patched.returncode == 0, patched.stderr
    first, second = patched.stdout.split()[-2:]
    assert first == stock.stdout.split()[-1] == "conv1_1_bn_mean"
    assert second == "conv1_1_again1_bn_mean"


@pytest.mark.parametrize("name", NAMED)
def test_networks_of_one_kind_differ_in_names_only(name):
    built = [NAMED[name]() for _ in range(3)]
    names = [{parameter.name for parameter in network.parameters()} for network in built]
    assert len(set.union(*names)) == sum(map(len, names))
    assert len({tuple(network.state_dict()) for network in built}) == 1


@pytest.mark.parametrize("module", [mobilenetv2, shufflenetv2, ghostnet], ids=lambda module: module.__name__)
def test_healthy_layers_keep_their_constructors(module, monkeypatch):
    class Unnamed(paddle.nn.Layer):
        pass

    for each in (mobilenetv2, shufflenetv2, ghostnet):
        monkeypatch.setattr(each, "ConvBNLayer", Unnamed)
        monkeypatch.setattr(each, "SEBlock", Unnamed, raising=False)
    before = Unnamed.__init__
    assert carry_out(networks.REPEATED_PARAMETER_NAMES).state == HEALTHY and module.ConvBNLayer.__init__ is before


def image(height, width):
    return paddle.to_tensor(np.random.RandomState(0).randn(1, 3, height, width).astype("float32"))


@pytest.fixture(params=["topformer_tiny", "mobileseg_litehrnet18"])
def network(request):
    network = build_model(request.param, 5)
    if request.param == "mobileseg_litehrnet18":
        # One module of each kind is enough, and all of them take a minute to export.
        for name in ("stage0", "stage1", "stage2"):
            setattr(network.backbone, name, getattr(network.backbone, name)[:1])
    network.eval()
    return network


def test_stock_backbone_stops_between_multiples_of_32(network):
    if registry.outcome_of("sizes_between_multiples").found:
        with pytest.raises(ValueError, match="[Cc]oncat"):
            network.backbone.forward_multiple(image(97, 131))


def test_backbone_sees_the_image_enlarged_to_the_next_multiple(network):
    given = image(97, 131)
    enlarged = paddle.nn.functional.interpolate(given, [128, 160], mode="bilinear", align_corners=False)
    features, expected = network.backbone(given), network.backbone.forward_multiple(enlarged)
    assert [feature.shape for feature in features] == [feature.shape for feature in expected]
    assert all(bool((a == b).all()) for a, b in zip(features, expected))


@pytest.mark.parametrize("size", [(64, 96), (96, 160)], ids=str)
def test_multiples_of_32_go_in_as_they_are(network, size):
    given = image(*size)
    features, expected = network.backbone(given), network.backbone.forward_multiple(given)
    assert all(bool((a == b).all()) for a, b in zip(features, expected))


@pytest.mark.parametrize(
    "network", ["topformer_tiny", pytest.param("mobileseg_litehrnet18", marks=pytest.mark.slow)], indirect=True
)
def test_an_export_of_open_size_takes_multiples_of_32(network, tmp_path):
    sizes = [(64, 96), (96, 64)]
    # Before the export: Paddle's to_static leaves a network that no longer runs by itself.
    expected = [network(image(*size))[0].numpy() for size in sizes]
    export(network, tmp_path, [-1, 3, -1, -1])
    for size, logits in zip(sizes, expected):
        graph = StaticGraph(fix_input_shape(read_exported(tmp_path), [1, 3, *size]))
        assert np.abs(graph.run(image(*size).numpy()) - logits).max() < 1e-5 * np.abs(logits).max()


def test_backbones_without_fixed_windows_are_left_alone(monkeypatch):
    class Adaptive(paddle.nn.Layer):
        def forward(self, inputs):
            return [paddle.nn.functional.adaptive_avg_pool2d(each, 1) for each in inputs]

    monkeypatch.setattr(top_transformer, "PyramidPoolAgg", Adaptive)
    monkeypatch.setattr(lite_hrnet, "CrossResolutionWeightingModule", Adaptive)
    before = (top_transformer.TopTransformer.forward, lite_hrnet.LiteHRNet.forward)
    assert carry_out(networks.SIZES_BETWEEN_MULTIPLES).state == HEALTHY
    assert (top_transformer.TopTransformer.forward, lite_hrnet.LiteHRNet.forward) == before
