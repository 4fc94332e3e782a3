"""`mobileseg device val` on an emulated phone: PaddleSeg's figures of Paddle's labels, and nothing twice."""

import json

import numpy as np
import paddle
import pytest
import yaml
from paddleseg.utils import metrics
from PIL import Image

from paddleseg_mobileseg.deploy.android import predict as predict_module
from paddleseg_mobileseg.evaluation import on_phone
from paddleseg_mobileseg.segmenter import open_network
from support import small_data
from support.exports import TRANSFORMS, save_scene
from support.phones import CLASSES, exported_squares
from support.small_data import changed

IMAGES, IGNORED = 5, 255


@pytest.fixture
def config(tmp_path):
    """The config of five images on disk; parts of their labels are to be ignored."""
    random, rows = np.random.RandomState(0), []
    for index in range(IMAGES):
        save_scene(tmp_path / f"{index}.png", index, 96, 128)
        label = random.randint(0, CLASSES, (12, 16)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        label[:8] = IGNORED
        Image.fromarray(label).save(tmp_path / f"{index}_label.png")
        rows.append(f"{index}.png {index}_label.png\n")
    (tmp_path / "val.txt").write_text("".join(rows))
    content = changed(
        small_data.config(tmp_path),
        **{f"{section}__num_classes": CLASSES for section in ("model", "train_dataset", "val_dataset")},
        val_dataset__transforms=TRANSFORMS,
        classes=[f"class {letter}" for letter in "abcdef"],
    )
    (tmp_path / "config.yml").write_text(yaml.safe_dump(content))
    return tmp_path / "config.yml"


@pytest.fixture
def val_command(device_command, program, model, config, tmp_path):
    """The command with batches of two images."""
    flags = [model, "--config", config, "--program", program, "--save_dir", tmp_path / "kept"]
    return lambda *words: device_command("val", *flags, *words)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(on_phone, "BATCH", 2)


def expected_areas(folder):
    """What PaddleSeg counts in the labels that Paddle gives on this host."""
    areas = np.zeros((3, CLASSES), np.int64)
    with open_network(exported_squares(0)) as network:
        for index in range(IMAGES):
            batch, trans_info = network.prepare(folder / f"{index}.png")
            labels = network.labels(network.run(batch), trans_info)
            truth = np.asarray(Image.open(folder / f"{index}_label.png"))
            pair = [paddle.to_tensor(array.astype("int64")[np.newaxis]) for array in (labels, truth)]
            areas += np.stack([part.numpy() for part in metrics.calculate_area(*pair, CLASSES, IGNORED)])
    return [paddle.to_tensor(row) for row in areas]


def test_the_phone_scores_what_paddle_scores(phone, val_command, config):
    said = val_command("--json")
    assert said.status == 0, said.err
    found, areas = json.loads(said.out), expected_areas(config.parent)
    assert found["miou"] == metrics.mean_iou(*areas)[1] > 0.05
    assert found["kappa"] == metrics.kappa(*areas)
    assert [row["iou"] for row in found["classes"]] == metrics.mean_iou(*areas)[0].tolist()
    assert [row["name"] for row in found["classes"]] == [f"class {letter}" for letter in "abcdef"]
    assert found["images"] == IMAGES and found["scored"]["phone"] == "Example Emulated One"
    assert found["images_a_second"] > 0 and phone.files() == []
    # Once more: nothing is run, and the same is said.
    phone.before_command = lambda command: pytest.fail("the program ran") if "--input" in command else None
    said = val_command()
    assert said.status == 0 and "5 of 5 images were scored before" in said.warnings()[-1]
    last = said.out.splitlines()[-1]
    assert last == "mIoU {miou:.4f}, accuracy {accuracy:.4f}, kappa {kappa:.4f} on 5 images".format(**found)
    assert "engine lite on Example Emulated One" in said.out and "class f" in said.out


def test_what_was_scored_before_an_interruption_is_kept(phone, val_command, config, monkeypatch):
    runs, run = [], predict_module.DeviceBinary.run

    def interrupted(self, arguments):
        runs.append(arguments.count("--input"))
        if len(runs) == 2:
            raise KeyboardInterrupt
        return run(self, arguments)

    monkeypatch.setattr(predict_module.DeviceBinary, "run", interrupted)
    said = val_command()
    assert said.status == 130 and "2 of 5 images are scored, and kept in" in said.warnings()[-1]
    (kept,) = (config.parent / "kept").iterdir()
    with kept.open("a") as file:
        file.write('{"index": 3, "image"')  # what a killed process leaves
    said = val_command("--json")
    assert said.status == 0 and runs == [2, 2, 2, 1]
    found = json.loads(said.out)
    assert found["miou"] == metrics.mean_iou(*expected_areas(config.parent))[1] and found["images_a_second"] is None
    assert len(kept.read_text().splitlines()) == 1 + IMAGES


def test_another_label_file_begins_anew(phone, val_command, config):
    assert val_command("--limit", "1").status == 0
    label = config.parent / "0_label.png"
    Image.fromarray(np.zeros((96, 128), np.uint8)).save(label)
    assert val_command("--limit", "1").status == 0
    assert len(list((config.parent / "kept").iterdir())) == 2
