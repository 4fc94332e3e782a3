"""Every network of the table goes the same way: it builds, trains, exports, converts, and Paddle-Lite agrees."""

from decimal import Decimal

import numpy as np
import paddle
import pytest
from paddle import nn
from paddleseg.cvlibs import SegBuilder
from paddleseg.models.backbones.top_transformer import Attention

from paddleseg_mobileseg import InputError, build_model, load_weights
from paddleseg_mobileseg.checkpoints.loading import tensor_shapes
from paddleseg_mobileseg.checkpoints.published import PUBLISHED, segmentation_weights
from paddleseg_mobileseg.config.reader import load_config, read_content
from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.convert import convert, write_model
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from paddleseg_mobileseg.deploy.support import check_support
from paddleseg_mobileseg.models.complexity import COUNTING_RULES, count_multiply_adds
from paddleseg_mobileseg.models.zoo import MODELS
from paddleseg_mobileseg.paths import CONFIGS
from support import folders
from support.chance import without_chance
from support.exports import MEAN, STD, save_scene, scene

OWN = "pp_mobileseg_tiny_fast"
"""An architecture of this project, of which nothing is published."""
NAMES = [model.name for model in MODELS]
ROWS = {model.name: model for model in MODELS}
CLASSES = {
    "ade20k": 150,
    "cityscapes": 19,
    "cityscapes_1024x1024": 19,
    "pascal_context": 60,
    "pascal_context_59": 59,
    "coco_stuff_10k": 171,
    "coco_stuff_164k": 171,
}
TRANSFORMS = [{"type": "Normalize", "mean": MEAN, "std": STD}]

every_model = pytest.mark.parametrize("name", NAMES)


def batch_of(height, width, count=1):
    """Normalised scenes [count, 3, height, width], float32."""
    pixels = np.stack([scene(seed, height, width) for seed in range(1, count + 1)]).transpose(0, 3, 1, 2) / 255
    return ((pixels - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))).astype("float32")


SHORT = "mobileseg_litehrnet18, one module a stage"


def network_of(name):
    """The network of the table with 150 classes, or the largest of them cut short."""
    if name != SHORT:
        return build_model(name, 150)
    network = build_model("mobileseg_litehrnet18", 150)
    for stage in ("stage0", "stage1", "stage2"):
        setattr(network.backbone, stage, getattr(network.backbone, stage)[:1])
    return network


def calibrated(name, height=128, width=160):
    """The network with random weights, and the statistics of scenes in its batch norms, as after training.

    The first of these scenes is the one that the tests look at: random weights are at home on no other image.
    """
    paddle.seed(3)
    network = network_of(name)
    norms = [layer for layer in network.sublayers() if isinstance(layer, (nn.BatchNorm2D, nn.BatchNorm))]
    for layer in norms:
        layer._momentum = 0.0
    network.train()
    with paddle.no_grad():
        network(paddle.to_tensor(batch_of(height, width, count=4)))
    network.eval()
    return network


def relative_difference(output, reference):
    return np.abs(output - reference).max() / np.abs(reference).max()


@every_model
def test_logits_are_of_the_images_size_at_512x512_and_at_an_odd_size(name):
    network = calibrated(name)
    for height, width in ((512, 512), (97, 131)):
        with paddle.no_grad():
            outputs = network(paddle.to_tensor(batch_of(height, width)))
        assert [output.shape for output in outputs] == [[1, 150, height, width]]
        logits = outputs[0].numpy()
        assert np.isfinite(logits).all()
        # Scenes that give one class everywhere would tell nothing about the networks that follow.
        assert len(np.unique(logits.argmax(axis=1))) > 3


