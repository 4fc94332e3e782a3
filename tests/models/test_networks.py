"""The networks: golden outputs, stock PaddleSeg's own code, shapes, gradients, the exported graph."""

import re
import subprocess
import sys

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.base.proto import framework_pb2
from paddleseg.cvlibs import manager
from paddleseg.models import PPMobileSeg
from paddleseg.models.backbones import strideformer as stock

from paddleseg_mobileseg import (
    AAM,
    VIM,
    InputError,
    MobileSegmentor,
    SeaFormer_Large,
    SeaFormer_Tiny,
    SeaFusion,
    StrideFormer_Tiny,
    build_model,
    load_weights,
)
from paddleseg_mobileseg.models.complexity import count_parameters
from support.golden import DATA, NAMES, fill, golden_input, golden_logits, relative_difference

SIZES = [(128, 128), (96, 160)]
PARAMETERS = {
    "pp_mobileseg_tiny": 1_492_298,
    "pp_mobileseg_base": 5_943_878,
    "seaformer_tiny": 1_667_318,
    "seaformer_small": 3_990_118,
    "seaformer_base": 8_605_654,
    "seaformer_large": 13_951_510,
}
SEAFORMERS = [name for name in NAMES if name.startswith("seaformer")]
# Where the published outputs' own float32 rounding is above 1e-5; see golden.py.
ROUGH = {("seaformer_base", (96, 160)), ("seaformer_large", (128, 128)), ("seaformer_large", (96, 160))}
STOCK = {
    "pp_mobileseg_tiny": (stock.MobileSeg_Tiny, "AAM", [32, 64, 128]),
    "pp_mobileseg_base": (stock.MobileSeg_Base, "AAMSx8", [64, 128, 192]),
}


def run(model, array):
    with paddle.no_grad():
        return model(paddle.to_tensor(array))


def trainable(model):
    """Names and parameters without the running statistics of batch norms."""
    return [(name, p) for name, p in model.named_parameters() if not p.stop_gradient]


def stock_network(name):
    """Stock PaddleSeg 2.8.0's PP-MobileSeg with the AAM's gates set to Sigmoid, as the published weights need."""
    backbone, aam, channels = STOCK[name]
    network = PPMobileSeg(150, backbone(inj_type=aam, out_feat_chs=channels))
    for index in range(len(network.backbone.inj_module.act_list)):
        network.backbone.inj_module.act_list[index] = nn.Sigmoid()
    network.eval()
    return network


def in_double_precision(name):
    """A network whose rounding is nothing beside that of the published outputs, on any processor."""
    paddle.set_default_dtype("float64")
    try:
        return fill(build_model(name, 150), "float64")
    finally:
        paddle.set_default_dtype("float32")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_the_published_network(name, size):
    golden = golden_logits(name, *size)
    exact = run(in_double_precision(name).logits, golden_input(*size).astype("float64")).numpy()
    assert exact.dtype == np.float64
    assert relative_difference(exact, golden) < (5e-5 if (name, size) in ROUGH else 1e-5)
    # The rounding of single precision differs from processor to processor: up to 3.3e-5 was seen on two of them.
    logits = run(fill(build_model(name, 150)).logits, golden_input(*size)).numpy()
    assert relative_difference(logits, golden) < 5e-5


@pytest.mark.newest
@pytest.mark.parametrize("name", SEAFORMERS)
def test_logits_equal_the_published_network_in_double_precision(name):
    logits = run(in_double_precision(name).logits, golden_input(96, 160).astype("float64")).numpy()
    reference = np.load(DATA / f"{name}_float64.npz")["logits_96x160"]
    assert relative_difference(logits[:, ::3], reference) < 1e-6


@pytest.mark.newest
@pytest.mark.parametrize("name", STOCK)
def test_stock_paddleseg_agrees_under_the_same_checkpoint(name, published_checkpoint, tmp_path):
    path = published_checkpoint(name)
    model = build_model(name, 150)
    assert load_weights(model, path) == "paddleseg"
    model.eval()
    network = stock_network(name)
    network.set_state_dict(paddle.load(str(path)))
    image = golden_input(160, 224)
    assert relative_difference(run(model, image)[0].numpy(), run(network, image)[0].numpy()) < 1e-5


