"""The suite that trains every network on the built-in scenes: its configs, its floor, and how it resumes."""

import numpy as np
import pytest
import yaml

from benchmarks.__main__ import main
from benchmarks.suites.registry import read_file
from benchmarks.suites.zoo_training import suite, training
from benchmarks.suites.zoo_training.training import chance, scenes_config, train_and_score
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.models.zoo import MODELS, find_model
from support.scores import scores_of


def test_every_network_gets_a_config_from_random_weights_with_a_loss_for_each_output(tmp_path):
    for model in MODELS:
        path = tmp_path / f"{model.name}.yml"
        path.write_text(yaml.safe_dump(scenes_config(model)))
        config = load_config(str(path)).dic
        assert config["model"]["num_classes"] == 9 and "pretrained" not in str(config["model"])
        outputs = 3 if model.name.startswith("mobileseg_") else 1
        assert len(config["loss"]["coef"]) == len(config["loss"]["types"]) == outputs
        assert "lr_mult" not in config["model"]["backbone"]


def test_chance_is_the_score_of_the_best_constant_answer():
    scenes = SyntheticScenes(mode="test", size=(32, 48), count=5)
    truth = np.stack([scenes.scene(index)[1] for index in range(5)])
    constant = [scores_of(truth, np.full_like(truth, c), 9).miou for c in range(9)]
    assert chance(scenes) == pytest.approx(max(constant))


def test_a_short_training_is_scored_and_learns(tmp_path, monkeypatch):
    few = yaml.safe_load(training.SCENES.read_text())
    few["batch_size"], few["val_dataset"]["count"] = 4, 32
    (tmp_path / "few.yml").write_text(yaml.safe_dump(few))
    monkeypatch.setattr(training, "SCENES", tmp_path / "few.yml")
    found = train_and_score(find_model("topformer_tiny"), tmp_path, iters=30, seed=0)
    assert found["loss"][-1] < found["loss"][0] and 0 <= found["miou"] <= 1 and found["accuracy"] > 0.15
    assert (tmp_path / "iter_30" / "model.pdparams").is_file()


def test_what_the_results_hold_is_not_trained_again(tmp_path, capsys, monkeypatch):
    trained = []

    def train(model, folder, iters, seed):
        trained.append((model.name, seed))
        return {"miou": 0.5, "chance": 0.03, "accuracy": 0.75, "loss": [2.0, 0.5], "training_s": 61.2 + seed}

    monkeypatch.setattr(suite, "train_and_score", train)
    output = tmp_path / "results.jsonl"
    arguments = ["run", "zoo_training", "--output", str(output), "--networks", "mobileseg_ghostnet", "seaformer_tiny"]
    assert main(arguments) == 0 and trained == [("mobileseg_ghostnet", 0), ("seaformer_tiny", 0)]
    output.write_text(output.read_text() + '{"model": "cut o')
    assert main(arguments) == 0 and len(trained) == 2
    assert main([*arguments, "--rounds", "2"]) == 0
    assert trained[2:] == [("mobileseg_ghostnet", 1), ("seaformer_tiny", 1)]
    assert [result.rounds for result in read_file(output)] == [[0, 1], [0, 1]]
    assert {(result.case.batch, result.case.height, result.case.width) for result in read_file(output)} == {(8, 64, 96)}
    assert main(["report", str(output)]) == 0
    assert capsys.readouterr().out.strip().splitlines()[-4:-1] == [
        "| `seaformer_tiny` | 200 | 0.5000 | 0.0300 | 0.7500 | 2.00, 0.50 | 61 s |",
        "| `seaformer_tiny` | 200 | 0.5000 | 0.0300 | 0.7500 | 2.00, 0.50 | 62 s |",
        "| `mobileseg_ghostnet` | 200 | 0.5000 | 0.0300 | 0.7500 | 2.00, 0.50 | 61 s |",
    ]


@pytest.mark.parametrize("arguments", [["--networks", "resnet"], ["--iters", "3"], ["--rounds", "0"]])
def test_bad_arguments_are_one_line(arguments, tmp_path, capsys):
    assert main(["run", "zoo_training", "--output", str(tmp_path / "results.jsonl"), *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