@every_model
def test_gradient_reaches_every_parameter_and_one_step_lowers_the_loss(name):
    network = without_chance(build_model(name, 4))
    network.train()
    optimizer = paddle.optimizer.AdamW(1e-4, parameters=network.parameters())
    # TopFormer attends over squares of 64 pixels: of a smaller image it has one, and nothing to attend to.
    images = paddle.to_tensor(batch_of(128, 128, count=4))
    labels = paddle.to_tensor(np.random.RandomState(0).randint(0, 4, (4, 16, 16)).repeat(8, 1).repeat(8, 2))
    reached = {key: 0.0 for key, parameter in network.named_parameters() if not parameter.stop_gradient}
    losses = []
    # Where projections start from zero, what lies before them comes alive some steps later.
    for _ in range(4):
        outputs = [logits.transpose([0, 2, 3, 1]) for logits in network(images)]
        loss = sum(nn.functional.cross_entropy(logits, labels) for logits in outputs)
        loss.backward()
        losses.append(float(loss))
        for key, parameter in network.named_parameters():
            if key in reached and parameter.grad is not None:
                reached[key] = max(reached[key], float(parameter.grad.abs().max()))
        optimizer.step()
        optimizer.clear_grad()
    assert [key for key, gradient in reached.items() if not gradient > 0] == []
    assert losses[1] < losses[0] and losses[-1] < losses[0]


def exported(name, height, width):
    """The folder of an export without a label map, the scene that it was checked with, and the network's logits."""
    network, batch = calibrated(name, height, width), batch_of(height, width)
    folder = folders.OWN / f"zoo_{name}_{height}x{width}"
    export_model(network, folder, [1, 3, height, width], output_op="none", transforms=TRANSFORMS)
    with paddle.no_grad():
        logits = network(paddle.to_tensor(batch))[0].numpy()
    assert relative_difference(StaticGraph(read_exported(folder)).run(batch), logits) < 1e-5
    return folder, batch, logits


# SeaFormer's others are built as the tiny one; PP-MobileSeg is converted and compared in tests/deploy, with
# every label map; the whole of the largest takes a third of the time of all, and the last has a module of each kind.
COVERED = (
    "mobileseg_litehrnet18", "seaformer_small", "seaformer_base", "seaformer_large", "pp_mobileseg_tiny",
    "pp_mobileseg_base",
)  # fmt: skip
SMALLER = [pytest.param(name, marks=pytest.mark.slow if name in COVERED else ()) for name in NAMES] + [SHORT]


@pytest.mark.parametrize("name", SMALLER)
def test_static_graph_and_paddle_lite_give_what_the_network_gives(name, tmp_path):
    folder, batch, logits = exported(name, 128, 160)
    # The steps of `convert`, with the fixing, which takes longest, done once for both targets.
    lowered = lower(folder)
    for target in ("arm", "x86"):
        check_support(lowered.program, target)
        metadata = write_model(lowered, tmp_path / f"{target}.nb", target)
        assert metadata.target == target and metadata.num_classes == 150
        assert metadata.output.label_map == "exact" and metadata.output.label_size == [128, 160]
        assert (tmp_path / f"{target}.nb").stat().st_size > (1e6 if name == SHORT else 2e6)
    with LitePredictor(tmp_path / "x86.nb") as predictor:
        low = predictor.run(batch)
        labels = predictor.metadata.output.labels(low)
    assert relative_difference(low, StaticGraph(lowered.program).run(batch)) < 1e-4
    # Logits of random weights lie close together: a pixel here and there is undecided.
    assert np.mean(labels == logits.argmax(axis=1)) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("size", [(512, 512), (97, 131)], ids=str)
@every_model
def test_conversion_agrees_at_512x512_and_at_an_odd_size(name, size, tmp_path):
    folder, _, _ = exported(name, *size)
    convert(folder, tmp_path / "arm.nb", "arm")
    convert(folder, tmp_path / "x86.nb", "x86")
    image = save_scene(tmp_path / "scene.png", 1, *size)
    for labels in ("exact", "none"):
        nb = tmp_path / "x86.nb" if labels == "exact" else None
        found = compare(folder, nb, images=[image], labels=labels)
        assert found.model.output.kind == "logits" and found.total.relative_difference < 1e-4
        assert found.total.pixel_agreement > 0.999


def last_digit(number):
    """Half a unit of the last digit that a figure was printed with."""
    return 0.5 * 10 ** Decimal(str(number)).as_tuple().exponent


