"""`mobileseg device predict` on an emulated phone: its labels are Paddle's, and they are drawn."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from paddleseg_mobileseg.deploy.android import predict as predict_module
from paddleseg_mobileseg.deploy.android.bench_binary import RunSettings
from paddleseg_mobileseg.deploy.android.predict import predict
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.ir.tensors import InputTensor
from paddleseg_mobileseg.deploy.runtime.inputs import read_image
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path
from paddleseg_mobileseg.labels import label_map_of
from support.bench_program import double_logits
from support.exports import MEAN, STD, save_scene, scene
from support.phones import CLASSES, HEIGHT, STRIDE, WIDTH, change_metadata, exported_squares, squares, write_model

TENSOR = InputTensor("x", [1, 3, HEIGHT, WIDTH], MEAN, STD)


def paddle_labels(image):
    return label_map_of(StaticGraph(read_exported(exported_squares(0))).run(read_image(image, TENSOR)))[0]


@pytest.fixture
def images(tmp_path):
    return [save_scene(tmp_path / f"{seed}.png", seed, 96, 128) for seed in (1, 2, 3)]


def test_labels_of_the_phone_are_those_of_paddle(phone, model, program, images):
    found = list(predict(model, images, check=exported_squares(0), settings=RunSettings(program)))
    assert [prediction.image for prediction in found] == images
    for prediction in found:
        expected = paddle_labels(prediction.image)
        assert prediction.labels.shape == (HEIGHT, WIDTH) and len(np.unique(expected)) > 1
        np.testing.assert_array_equal(prediction.labels, expected)
        assert prediction.agreement.pixels == HEIGHT * WIDTH and prediction.agreement.pixel_agreement == 1.0
    assert phone.files() == []


def test_many_images_go_in_batches_that_leave_no_files(phone, model, program, images, monkeypatch):
    monkeypatch.setattr(predict_module, "_BATCH", 2)
    held = []
    phone.before_command = lambda command: held.append(sum(name.endswith("input.f32") for name in phone.files()))
    found = list(predict(model, images, settings=RunSettings(program)))
    assert max(held) == 2
    for prediction in found:
        np.testing.assert_array_equal(prediction.labels, paddle_labels(prediction.image))


def test_images_are_drawn_at_their_own_size(phone, model, predict_command, images, tmp_path):
    said = predict_command(model, images[0], "--save_dir", tmp_path / "saved")
    assert said.status == 0
    folders = "added_prediction", "pseudo_color_prediction"
    added, pseudo = (tmp_path / "saved" / folder / "1.png" for folder in folders)
    assert said.out.splitlines()[-1].endswith(f"classes -> {added} {pseudo}")
    expected = cv2.resize(paddle_labels(images[0]).astype("uint8"), (128, 96), interpolation=cv2.INTER_NEAREST)
    labels = Image.open(pseudo)
    assert labels.mode == "P"
    np.testing.assert_array_equal(np.asarray(labels), expected)
    drawn, original = cv2.imread(str(added)).astype(float), scene(1, 96, 128).astype(float)
    # Within a class the overlay is the image, paler, on one colour.
    inside = cv2.morphologyEx(expected, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) == 0
    colour = drawn[inside & (expected == expected[0, 0])] - 0.4 * original[inside & (expected == expected[0, 0])]
    assert np.ptp(colour, axis=0).max() <= 2


def test_agreement_is_printed(phone, model, predict_command, images, tmp_path):
    said = predict_command(model, *images, "--check", exported_squares(0), "--save_dir", tmp_path)
    assert said.status == 0
    assert said.out.splitlines()[-1] == f"all: 100.0000 % of {3 * HEIGHT * WIDTH} pixels of the same class as Paddle's"


def test_agreement_as_json(phone, model, predict_command, images, tmp_path):
    said = predict_command(model, images[0], "--check", exported_squares(0), "--save_dir", tmp_path, "--json")
    content = json.loads(said.out)
    assert content["pixel_agreement"] == 1.0
    (row,) = content["images"]
    assert row["classes_present"] == np.unique(paddle_labels(images[0])).tolist() and row["pixel_agreement"] == 1.0


def test_another_network_disagrees_and_its_images_are_drawn_all_the_same(
    phone, model, predict_command, images, tmp_path
):
    said = predict_command(model, images[0], "--check", exported_squares(1), "--save_dir", tmp_path / "saved")
    assert said.status == 1 and "the phone and Paddle disagree on" in said.err.splitlines()[-1]
    assert (tmp_path / "saved/added_prediction/1.png").is_file()
    flags = ["--check", exported_squares(1), "--save_dir", tmp_path / "saved", "--min-agreement", "0"]
    assert predict_command(model, images[0], *flags).status == 0


@pytest.mark.parametrize("kind", ["labels", "logits"])
def test_outputs_of_all_kinds_become_labels(kind, phone, program, images, tmp_path):
    nb = write_model(tmp_path / "other.nb", output="int32" if kind == "labels" else "float32")
    output = json.loads(metadata_path(nb).read_text())["output"]
    label_map = "argmax" if kind == "labels" else "none"
    change_metadata(nb, output={**output, "kind": kind, "label_map": label_map, "label_size": None})
    (prediction,) = predict(nb, images[:1], settings=RunSettings(program))
    weights, bias = squares(0)
    logits = double_logits(read_image(images[0], TENSOR), weights, bias, STRIDE)
    assert logits.shape == (1, CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE)
    # The double gives labels for every pixel of its squares, and one logit for each square.
    repeated = STRIDE if kind == "labels" else 1
    expected = logits.argmax(1)[0].repeat(repeated, axis=0).repeat(repeated, axis=1)
    np.testing.assert_array_equal(prediction.labels, expected)


def test_images_of_one_name_are_refused(phone, model, predict_command, tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        save_scene(tmp_path / name / "same.png", 1, 64, 64)
    said = predict_command(model, tmp_path / "x", tmp_path / "y")
    assert said.status == 2 and "would be written to the same files" in said.error() and phone.pushed == []


def test_a_model_for_several_images_at_once_is_refused(phone, model, predict_command, images):
    tensor = json.loads(metadata_path(model).read_text())["input"]
    change_metadata(model, input={**tensor, "shape": [2, 3, HEIGHT, WIDTH]})
    said = predict_command(model, images[0])
    assert said.status == 2 and "takes 2 images at a time" in said.error()
