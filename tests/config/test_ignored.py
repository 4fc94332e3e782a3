"""`ignore_index` other than 255, through every transform that pads, the losses and the scores."""

import inspect

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder, manager
from paddleseg.utils.metrics import calculate_area

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.samples import CheckedSamples
from support.small_data import HEIGHT, WIDTH, config, write_config, write_data

IGNORED = 11

PADDING = {
    name: transform for name, transform in manager.TRANSFORMS.components_dict.items()
    if "label_padding_value" in inspect.signature(transform).parameters
}

# What makes each of them pad a picture of 96x64.
ARGUMENTS = {
    "Padding": {"target_size": [128, 128]},
    "PaddingByAspectRatio": {"aspect_ratio": 3},
    "RandomPaddingCrop": {"crop_size": [128, 128]},
    "ScalePadding": {"target_size": [128, 128]},
    "RandomRotation": {"max_rotation": 45},
    "RandomAffine": {"size": [96, 64], "max_rotation": 45},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def written(tmp_path, folder, transforms, ignored=IGNORED, val=IGNORED, **options):
    content = config(folder)
    transforms = [*transforms, {"type": "Normalize"}]
    content["train_dataset"].update(ignore_index=ignored, transforms=transforms, **options)
    content["val_dataset"]["ignore_index"] = val
    return write_config(tmp_path / "config.yml", content)


def test_every_transform_that_pads_is_known():
    assert sorted(ARGUMENTS) == sorted(PADDING)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_border_is_ignored_in_training(name, tmp_path, folder):
    loaded = load_config(written(tmp_path, folder, [{"type": name, **ARGUMENTS[name]}]))
    assert loaded.dic["train_dataset"]["transforms"][0]["label_padding_value"] == IGNORED
    samples = CheckedSamples(SegBuilder(loaded).train_dataset, "train_dataset")
    numbers = np.concatenate([np.unique(samples[index]["label"]) for index in range(4)])
    assert IGNORED in numbers and set(numbers) <= {0, 1, 2, 3, IGNORED}


def test_crop_that_looks_for_several_classes_passes_over_what_is_ignored(tmp_path, folder):
    step = {"type": "RandomPaddingCrop", "crop_size": [128, 128], "category_max_ratio": 0.75}
    loaded = load_config(written(tmp_path, folder, [step]))
    assert loaded.dic["train_dataset"]["transforms"][0] == {**step, "label_padding_value": 11, "ignore_index": 11}


def test_255_stays_as_it_was_written(tmp_path, folder):
    step = {"type": "RandomPaddingCrop", "crop_size": [128, 128]}
    loaded = load_config(written(tmp_path, folder, [step], ignored=255, val=255))
    assert loaded.dic["train_dataset"]["transforms"][0] == step


@pytest.mark.parametrize("loss", ["CrossEntropyLoss", "OhemCrossEntropyLoss", "LovaszSoftmaxLoss", "DiceLoss"])
def test_loss_is_that_of_255(loss, tmp_path, folder):
    label = np.random.default_rng(0).integers(0, 4, (2, HEIGHT, WIDTH))
    logits = paddle.to_tensor(np.random.default_rng(1).normal(size=(2, 4, HEIGHT, WIDTH)).astype("float32"))
    found = []
    for ignored in (IGNORED, 255):
        content = config(folder)
        content["train_dataset"]["ignore_index"] = content["val_dataset"]["ignore_index"] = ignored
        content["loss"]["types"] = [{"type": loss}]
        built = SegBuilder(load_config(write_config(tmp_path / "config.yml", content))).loss["types"][0]
        void = np.where(np.arange(WIDTH) < WIDTH // 3, ignored, label)
        found.append(float(built(logits, paddle.to_tensor(void))))
    assert np.isfinite(found[0]) and found[0] == pytest.approx(found[1], rel=1e-6)


def test_score_is_that_of_255():
    prediction = np.random.default_rng(0).integers(0, 4, (1, 1, HEIGHT, WIDTH))
    label = np.random.default_rng(1).integers(0, 4, (1, 1, HEIGHT, WIDTH))
    void = np.arange(WIDTH) < WIDTH // 3
    areas = [
        calculate_area(paddle.to_tensor(prediction), paddle.to_tensor(np.where(void, ignored, label)), 4, ignored)
        for ignored in (IGNORED, 255)
    ]
    for first, second in zip(*areas):
        np.testing.assert_array_equal(first.numpy(), second.numpy())
    assert int(areas[0][2].sum()) == HEIGHT * (WIDTH - WIDTH // 3)


CROP = {"type": "RandomPaddingCrop", "crop_size": [128, 128]}
WRONG = {
    "pads with neither": (
        {"transforms": [{**CROP, "label_padding_value": 99}]}, "99 is neither the ignore_index 11 nor a class"
    ),
    "cannot be padded": (
        {"transforms": [CROP], "ignored": 300, "val": 300},
        "cannot pad with the ignore_index 300; .*mobileseg init PROJECT --model MODEL --data FOLDER --void VALUE",
    ),
    "below 0": ({"transforms": [CROP], "ignored": -1, "val": -1}, "cannot pad with the ignore_index -1"),
    "two numbers": ({"transforms": [CROP], "val": 255}, "train_dataset has the ignore_index 11 and val_dataset 255"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_work_is_refused(case, tmp_path, folder):
    wishes, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        load_config(written(tmp_path, folder, **wishes))


def test_class_is_a_padding_of_its_own_choice(tmp_path, folder):
    step = {**CROP, "label_padding_value": 0, "ignore_index": 11}
    loaded = load_config(written(tmp_path, folder, [step]))
    assert loaded.dic["train_dataset"]["transforms"][0] == step