@every_model
def test_parameters_are_the_published_ones_or_the_note_says_why_not(name):
    row = ROWS[name]
    published = row.published["ade20k"].parameters_m if "ade20k" in row.published else None
    if row.counting_rule:
        counted = COUNTING_RULES[row.counting_rule](build_model(name, 150)) / 1e6
        # 1 %, or what rounding took from a figure that was published with one digit.
        assert counted == pytest.approx(published, abs=max(0.01 * published, last_digit(published)))
    else:
        assert "parameter" in row.note


CONFIGURED = [(model.name, data) for model in MODELS for data in model.configs]
FURTHER = [(name, data) for name, data in CONFIGURED if data.startswith(("pascal_context", "coco_stuff"))]


@pytest.mark.parametrize("name,data", FURTHER)
def test_config_of_a_further_data_set_is_that_of_ade20k_with_its_own_classes(name, data):
    ade20k, section = (read_content(CONFIGS / ROWS[name].configs[each])["model"] for each in ("ade20k", data))
    assert section == {**ade20k, "num_classes": CLASSES[data]}


@pytest.mark.parametrize("name,data", [each for each in CONFIGURED if each not in FURTHER or each[0].endswith("_tiny")])
def test_config_builds_the_network_of_the_table(name, data):
    row = ROWS[name]
    config = load_config(str(CONFIGS / row.configs[data]))
    model = config.dic["model"]
    for part in (model, model["backbone"]):
        part.pop("pretrained", None)
    classes, builder = CLASSES[data], SegBuilder(config)
    assert {builder.train_dataset_class.NUM_CLASSES, builder.val_dataset_class.NUM_CLASSES} == {classes}
    network, own = builder.model, row.build(classes)
    assert tensor_shapes(network) == tensor_shapes(own)
    assert {key: p.stop_gradient for key, p in network.named_parameters()} == {
        key: p.stop_gradient for key, p in own.named_parameters()
    }
    network.train()
    assert len(config.loss_cfg["coef"]) == len(network(paddle.zeros([2, 3, 64, 64])))


def test_products_of_full_attention_count():
    network = nn.Sequential(Attention(dim=8, key_dim=4, num_heads=2, attn_ratio=2, activation=nn.ReLU6))
    pixels = 4 * 6
    projections = pixels * (8 * 8 + 8 * 8 + 8 * 16 + 16 * 8)
    products = 2 * (4 + 8) * pixels**2
    assert count_multiply_adds(network, (1, 8, 4, 6)) == projections + products


@every_model
def test_a_checkpoint_of_the_network_loads_whole(name, tmp_path):
    path = tmp_path / "model.pdparams"
    first, second = build_model(name, 5), build_model(name, 5)
    paddle.save(first.state_dict(), str(path))
    assert load_weights(second, path) == "plugin"
    given, taken = first.state_dict(), second.state_dict()
    assert all(bool((given[key] == taken[key]).all()) for key in given)


@every_model
def test_published_figures_have_a_source_and_weights_an_address(name):
    row = ROWS[name]
    assert row.note
    if name == OWN:
        assert not row.published and not PUBLISHED[name].weights and "nobody has trained it" in row.note
        with pytest.raises(InputError, match=f"nobody published weights of {OWN}: start at random"):
            build_model(OWN, 5, pretrained=True)
        return
    assert row.published
    for figures in row.published.values():
        assert figures.source and figures.miou
    assert set(row.published) <= set(row.configs)
    network = PUBLISHED[name]
    section = read_content(CONFIGS / next(iter(row.configs.values())))["model"]
    assert (network.model, network.backbone) == (section["type"], section["backbone"]["type"])
    assert network.weights["imagenet"].address == section["backbone"]["pretrained"]
    assert all(weights.address.startswith("https://") and weights.page for weights in network.weights.values())
    for data, weights in segmentation_weights(name).items():
        config = row.configs[data.replace("_paper", "")]
        assert weights.classes == read_content(CONFIGS / config)["model"]["num_classes"]
