"""Pretraining on a folder of images, and its result under a segmentor's backbone."""

import json
import shutil

import cv2
import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import Config, SegBuilder, manager

from paddleseg_mobileseg import SeaFormer_Tiny, StrideFormer, StrideFormer_Tiny, load_weights
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint, read_pickle
from paddleseg_mobileseg.models.complexity import count_parameters
from paddleseg_mobileseg.models.heads.classification import BackboneClassifier
from paddleseg_mobileseg.pretraining.__main__ import main
from paddleseg_mobileseg.pretraining.image_folder import ImageFolder, centre_crop, random_crop
from paddleseg_mobileseg.pretraining.train import Recipe, Training, build_backbone, learning_rate
from support.small_data import changed, config, write_config, write_data

CLASSES = ["blue", "green", "red"]
FLAGS = ["--image_size", "64", "--batch_size", "4", "--epochs", "8", "--warmup_epochs", "1", "--learning_rate", "0.002",
         "--dropout", "0", "--num_workers", "0"]


class StrideFormer_Small(StrideFormer):
    """A StrideFormer with one block a stage, so that a training takes seconds."""

    def __init__(self):
        widths = [8, 16, 24, 32]
        super().__init__([[[3, 16, width, False, "relu", 2]] for width in widths], depths=(1, 1), num_heads=2)


@pytest.fixture(scope="module", autouse=True)
def registered():
    """PaddleSeg knows the small one while the tests of this file run, and no longer."""
    manager.BACKBONES.add_component(StrideFormer_Small)
    yield
    del manager.BACKBONES.components_dict["StrideFormer_Small"]


