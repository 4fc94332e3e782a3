"""`mobileseg device predict` on an emulated phone: its labels are Paddle's, and they are drawn."""

import json

import cv2
import numpy as np
import paddle
import paddleseg.transforms as T
import pytest
from paddleseg.core.infer import reverse_transform
from PIL import Image

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.deploy.android import predict as predict_module
from paddleseg_mobileseg.deploy.android.bench_binary import RunSettings
from paddleseg_mobileseg.deploy.android.predict import predict
from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path
from support.bench_program import double_logits
from support.exports import MEAN, STD, save_scene, scene
from support.phones import CLASSES, HEIGHT, STRIDE, WIDTH, change_metadata, exported_squares, squares, write_model

FRAME = [32, 43]
"""Where an image of 96x128 lies in the input: the transforms of the export keep its ratio."""


def network_input(image):
    """An image as the network gets it, by PaddleSeg's transforms, and what has to be undone."""
    steps = [T.Resize(FRAME[::-1]), T.Padding([WIDTH, HEIGHT]), T.Normalize(MEAN, STD)]
    sample = T.Compose(steps)({"img": str(image)})
    return sample["img"][np.newaxis], sample["trans_info"]


def paddle_labels(image):
    """What PaddleSeg's evaluation gives for an image."""
    batch, trans_info = network_input(image)
    weights, bias = squares(0)
    low = paddle.to_tensor(double_logits(batch, weights, bias, STRIDE))
    logits = paddle.nn.functional.interpolate(low, [HEIGHT, WIDTH], mode="bilinear")
    return reverse_transform(logits, trans_info, "bilinear").argmax(1).numpy()[0]


@pytest.fixture
def images(tmp_path):
    return [save_scene(tmp_path / f"{seed}.png", seed, 96, 128) for seed in (1, 2, 3)]


def test_labels_of_the_phone_are_those_of_paddle(phone, model, program, images):
    found = list(predict(model, images, check=exported_squares(0), settings=RunSettings(program)))
    assert [prediction.image for prediction in found] == images
    for prediction in found:
        expected = paddle_labels(prediction.image)
        assert prediction.labels.shape == (96, 128) and len(np.unique(expected)) > 1
        np.testing.assert_array_equal(prediction.labels, expected)
        assert prediction.agreement.pixels == 96 * 128 and prediction.agreement.pixel_agreement == 1.0
    assert phone.files() == []


def test_many_images_go_in_batches_that_leave_no_files(phone, model, program, images, monkeypatch):
    monkeypatch.setattr(predict_module, "BATCH", 2)
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
    expected = paddle_labels(images[0]).astype("uint8")
    labels = Image.open(pseudo)
    assert labels.mode == "P"
    np.testing.assert_array_equal(np.asarray(labels), expected)
    drawn, original = cv2.imread(str(added)).astype(float), scene(1, 96, 128).astype(float)
    # Within a class the overlay is the image, paler, on one colour.
    inside = cv2.morphologyEx(expected, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) == 0
    colour = drawn[inside & (expected == expected[0, 0])] - 0.5 * original[inside & (expected == expected[0, 0])]
    assert np.ptp(colour, axis=0).max() <= 2


def test_agreement_is_printed(phone, model, predict_command, images, tmp_path):
    said = predict_command(model, *images, "--check", exported_squares(0), "--save_dir", tmp_path)
    assert said.status == 0
    assert said.out.splitlines()[-1] == f"all: 100.0000 % of {3 * 96 * 128} pixels of the same class as Paddle's"


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
    batch, trans_info = network_input(images[0])
    logits = double_logits(batch, weights, bias, STRIDE)
    assert logits.shape == (1, CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE)
    if kind == "labels":
        # The double gives labels for every pixel of its squares, and one logit for each square.
        repeated = logits.argmax(1).repeat(STRIDE, axis=1).repeat(STRIDE, axis=2).astype("int32")
        expected = reverse_transform(paddle.to_tensor(repeated[:, np.newaxis]), trans_info, "nearest")[0, 0]
    else:
        full = paddle.nn.functional.interpolate(paddle.to_tensor(logits), [HEIGHT, WIDTH], mode="bilinear")
        expected = reverse_transform(full, trans_info, "bilinear").argmax(1)[0]
    np.testing.assert_array_equal(prediction.labels, expected.numpy())


def test_a_model_that_prepares_images_otherwise_than_its_export_is_found(
    phone, model, predict_command, images, tmp_path
):
    """Both sides obeying the file beside the model would agree with each other, and be wrong."""
    tensor = json.loads(metadata_path(model).read_text())["input"]
    change_metadata(model, input={**tensor, "preprocessing": {**tensor["preprocessing"], "resize": "stretch"}})
    said = predict_command(model, *images, "--check", exported_squares(0), "--save_dir", tmp_path)
    assert said.status == 1 and "the phone and Paddle disagree on" in said.err.splitlines()[-1]
    assert "prepares images in another way than" in said.warnings()[0]


def test_a_label_map_of_the_phone_that_does_not_follow_from_its_logits_is_found(
    phone, model, program, images, monkeypatch
):
    monkeypatch.setattr(OutputTensor, "labels", lambda self, output: np.zeros((1, HEIGHT, WIDTH), np.int32))
    with pytest.raises(ToolError, match="is not what its logits give on this host"):
        list(predict(model, images, check=exported_squares(0), settings=RunSettings(program)))


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
