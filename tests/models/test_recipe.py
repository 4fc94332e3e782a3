"""The configs say what PP-MobileSeg and SeaFormer were trained with, and PaddleSeg reads from them what they say."""

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.models import losses

from paddleseg_mobileseg import AAM, Bilinear, LightAAM, StrideFormer_Base, StrideFormer_Tiny, StrideFormer_TinyFast
from paddleseg_mobileseg.models.zoo import MODELS
from paddleseg_mobileseg.paths import CONFIGS

PP_MOBILESEGS = [model for model in MODELS if model.name.startswith("pp_mobileseg")]
SEAFORMERS = [model for model in MODELS if model.name.startswith("seaformer")]
RECIPES = [(model, data, path) for model in PP_MOBILESEGS for data, path in model.configs.items()]
IDS = [path.rsplit("/", 1)[-1] for _, _, path in RECIPES]
TOPFORMERS = [model for model in MODELS if model.name.startswith("topformer")]
CLASSES = {"ade20k": 150, "cityscapes": 19}
SEAFORMER_SCHEDULES = {
    "ade20k": (32, 5e-4, 160_000),
    "cityscapes": (8, 3e-4, 160_000),
    "cityscapes_1024x1024": (8, 3e-4, 160_000),
    "pascal_context": (32, 2e-4, 80_000),
    "pascal_context_59": (32, 2e-4, 80_000),
    "coco_stuff_10k": (32, 2e-4, 80_000),
    "coco_stuff_164k": (32, 5e-4, 160_000),
}
"""Images an iteration, learning rate and iterations."""
PARTS = {
    "pp_mobileseg_base": (StrideFormer_Base, AAM, 8),
    "pp_mobileseg_tiny": (StrideFormer_Tiny, AAM, 16),
    "pp_mobileseg_tiny_fast": (StrideFormer_TinyFast, LightAAM, 8),
}


def builder(path):
    """PaddleSeg's builder of a config, without the download of the pretrained backbone."""
    return SegBuilder(Config(str(CONFIGS / path), opts=["model.backbone.pretrained=None"]))