def image(name, random):
    """Grain of all colours in which one is a little stronger."""
    pixels = random.integers(0, 200, (40, 48, 3))
    pixels[..., CLASSES.index(name)] += 50  # OpenCV keeps blue, green, red
    return pixels.astype("uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 8)):
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                cv2.imwrite(str(root / split / name / f"{index}.png"), image(name, random))
    return root


def pretrain(folder, save_dir, *flags, backbone="StrideFormer_Small"):
    return main(["--backbone", backbone, "--data", str(folder), "--save_dir", str(save_dir), *FLAGS, *map(str, flags)])


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """The rows of the epochs, and the folder of a whole training."""
    save_dir = tmp_path_factory.mktemp("trained")
    assert pretrain(folder, save_dir) == 0
    return read_pickle(save_dir / "last" / "training.pdopt")["history"], save_dir


def test_loss_falls_and_accuracy_beats_chance(trained):
    rows, save_dir = trained
    assert [row["epoch"] for row in rows] == list(range(1, 9))
    assert rows[-1]["loss"] < 0.9 * rows[0]["loss"]
    # Of 24 images of three classes chance gets 8 right, and 15 or more once in 300 times.
    assert max(row["accuracy"] for row in rows) >= 15 / 24
    assert all(row["top5_accuracy"] == 1.0 for row in rows)
    assert (save_dir / "best" / "classes.txt").read_text().split() == CLASSES


def test_best_checkpoint_is_of_the_epoch_with_the_highest_accuracy(trained, folder):
    rows, save_dir = trained
    training = Training("StrideFormer_Small", folder, save_dir, recipe())
    best = read_checkpoint(save_dir / "best")
    training.model.set_state_dict({name: paddle.to_tensor(value) for name, value in best.items()})
    assert training.evaluate()["accuracy"] == max(row["accuracy"] for row in rows)


def recipe(**changes):
    return Recipe(**{"image_size": 64, "batch_size": 4, "epochs": 8, "warmup_epochs": 1, "num_workers": 0, **changes})


def test_rows_go_to_stdout_as_json(folder, tmp_path, capsys):
    assert pretrain(folder, tmp_path, "--epochs", 2, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["checkpoint"] == str(tmp_path / "best" / "model.pdparams")
    assert [set(row) for row in printed["epochs"]] == [
        {"epoch", "loss", "learning_rate", "accuracy", "top5_accuracy"}
    ] * 2


def test_resumed_training_ends_as_an_uninterrupted_one(trained, folder, tmp_path, monkeypatch, capsys):
    rows, save_dir = trained
    train_epoch = Training._train

    def interrupted(self, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return train_epoch(self, epoch)

    monkeypatch.setattr(Training, "_train", interrupted)
    assert pretrain(folder, tmp_path) == 130
    monkeypatch.undo()
    assert len(read_pickle(tmp_path / "last" / "training.pdopt")["history"]) == 3
    assert pretrain(folder, tmp_path, "--resume", tmp_path / "last", "--num_workers", 2) == 0
    assert read_pickle(tmp_path / "last" / "training.pdopt")["history"] == rows
    for part in ("last", "best"):
        first, second = (read_checkpoint(each / part) for each in (save_dir, tmp_path))
        for name, value in first.items():
            np.testing.assert_array_equal(value, second[name], err_msg=f"{part}: {name}")


def test_resuming_with_another_recipe_is_refused(trained, folder, tmp_path, capsys):
    _, save_dir = trained
    assert pretrain(folder, tmp_path, "--resume", save_dir / "last", "--weight_decay", 0.1) == 2
    assert "another weight_decay; type the same flags again" in capsys.readouterr().err


def test_learning_rate_rises_in_a_line_and_falls_along_a_cosine():
    rates = [learning_rate(Recipe(epochs=10, warmup_epochs=2, learning_rate=0.1), 5, step) for step in range(50)]
    assert rates[0] == pytest.approx(1e-4) and rates[10] == pytest.approx(0.1)
    np.testing.assert_allclose(np.diff(rates[:11]), (0.1 - 1e-4) / 10)
    assert rates[30] == pytest.approx(0.05) and 0 < rates[-1] < 2e-4
    assert all(np.diff(rates[10:]) < 0)
    assert learning_rate(Recipe(epochs=1, warmup_epochs=0), 5, 0) == Recipe().learning_rate


def test_weights_decay_and_batch_norms_biases_and_embeddings_do_not(folder, tmp_path):
    training = Training("StrideFormer_Small", folder, tmp_path, recipe(learning_rate=0.1, weight_decay=0.1))
    named = [(name, p) for name, p in training.model.named_parameters() if not p.stop_gradient]
    for _, parameter in named:
        parameter.set_value(paddle.ones_like(parameter))
        parameter.grad = paddle.zeros_like(parameter)
    training.optimizer.step()
    for name, parameter in named:
        weight = name.endswith("weight") and ".bn." not in name
        np.testing.assert_allclose(parameter.numpy(), 0.99 if weight else 1.0, atol=1e-6, err_msg=name)


def backbone_tensors(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("backbone", [StrideFormer_Tiny, SeaFormer_Tiny])
def test_result_goes_under_a_segmentors_backbone(backbone, folder, tmp_path):
    name = backbone.__name__
    assert pretrain(folder, tmp_path, "--epochs", 1, "--warmup_epochs", 0, "--batch_size", 24, backbone=name) == 0
    checkpoint = tmp_path / "best" / "model.pdparams"
    pretrained = {key[len("backbone."):]: value for key, value in read_checkpoint(checkpoint).items()
                  if key.startswith("backbone.")}
    neck = {"StrideFormer_Tiny": {"type": "AAM", "output_stride": 16}}.get(name, {"type": "SeaFusion",
                                                                              "channels": [64, 96]})
    content = changed(config(write_data(tmp_path)), model__neck=neck,
                      model__backbone={"type": name, "pretrained": str(checkpoint)})
    network = SegBuilder(Config(write_config(tmp_path / "config.yml", content))).model
    loaded = backbone_tensors(network.backbone)
    assert set(loaded) == set(pretrained)
    assert all(np.array_equal(value, pretrained[key]) for key, value in loaded.items())
    assert load_weights(backbone(), tmp_path / "last") == "plugin"


def test_backbone_starts_from_given_weights(trained, folder, tmp_path):
    _, save_dir = trained
    first = Training("StrideFormer_Small", folder, tmp_path, recipe(), str(save_dir / "best"))
    given = read_checkpoint(save_dir / "best")
    for name, value in backbone_tensors(first.model.backbone).items():
        np.testing.assert_array_equal(value, given[f"backbone.{name}"], err_msg=name)


@pytest.mark.parametrize(
    "name, published",
    [("SeaFormer_Tiny", 1.8), ("SeaFormer_Small", 4.1), ("SeaFormer_Base", 8.7), ("SeaFormer_Large", 14.0)],
)
def test_seaformer_classifiers_have_the_published_numbers_of_parameters(name, published):
    """Millions, of SeaFormer's ImageNet table, which gives one digit behind the point."""
    assert count_parameters(BackboneClassifier(build_backbone(name), 1000)) / 1e6 == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damage", ["truncated", "no image"])
def test_unreadable_image_is_one_line_that_names_it(damage, workers, folder, tmp_path, capfd):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    broken = data / "train" / "green" / "3.png"
    broken.write_bytes(broken.read_bytes()[:200] if damage == "truncated" else b"text")
    assert pretrain(data, tmp_path / "save", "--num_workers", workers) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1 and str(broken) in errors[0] and "replace it or remove it" in errors[0]


def spoil(data, fault):
    if fault == "no folder":
        shutil.rmtree(data / "val")
    elif fault == "no classes":
        shutil.rmtree(data / "train")
        (data / "train").mkdir()
    elif fault == "unknown class":
        shutil.copytree(data / "val" / "red", data / "val" / "violet")
    elif fault == "empty class":
        (data / "train" / "violet").mkdir()


@pytest.mark.parametrize(
    "fault, flags, message",
    [
        ("no folder", [], "there is no folder"),
        ("no classes", [], "has no folder per class"),
        ("unknown class", [], "classes that train/ lacks: violet"),
        ("empty class", [], "violet holds no images"),
        (None, ["--batch_size", "49"], "48 images, too few for one batch of 49"),
        (None, ["--epochs", "0"], "--epochs is 0"),
        (None, ["--warmup_epochs", "8"], "--warmup_epochs 8 must be fewer than --epochs 8"),
        (None, ["--backbone", "StrideFormer_Huge"], "there is no backbone 'StrideFormer_Huge'"),
        (None, ["--resume", "nowhere"], "there is no checkpoint nowhere"),
        (None, ["--learning_rate", "1e30", "--warmup_epochs", "0"], "the loss is"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(fault, flags, message, folder, tmp_path, capsys):
    data = folder
    if fault:
        data = tmp_path / "data"
        shutil.copytree(folder, data)
        spoil(data, fault)
    assert pretrain(data, tmp_path / "save", *flags) == (1 if "loss" in message else 2)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and message in error


def test_crops_depend_on_seed_epoch_and_image_only(folder):
    first, second = (ImageFolder(folder / "train", 32, augment=True, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first[7][0], second[7][0])
    second.epoch = 1
    assert not np.array_equal(first[7][0], second[7][0])
    assert not np.array_equal(ImageFolder(folder / "train", 32, augment=True, seed=6)[7][0], first[7][0])


@pytest.mark.parametrize("shape", [(40, 48), (300, 31), (9, 400), (1, 1)])
def test_crops_have_the_asked_size_whatever_the_image(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for seed in range(20):
        assert random_crop(pixels, 32, np.random.default_rng(seed)).shape == (32, 32, 3)
    assert centre_crop(pixels, 32).shape == (32, 32, 3)


def test_centre_crop_is_the_middle_seven_eighths():
    ramp = np.tile(np.linspace(0, 255, 256, dtype=np.float32)[None, :, None], (256, 1, 3)).astype("uint8")
    cropped = centre_crop(ramp, 224)
    np.testing.assert_array_equal(cropped, ramp[16:240, 16:240])


def test_images_are_normalised_rgb(tmp_path):
    (tmp_path / "red").mkdir()
    cv2.imwrite(str(tmp_path / "red" / "0.png"), np.full((50, 50, 3), (0, 0, 255), "uint8"))
    pixels, label = ImageFolder(tmp_path, 32)[0]
    assert label == 0 and pixels.dtype == np.float32 and pixels.shape == (3, 32, 32)
    expected = (np.array([1, 0, 0]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(pixels.mean((1, 2)), expected, rtol=1e-5)