@pytest.mark.parametrize("name", STOCK)
def test_packaged_gates_of_stock_paddleseg_are_wrong(name, published_checkpoint):
    """The reason for the Sigmoid above: stock 2.8.0 as it comes is far off the published network."""
    network = stock_network(name)
    for index in range(len(network.backbone.inj_module.act_list)):
        network.backbone.inj_module.act_list[index] = nn.ReLU6()
    network.set_state_dict(paddle.load(str(published_checkpoint(name))))
    network.upsample = "none"
    logits = network.decode_head(network.backbone(paddle.to_tensor(golden_input(128, 128)))).numpy()
    assert relative_difference(logits, golden_logits(name, 128, 128)) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_parameter_count_is_the_published_codes(name):
    assert count_parameters(build_model(name, 150)) == PARAMETERS[name]


@pytest.mark.parametrize("size", [(64, 64), (32, 200)], ids=str)
@pytest.mark.parametrize("name", STOCK)
def test_any_input_size_gives_logits_of_that_size(name, size):
    model = build_model(name, 7)
    model.eval()
    (logits,) = run(model, golden_input(*size))
    assert logits.shape == [1, 7, *size]
    assert bool(paddle.isfinite(logits).all())


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize("final_semantics", [True, False])
@pytest.mark.parametrize("ensemble_voting", [True, False])
def test_aam_ablations_differ_and_leave_no_idle_layer(output_stride, ensemble_voting, final_semantics):
    neck = AAM(output_stride, 16, ensemble_voting, final_semantics, in_channels=[4, 6, 8])
    features = [paddle.randn([1, c, 64 // s, 96 // s]) for c, s in zip((4, 6, 8), (1, 2, 4))]
    out = neck(features)
    assert out.shape == [1, 16, 64 * 8 // output_stride, 96 * 8 // output_stride]
    out.sum().backward()
    assert [name for name, p in trainable(neck) if p.grad is None] == []
    gates = sum(name.startswith("gate") and name.endswith("conv.weight") for name in neck.state_dict())
    assert gates == (output_stride // 8 + 1 if ensemble_voting else 1)
    assert any(name.startswith("semantics") for name in neck.state_dict()) == final_semantics


def test_aam_refuses_another_stride_and_a_backbone_without_three_features():
    with pytest.raises(InputError, match="output_stride is 8 or 16, not 4"):
        AAM(output_stride=4)
    with pytest.raises(InputError, match="features at strides 8, 16 and 32"):
        MobileSegmentor(3, _TwoFeatures(), AAM())


class _TwoFeatures(nn.Layer):
    feat_channels = [8, 16]


def test_sea_fusion_refuses_another_number_of_features():
    with pytest.raises(InputError, match=r"channels \[128, 160\] want 3 features, this backbone gives 4"):
        MobileSegmentor(3, SeaFormer_Large(), SeaFusion())


@pytest.mark.parametrize("backbone", [SeaFormer_Tiny, SeaFormer_Large])
def test_seaformer_features_lie_at_stride_8_and_behind_each_attention(backbone):
    network = backbone()
    strides = {3: (8, 32, 64), 4: (8, 16, 32, 64)}[len(network.feat_channels)]
    features = network(paddle.zeros([1, 3, 128, 192]))
    assert [f.shape for f in features] == [[1, c, 128 // s, 192 // s] for c, s in zip(network.feat_channels, strides)]


@pytest.mark.parametrize("make", [StrideFormer_Tiny, SeaFormer_Tiny])
def test_image_channels_reach_the_stem(make):
    backbone = make(in_channels=4)
    assert [f.shape[1] for f in backbone(paddle.zeros([1, 4, 64, 64]))] == backbone.feat_channels


def test_segmentor_without_neck_takes_the_last_feature():
    model = MobileSegmentor(5, StrideFormer_Tiny())
    model.eval()
    assert model.logits(paddle.zeros([1, 3, 64, 96])).shape == [1, 5, 2, 3]


def reference_vim(logits, size, class_threshold=30):
    """The published procedure, in NumPy but for the interpolation."""
    present = np.unique(logits.argmax(1))
    if logits.shape[1] < class_threshold:
        present = np.arange(logits.shape[1])
    full = nn.functional.interpolate(paddle.to_tensor(logits[:, present]), size, mode="bilinear").numpy()
    return present[full.argmax(1)]


@pytest.mark.parametrize("classes", [5, 29, 30, 150])
@pytest.mark.parametrize("batch", [1, 2])
def test_vim_gives_the_published_label_map_while_exporting(classes, batch, monkeypatch):
    logits = np.random.RandomState(classes).randn(batch, classes, 5, 7).astype("float32")
    vim = VIM()
    vim.eval()
    assert vim(paddle.to_tensor(logits), (40, 56)).shape == [batch, classes, 40, 56]
    monkeypatch.setenv("PADDLESEG_EXPORT_STAGE", "True")
    labels = vim(paddle.to_tensor(logits), (40, 56))
    assert labels.dtype == paddle.int32
    np.testing.assert_array_equal(labels.numpy(), reference_vim(logits, (40, 56)))


def test_vim_says_when_it_is_off(monkeypatch, capsys):
    monkeypatch.setenv("PADDLESEG_EXPORT_STAGE", "True")
    vim = VIM(class_threshold=30)
    vim.eval()
    vim(paddle.randn([1, 29, 4, 4]), (8, 8))
    said = "".join(capsys.readouterr())
    assert "VIM is off" in said and "29 classes" in said
    vim(paddle.randn([1, 30, 4, 4]), (8, 8))
    assert "VIM is off" not in "".join(capsys.readouterr())


def test_vim_trains_on_logits_even_while_exporting(monkeypatch):
    monkeypatch.setenv("PADDLESEG_EXPORT_STAGE", "True")
    vim = VIM()
    vim.train()
    assert vim(paddle.randn([1, 40, 4, 4]), (8, 8)).shape == [1, 40, 8, 8]


def exported(model, shape, folder):
    static = paddle.jit.to_static(model, input_spec=[paddle.static.InputSpec(shape, "float32")], full_graph=True)
    paddle.jit.save(static, str(folder / "model"))
    return paddle.jit.load(str(folder / "model"))


@pytest.mark.parametrize("name, size", [("pp_mobileseg_tiny", (96, 160)), ("pp_mobileseg_base", (128, 128))])
def test_static_graph_equals_dygraph(name, size, tmp_path):
    model = fill(build_model(name, 150))
    image = golden_input(*size)
    eager = run(model, image)[0].numpy()
    loaded = exported(model, [1, 3, *size], tmp_path)
    assert relative_difference(run(loaded, image).numpy(), eager) < 1e-5


def test_vim_exports_without_a_loop_and_equals_dygraph(tmp_path, monkeypatch):
    monkeypatch.setenv("PADDLESEG_EXPORT_STAGE", "True")
    model = fill(build_model("pp_mobileseg_tiny", 150, upsample=VIM()))
    image = golden_input(128, 160)
    eager = run(model, image)[0].numpy()
    loaded = exported(model, [1, 3, 128, 160], tmp_path)
    np.testing.assert_array_equal(run(loaded, image).numpy(), eager)
    assert len(np.unique(eager)) > 3
    program = framework_pb2.ProgramDesc.FromString((tmp_path / "model.pdmodel").read_bytes())
    operators = {op.type for block in program.blocks for op in block.ops}
    assert "unique" in operators
    assert not operators & {"while", "conditional_block", "set_value", "index_put"}


def test_no_stock_component_is_shadowed():
    """Importing the plugin adds names to PaddleSeg's registries and replaces none."""
    script = (
        "import cv2, paddleseg; from paddleseg.cvlibs import manager as m;"
        "kinds = [m.MODELS, m.BACKBONES, m.DATASETS, m.TRANSFORMS, m.LOSSES, m.OPTIMIZERS];"
        "before = [dict(k.components_dict) for k in kinds];"
        "import paddleseg_mobileseg;"
        "assert all(k.components_dict[n] is c for k, old in zip(kinds, before) for n, c in old.items());"
        "print('added', sum(len(k) for k in kinds) - sum(map(len, before)))"
    )
    done = subprocess.run([sys.executable, "-W", "error::UserWarning:paddleseg", "-c", script],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"added (\d+)", done.stdout).group(1)) >= 14


@pytest.mark.parametrize(
    "name", ["AAM", "SegHead", "Bilinear", "VIM", "MobileSegmentor", "StrideFormer", "StrideFormer_Tiny",
             "StrideFormer_Base", "SeaFusion", "SeaFormer", "SeaFormer_Tiny", "SeaFormer_Small", "SeaFormer_Base",
     "SeaFormer_Large"]
)
def test_components_are_registered(name):
    registry = manager.BACKBONES if "Former" in name else manager.MODELS
    assert registry[name].__module__.startswith("paddleseg_mobileseg.")
