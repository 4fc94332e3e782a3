"""The suite of distillation: what differs between its runs, what it repeats, and what its tables say."""

from dataclasses import replace

import pytest
import yaml

from benchmarks.__main__ import main
from benchmarks.suites.distillation import suite
from benchmarks.suites.distillation.cases import LATENCY, STUDENTS, TEACHER, DistillationCase
from benchmarks.suites.distillation.report import gain, latency_table, score_table
from benchmarks.suites.distillation.training import case_of, checkpoint_of, run_config
from benchmarks.suites.registry import SUITES, read_file
from paddleseg_mobileseg.config.reader import load_config
from support.benchmark_measurements import measured, scored


def score(run, scores):
    return scored("distillation", case_of(run), {"miou": scores, "training_s": [61.2] * len(scores)})


def timed(scale, milliseconds):
    case = DistillationCase(LATENCY, "pp_mobileseg_tiny", 9, 192, 256, scale)
    return replace(measured("pp_mobileseg_tiny", "exact", milliseconds, suite="distillation"), case=case)


def test_runs_differ_in_the_weights_of_the_distillation_alone(tmp_path):
    distilled, plain = (run_config(run, tmp_path / "teacher.pdparams") for run in ("distilled", "plain"))
    for name in ("output_weight", "feature_weight", "cross_model_weight"):
        assert distilled["model"].pop(name) > 0 and plain["model"].pop(name) == 0
    assert distilled == plain
    teacher = run_config(TEACHER, tmp_path)
    assert teacher["model"] == {key: value for key, value in distilled["model"]["teacher"].items()}
    assert teacher["val_dataset"] == distilled["val_dataset"]


@pytest.mark.parametrize("run", [TEACHER, *STUDENTS])
def test_configs_of_the_runs_pass(run, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(run_config(run, tmp_path / "teacher.pdparams")))
    content = load_config(path).dic
    assert content["batch_size"] * content["iters"] <= content["train_dataset"]["count"]


def test_cases_are_those_of_the_configs():
    assert case_of(TEACHER) == DistillationCase(TEACHER, "pp_mobileseg_tiny", 9, 192, 256, 1.0, 400, 8)
    assert case_of("plain") == DistillationCase("plain", "pp_mobileseg_tiny", 9, 192, 256, 0.5, 200, 8)
    assert case_of("plain").seen == (96, 128)


def test_tables_give_mean_spread_gain_and_ratio():
    plain = replace(score("plain", [0.4, 0.5, 0.6]), rounds=[1, 0, 2])
    results = [score(TEACHER, [0.8]), plain, score("distilled", [0.55, 0.6])]
    assert score_table(results).rows == [
        ["teacher, whole images", "256x192", "400", "0", "0.8000", "0.8000", "-", "61 s"],
        ["student alone, reduced images", "128x96", "200", "0, 1, 2", "0.5000, 0.4000, 0.6000", "0.5000", "0.1000",
         "61 s"],
        ["student with the teacher, reduced images", "128x96", "200", "0, 1", "0.5500, 0.6000", "0.5750", "0.0354",
         "61 s"],
    ]
    assert gain(results) == "Gain by the teacher, seed by seed: +0.0500, +0.2000; mean +0.1250."
    assert gain(results[:2]) is None
    (row,) = latency_table([timed(1.0, [8.0, 16.0, 8.0]), timed(0.5, [2.0, 4.0, 2.04])]).rows
    assert row == ["`pp_mobileseg_tiny`", "256x192", "128x96", "8.0 ms", "2.0 ms", "0.25"]


def test_what_the_results_hold_is_not_repeated(tmp_path, monkeypatch, capsys):
    trained = []

    def train(run, seed, folder, teacher):
        trained.append((run, seed))
        checkpoint = checkpoint_of(folder)
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"")
        assert teacher.is_file()
        scores = {"miou": 0.5, "accuracy": 0.75, "training_s": 61.2}
        return {**scores, "scenes": 160, "weights": {}, "teacher_sha256": "0"}

    monkeypatch.setattr(suite, "train_and_score", train)
    monkeypatch.setitem(SUITES, "distillation", replace(SUITES["distillation"], timed=()))
    output = tmp_path / "results.jsonl"
    flags = ["run", "distillation", "--output", str(output)]
    assert main([*flags, "--rounds", "1"]) == 0
    assert trained == [("teacher", 0), ("distilled", 0), ("plain", 0)]
    assert main([*flags, "--rounds", "2"]) == 0
    assert trained[3:] == [("distilled", 1), ("plain", 1)]
    assert [(result.case.run, result.rounds) for result in read_file(output)] == [
        ("teacher", [0]), ("distilled", [0, 1]), ("plain", [0, 1])
    ]
    checkpoint_of(tmp_path / "results" / "teacher").unlink()
    assert main([*flags, "--rounds", "3"]) == 2
    assert "is gone; give another --output" in capsys.readouterr().err


@pytest.mark.slow
def test_reduced_network_is_timed_against_the_whole_one(tmp_path, monkeypatch):
    small = replace(SUITES["distillation"], trained=(), timed=[("pp_mobileseg_tiny", 4, (128, 128))])
    monkeypatch.setitem(SUITES, "distillation", small)
    output = tmp_path / "results.jsonl"
    flags = ["--output", str(output), "--models", str(tmp_path / "models"), "--rounds", "2", "--repeats", "5"]
    assert main(["run", "distillation", *flags]) == 0
    whole, reduced = read_file(output)
    assert [each.details["input_shape"] for each in (whole, reduced)] == [[1, 3, 128, 128], [1, 3, 64, 64]]
    assert len(latency_table([whole, reduced]).rows) == 1 and whole.rounds == reduced.rounds == [0, 1]
