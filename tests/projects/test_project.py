"""A project as a whole: what is proposed, what is written where, and that the next commands take it."""

import json
import re
import shlex
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.models.zoo import MODELS
from paddleseg_mobileseg.projects.config_text import config_of, recipe_of
from paddleseg_mobileseg.projects.recipe import IMAGES_AN_ITERATION, propose
from support.project_data import init, label, write_label, write_picture, written


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abcdef":
        write_picture(tmp_path / "data" / "images" / f"{name}.jpg", rng)
        write_label(tmp_path / "data" / "labels" / f"{name}.png", label(rng, [0, 1, 2, 3]))
    return tmp_path / "data"


def test_commands_that_init_prints_work_as_they_stand(tmp_path, data, capsys, monkeypatch):
    """From the folder where it was typed, whose name has a space; and the config may be moved."""
    here = tmp_path / "my work"
    here.mkdir()
    monkeypatch.chdir(here)
    command = ["init", "my project", "--model", "pp_mobileseg_tiny", "--data", "../data", "--void", "3", "--json"]
    assert main([*command, "--classes", "ground, road,sky"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["samples"] == {"train": 5, "val": 1} and result["converted_labels"] == 6
    check, train, report = (shlex.split(each) for each in result["next"])
    assert check == ["mobileseg", "check-data", "--config", "my project/config.yml"]
    assert train[:4] == ["mobileseg", "train", "--config", "my project/config.yml"]
    assert train[-2:] == ["--save_dir", "my project/run"] and report == ["mobileseg", "report", "my project/run"]
    assert main(check[1:]) == 0
    out = capsys.readouterr().out
    assert "train_dataset: 5 samples, 0 problems" in out and "val_dataset: 1 samples, 0 problems" in out
    (here / "my project" / "config.yml").rename(tmp_path / "moved.yml")
    (here / "my project" / "classes.txt").rename(tmp_path / "classes.txt")
    assert main(["check-data", "--config", str(tmp_path / "moved.yml")]) == 0
    assert main(command) == 2
    assert "is a project already; give another name, or --force" in capsys.readouterr().err


def test_labelme_project_passes_check_data(tmp_path, capsys):
    data = tmp_path / "data"
    rng = np.random.default_rng(0)
    for name in "abc":
        write_picture(data / f"{name}.jpg", rng)
        polygon = {"label": "leaf", "points": [[5, 5], [30, 5], [15, 25]], "shape_type": "polygon"}
        content = {"imagePath": f"{name}.jpg", "imageHeight": 30, "imageWidth": 40, "shapes": [polygon]}
        (data / f"{name}.json").write_text(json.dumps(content))
    project = tmp_path / "project"
    command = ["init", str(project), "--model", "topformer_tiny", "--data", str(data), "--pretrained", "none"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "data           Labelme: 2 train, 1 val" in out and "classes        2: background, leaf" in out
    assert main(["check-data", "--config", str(project / "config.yml"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["train_dataset"]["samples"] == 2 and min(report["train_dataset"]["class_pixels"]) > 0


def test_users_own_files_are_never_replaced(tmp_path, data):
    other = tmp_path / "other"
    other.mkdir()
    (other / "labels").mkdir()
    (other / "labels" / "mine.png").write_bytes(b"mine")
    for force in (False, True):
        with pytest.raises(InputError, match="other is a folder with other files in it"):
            init(other, data, force=force)
    assert (other / "labels" / "mine.png").read_bytes() == b"mine" and len(list(other.iterdir())) == 1
    with pytest.raises(InputError, match="a folder with other files in it"):
        init(data, data, force=True)


def test_force_replaces_what_init_wrote_and_leaves_the_rest(tmp_path, data):
    project = init(tmp_path / "data" / "project", data, void=["3"])
    run = project.folder / "run"
    run.mkdir()
    (run / "model.pdparams").write_bytes(b"weights")
    again = init(project.folder, data, force=True, val=0.5)
    assert again.samples == {"train": 3, "val": 3} and again.converted == 0
    assert (run / "model.pdparams").is_file() and not (project.folder / "labels").exists()
    assert len(written(again)) == 6 and len(again.classes) == 4


def test_failure_leaves_nothing_behind(tmp_path, data, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputError, match="cannot write .*No space left"):
        init(tmp_path / "project", data, void=["3"])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_validation_folder_of_its_own(tmp_path, data):
    rng = np.random.default_rng(1)
    write_picture(tmp_path / "held out" / "images" / "z.jpg", rng)
    write_label(tmp_path / "held out" / "labels" / "z.png", label(rng, [0, 1]))
    project = init(tmp_path / "project", data, val=tmp_path / "held out")
    assert project.samples == {"train": 6, "val": 1} and "val/z" in written(project)


def test_draw_is_that_of_the_seed(tmp_path, data):
    projects = [init(tmp_path / f"{index}", data, seed=seed, val=0.5) for index, seed in enumerate([0, 0, 1])]
    drawn = [sorted(written(project)) for project in projects]
    assert drawn[0] == drawn[1] != drawn[2]


WRONG = {
    "misspelt network": ({"model": "pp_mobileseg_tinny"}, "did you mean pp_mobileseg_tiny"),
    "no folder": ({"data": "nowhere"}, "there is no folder nowhere"),
    "no labels": ({"data": "data/images"}, "holds 6 pictures and no labels .*known layouts are"),
    "batch": ({"batch_size": 9}, "--batch-size 9 is more than the 5 pictures"),
    "weights": ({"pretrained": "ade2k"}, "published weights 'ade2k' of pp_mobileseg_tiny .did you mean ade20k"),
    "weights of PaddleSeg's networks": ({"model": "topformer_tiny", "pretrained": "ade20k"}, "PaddleSeg's own network"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wishes_that_cannot_be_met(case, tmp_path, data, monkeypatch, capsys):
    wishes, message = WRONG[case]
    monkeypatch.chdir(tmp_path)
    given = {"model": "pp_mobileseg_tiny", "data": "data", **wishes}
    flags = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert main(["init", "project", *flags]) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err) and captured.out == "" and not (tmp_path / "project").exists()


def test_published_weights_come_without_their_classifier(tmp_path, data):
    project = init(tmp_path / "project", data, pretrained="ade20k")
    model = load_config(str(project.config)).dic["model"]
    assert model["pretrained"] == "ade20k" and model["pretrained_classifier"] is False
    assert "pretrained" not in model["backbone"] and "all but the classifier starts from ade20k" in project.notes


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_network_has_a_config_that_loads(model, tmp_path, data):
    pretrained = "imagenet" if model.published else "none"
    project = init(tmp_path / "project", data, model=model.name, pretrained=pretrained, size=(64, 96))
    config = load_config(str(project.config)).dic
    recipe = recipe_of(model)
    assert "\n_base_" not in (tmp_path / "project" / "config.yml").read_text()
    assert config["model"]["num_classes"] == 4 and config["model"]["type"] == recipe["model"]["type"]
    assert config["model"]["backbone"] == recipe["model"]["backbone"]
    crop = next(step for step in config["train_dataset"]["transforms"] if step["type"] == "RandomPaddingCrop")
    assert crop["crop_size"] == [96, 64] and config["lr_scheduler"]["warmup_iters"] <= config["iters"] // 20
    assert model.name.startswith(tuple(IMAGES_AN_ITERATION))


def proposal(sizes, train=1000, model="pp_mobileseg_tiny", **wishes):
    model = next(each for each in MODELS if each.name == model)
    return propose(Counter(sizes), train, model.name, recipe_of(model), **wishes)


def test_size_follows_the_pictures():
    """Height and width of the pictures, and of the network's input: their shape, at most 512x512 pixels or nearly."""
    for size, expected in (
        ((360, 480), (352, 480)), ((512, 512), (512, 512)), ((1080, 1920), (384, 672)), ((4000, 3000), (608, 448)),
        ((20, 20), (64, 64)),
    ):  # fmt: skip
        found = proposal({size: 10})
        assert found.size == expected
        stretched = [{"type": "Resize", "target_size": [expected[1], expected[0]]}]
        assert found.resize == ([] if size == expected else stretched)
    mixed = proposal({(480, 640): 5, (640, 480): 5, (500, 500): 1})
    assert mixed.size[0] == mixed.size[1] and [step["type"] for step in mixed.resize] == ["Resize", "Padding"]
    assert mixed.resize[0]["keep_ratio"] is True and [step["type"] for step in mixed.scaling] == ["Resize"]


def test_numbers_follow_the_data():
    small, large = proposal({(512, 512): 1}, train=40), proposal({(512, 512): 1}, train=100_000)
    assert (small.batch_size, small.iters, small.warmup_iters) == (8, 1000, 50)
    assert (large.iters, large.warmup_iters) == (80_000, 1500)
    # 6e-4 for 32 pictures an iteration, and a quarter of them.
    assert small.learning_rate == large.learning_rate == 3e-4
    assert proposal({(512, 512): 1}, model="mobileseg_mobilenetv2").learning_rate == 2.5e-3
    assert proposal({(512, 512): 1}, train=3).batch_size == 3
    # PaddleSeg takes no warm-up of 0 iterations.
    assert proposal({(512, 512): 1}, iters=4).warmup_iters == 1
    assert proposal({(512, 512): 1}, size=(1024, 1024)).batch_size == 2


def test_hard_example_mining_keeps_its_share():
    model = next(each for each in MODELS if each.name == "mobileseg_ghostnet")
    recipe = recipe_of(model)
    given = propose(Counter({(512, 512): 1}), 100, model.name, recipe)
    config = config_of(recipe, given, 5, {"root": "r", "train": "t", "val": "v"}, " ")
    # 130,000 of 4 crops of 1024x512, and as much of 8 of 512x512.
    assert [part["min_kept"] for part in config["loss"]["types"]] == [130_000] * 3