@pytest.mark.parametrize("model, data, path", RECIPES, ids=IDS)
def test_config_builds_the_network_of_its_name(model, data, path):
    network = builder(path).model
    backbone, neck, stride = PARTS[model.name]
    assert type(network.backbone) is backbone and type(network.neck) is neck and type(network.upsample) is Bilinear
    assert network.logits(paddle.zeros([1, 3, 64, 64])).shape[2:] == [64 // stride] * 2
    assert network.head.classifier.weight.shape[0] == CLASSES[data]
    assert network.head.dropout.p == 0.1


@pytest.mark.parametrize("model, data, path", RECIPES, ids=IDS)
def test_config_has_the_published_schedule_and_losses(model, data, path):
    recipe = builder(path)
    assert recipe.config.batch_size * 2 == 32 and recipe.config.iters == 80_000
    schedule = recipe.lr_scheduler
    rates = {0: 1e-6, 1500: 6e-4, 80_000: 0.0}
    for step, rate in rates.items():
        schedule.step(step)
        assert schedule.get_lr() == pytest.approx(rate, abs=1e-12)
    schedule.step(750)
    assert schedule.get_lr() == pytest.approx((1e-6 + 6e-4) / 2)  # a linear warm-up
    schedule.step(1500 + 78_500 // 2)
    assert schedule.get_lr() == pytest.approx(3e-4)  # a decay of power 1
    (mixed,) = recipe.loss["types"]
    assert mixed.coef == [0.8, 0.2]
    assert [type(loss) for loss in mixed.losses] == [losses.CrossEntropyLoss, losses.LovaszSoftmaxLoss]


@pytest.mark.parametrize(
    "data, scales, crop, distortion",
    [("ade20k", (0.5, 2.0, 0.25), [512, 512], 0.4), ("cityscapes", (0.125, 1.5, 0.125), [1024, 512], 0.5)],
)
def test_config_has_the_published_augmentation(data, scales, crop, distortion):
    for model in PP_MOBILESEGS:
        transforms = builder(model.configs[data]).config.train_dataset_cfg["transforms"]
        scaling, cropping, flip, distort, _ = transforms
        assert (scaling["min_scale_factor"], scaling["max_scale_factor"], scaling["scale_step_size"]) == scales
        assert cropping["crop_size"] == crop and flip["type"] == "RandomHorizontalFlip"
        assert {distort[f"{kind}_range"] for kind in ("brightness", "contrast", "saturation")} == {distortion}


@pytest.mark.parametrize("model", PP_MOBILESEGS, ids=lambda model: model.name)
def test_optimizer_spares_batch_norms_and_embeddings_and_hurries_the_head(model):
    """One step without a gradient moves a parameter by its weight decay alone, in proportion to its rate."""
    recipe = builder(model.configs["ade20k"])
    network, optimizer = recipe.model, recipe.optimizer
    optimizer._learning_rate.step(1500)
    rate, decay = optimizer.get_lr(), 0.01
    named = [(name, p) for name, p in network.named_parameters() if not p.stop_gradient]
    for _, parameter in named:
        parameter.set_value(paddle.ones_like(parameter))
        parameter.grad = paddle.zeros_like(parameter)
    optimizer.step()
    for name, parameter in named:
        spared = "bn." in name or "pos_embed" in name
        factor = 0.0 if spared else (10.0 if name.startswith("head.") else 1.0)
        expected = 1 - rate * factor * decay
        np.testing.assert_allclose(parameter.numpy(), expected, rtol=0, atol=2e-7, err_msg=name)


def test_head_learns_ten_times_as_fast():
    """With the same gradient everywhere Adam's first step is the learning rate itself."""
    recipe = builder("pp_mobileseg/pp_mobileseg_tiny_ade20k_512x512_80k.yml")
    network, optimizer = recipe.model, recipe.optimizer
    optimizer._learning_rate.step(1500)
    named = [(name, p) for name, p in network.named_parameters() if not p.stop_gradient]
    for _, parameter in named:
        parameter.set_value(paddle.zeros_like(parameter))
        parameter.grad = paddle.ones_like(parameter)
    optimizer.step()
    for name, parameter in named:
        step = -float(parameter.flatten()[0])
        assert step == pytest.approx(6e-3 if name.startswith("head.") else 6e-4, rel=1e-3), name


@pytest.mark.parametrize(
    "model, data, path",
    [(model, data, path) for model in SEAFORMERS for data, path in model.configs.items()],
    ids=[path.rsplit("/", 1)[-1] for model in SEAFORMERS for path in model.configs.values()],
)
def test_seaformer_config_has_the_published_schedule(model, data, path):
    recipe = builder(path)
    images, rate, iters = SEAFORMER_SCHEDULES[data]
    if (model.name, data) == ("seaformer_small", "pascal_context"):
        images = 16  # the only one of the published configs for Pascal Context with two images on a GPU
    assert recipe.config.batch_size * 2 == images and recipe.config.iters == iters
    schedule = recipe.lr_scheduler
    for step, expected in {0: rate * 1e-6, 1500: rate, 1500 + (iters - 1500) // 2: rate / 2, iters: 0.0}.items():
        schedule.step(step)
        assert schedule.get_lr() == pytest.approx(expected, abs=1e-12)
    assert [type(loss) for loss in recipe.loss["types"]] == [losses.CrossEntropyLoss]


@pytest.mark.parametrize(
    "data, crop, factors, sizes",
    [
        ("cityscapes", [1024, 512], (0.25, 1.0), [1024, 512]),
        ("cityscapes_1024x1024", [1024, 1024], (0.5, 2.0), None),
    ],
)
def test_seaformer_sees_cityscapes_at_half_or_full_size(data, crop, factors, sizes):
    (path,) = (model.configs[data] for model in SEAFORMERS if model.name == "seaformer_base")
    config = builder(path).config
    scaling, cropping = config.train_dataset_cfg["transforms"][:2]
    assert cropping["crop_size"] == crop
    assert (scaling["min_scale_factor"], scaling["max_scale_factor"], scaling["scale_step_size"]) == (*factors, 0)
    resizing = [each for each in config.val_dataset_cfg["transforms"] if each["type"] == "Resize"]
    assert [each["target_size"] for each in resizing] == ([sizes] if sizes else [])


@pytest.mark.parametrize("data", ["pascal_context", "pascal_context_59", "coco_stuff_10k"])
@pytest.mark.parametrize("model", TOPFORMERS, ids=lambda model: model.name)
def test_topformer_config_has_the_published_schedule(model, data):
    recipe = builder(model.configs[data])
    assert recipe.config.batch_size * 4 == 16 and recipe.config.iters == 80_000
    schedule = recipe.lr_scheduler
    for step, expected in {1500: 1.2e-3, 1500 + 78_500 // 2: 0.6e-3, 80_000: 0.0}.items():
        schedule.step(step)
        assert schedule.get_lr() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("model", [*SEAFORMERS[:3], *TOPFORMERS], ids=lambda model: model.name)
def test_pascal_context_and_coco_stuff_are_cropped_and_evaluated_as_published(model):
    """The transforms of the authors' configs: random scales, crops, and the size that is evaluated."""
    for data, crop in {"pascal_context": 480, "pascal_context_59": 480, "coco_stuff_10k": 512}.items():
        config = Config(str(CONFIGS / model.configs[data]))
        *scaling, cropping, _, _, _ = config.train_dataset_cfg["transforms"]
        resizing, _ = config.val_dataset_cfg["transforms"]
        assert cropping == {"type": "RandomPaddingCrop", "crop_size": [crop, crop], "category_max_ratio": 0.75}
        if crop == 480:
            assert scaling == [{"type": "ResizeRangeScaling", "min_value": 520 / 2, "max_value": 520 * 2}]
            assert resizing == {"type": "Resize", "target_size": [520, 520], "keep_ratio": True}
        else:
            factors = {"min_scale_factor": 0.5, "max_scale_factor": 2.0, "scale_step_size": 0}
            by_short = {"type": "ResizeByShort", "short_size": 512}
            assert scaling == [by_short, {"type": "ResizeStepScaling", **factors}]
            assert resizing == {"type": "Resize", "target_size": [2048, 512], "keep_ratio": True}


def test_seaformer_fusion_and_head_learn_ten_times_as_fast_and_embeddings_do_not_decay():
    recipe = builder("seaformer/seaformer_tiny_ade20k_512x512_160k.yml")
    network, optimizer = recipe.model, recipe.optimizer
    optimizer._learning_rate.step(1500)
    named = [(name, p) for name, p in network.named_parameters() if not p.stop_gradient]
    for _, parameter in named:
        parameter.set_value(paddle.ones_like(parameter))
        parameter.grad = paddle.zeros_like(parameter)
    optimizer.step()
    for name, parameter in named:
        factor = 0.0 if "pos_embed" in name else (10.0 if name.startswith(("head.", "neck.")) else 1.0)
        np.testing.assert_allclose(parameter.numpy(), 1 - 5e-4 * factor * 0.01, rtol=0, atol=2e-7, err_msg=name)
