"""`mobileseg val` of a checkpoint, its export and its `.nb`: one score, by two programs and two engines."""

import json

import pytest
import yaml

from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from support.quick_demo import quick_demo


@pytest.fixture(scope="module")
def demo():
    return quick_demo() / "out"


@pytest.fixture
def val(demo, capsys):
    """The command on the demo's validation scenes: its figures and what it said on stderr."""

    def run(model, *flags, config=demo / "config.yml"):
        capsys.readouterr()
        words = ["val", "--config", config, "--model_path", model, "--device", "cpu", "--json", *flags]
        assert main(list(map(str, words))) == 0
        said = capsys.readouterr()
        return json.loads(said.out), said.err

    return run


FORMS = {
    "export": (["exported/labels"], "paddle"),
    "nb": (["lite/pp_mobileseg_tiny_x86.nb"], "lite"),
    "export in Paddle-Lite": (["exported/logits", "--engine", "lite"], "lite"),
}


def test_what_was_made_of_a_checkpoint_scores_what_it_scores(val, demo):
    expected, _ = val(demo / "train" / "best_model" / "model.pdparams")
    assert expected["scored"]["kind"] == "checkpoint" and expected["miou"] > 0.01
    assert [row["name"] for row in expected["classes"]] == list(SyntheticScenes.CLASSES)
    for form, ((path, *flags), engine) in FORMS.items():
        found, said = val(demo / path, *flags)
        assert found["scored"] == {"file": str(demo / path), "kind": form.split()[0], "engine": engine}
        for key in ("miou", "accuracy", "kappa"):
            assert found[key] == pytest.approx(expected[key], abs=5e-5), (form, key)
        for mine, theirs in zip(found["classes"], expected["classes"]):
            assert mine["name"] == theirs["name"] and mine["iou"] == pytest.approx(theirs["iou"], abs=1e-3)
        assert found["images"] == expected["images"] == 4 and found["images_a_second"] > 0
        assert "warning" not in said


def test_the_table_says_what_was_scored(demo, capsys):
    path = str(demo / "lite" / "pp_mobileseg_tiny_x86.nb")
    assert main(["val", "--config", str(demo / "config.yml"), "--model_path", path, "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path} (nb, engine lite)" and lines[1].split() == ["class", "IoU", "precision", "name"]
    assert len(lines) == 3 + len(SyntheticScenes.CLASSES) and lines[2].endswith("sky")
    assert lines[-1].startswith("mIoU 0.") and " on 2 images, " in lines[-1] and lines[-1].endswith(" a second")


def test_a_checkpoint_is_scored_on_the_first_images_too(val, demo):
    found, _ = val(demo / "train" / "best_model", "--limit", "2")
    assert found["images"] == 2


def test_a_config_that_prepares_images_otherwise_is_found(val, demo, tmp_path):
    content = yaml.safe_load((demo / "config.yml").read_text())
    content["val_dataset"]["transforms"][-1]["mean"] = [0.5, 0.5, 0.5]
    (tmp_path / "other.yml").write_text(yaml.safe_dump(content))
    model = demo / "lite" / "pp_mobileseg_tiny_x86.nb"
    found, said = val(model, "--limit", "1", config=tmp_path / "other.yml")
    assert "pp_mobileseg_tiny_x86.nb prepares images otherwise than" in said and "other.yml" in said
    alone, said = val(model, "--limit", "1")
    assert found["miou"] == alone["miou"] and "note" not in said
    _, said = val(model, "--limit", "1", "--opts", "val_dataset.size=[96,128]")
    assert "evaluates the first image of a checkpoint at 96x128" in said and "takes it at 64x96" in said


@pytest.mark.slow
def test_compare_says_the_score_before_and_after(val, demo, capsys):
    command = ["compare", demo / "exported/labels", "--nb", demo / "lite/pp_mobileseg_tiny_x86.nb"]
    command = list(map(str, [*command, "--config", demo / "config.yml", "--limit", "2"]))
    assert main([*command, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    expected, _ = val(demo / "exported/labels", "--limit", "2")
    assert scores["before"]["classes"] == expected["classes"] and scores["before"]["miou"] == expected["miou"]
    assert scores["after"]["miou"] == pytest.approx(scores["before"]["miou"], abs=5e-5)
    # A drop that is not even allowed to be none.
    assert main([*command, "--max-miou-drop", "-1"]) == 1
    said = capsys.readouterr()
    assert f"mIoU {scores['before']['miou']:.4f} in Paddle and " in said.out.splitlines()[-1]
    assert "on 2 images of" in said.out.splitlines()[-1]
    assert "the mIoU falls by" in said.err.splitlines()[-1] and "more than -1 (float32)" in said.err.splitlines()[-1]


@pytest.mark.parametrize(
    "path, flags, message",
    [
        ("exported/labels", ["--aug_eval"], "error: --aug_eval is for checkpoints"),
        ("lite/pp_mobileseg_tiny_x86.nb", ["--is_slide"], "error: --is_slide is for checkpoints"),
        ("lite/pp_mobileseg_tiny_x86.nb", ["--engine", "paddle"], "runs in engine lite alone"),
        ("train/best_model", ["--engine", "lite"], "a checkpoint runs in engine paddle alone"),
        ("lite/pp_mobileseg_tiny_arm.nb", [], "mobileseg device val"),
        ("nothing", [], "there is no checkpoint, exported folder or converted model"),
    ],
)
def test_what_cannot_be_is_refused(path, flags, message, demo, capsys):
    assert main(["val", "--config", str(demo / "config.yml"), "--model_path", str(demo / path), *flags]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_network_of_fewer_classes_is_refused(demo, tmp_path, capsys):
    """The labels of Cityscapes' 19 classes are none that the demo's 9 can match."""
    command = ["val", "--config", str(demo / "config.yml"), "--model_path", str(demo / "exported" / "logits")]
    content = yaml.safe_load((demo / "config.yml").read_text())
    content["val_dataset"] = {
        "type": "Dataset", "dataset_root": str(tmp_path), "val_path": str(tmp_path / "val.txt"), "num_classes": 19,
        "mode": "val", "transforms": content["val_dataset"]["transforms"],
    }  # fmt: skip
    (tmp_path / "val.txt").write_text("a.png b.png\n")
    command[2] = str(tmp_path / "cityscapes.yml")
    (tmp_path / "cityscapes.yml").write_text(yaml.safe_dump(content))
    assert main(command) == 2
    assert "tells 9 classes apart and the data set has 19" in capsys.readouterr().err.splitlines()[-1]
