"""The benchmark of distillation: what differs between its runs, what it repeats, and what its tables say."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.distillation import __main__ as command
from benchmarks.distillation import latency
from benchmarks.distillation.report import table
from benchmarks.distillation.training import RUNS, TEACHER, checkpoint_of, run_config
from paddleseg_mobileseg.config.reader import load_config


def row(run, seed, miou):
    return {"run": run, "seed": seed, "iters": 200, "size": [192, 256], "miou": miou, "seconds": 61.2,
            "student_scale": 1.0 if run == TEACHER else 0.5}


def latency_row(case, **found):
    return {"run": "latency", "case": case, "model": "pp_mobileseg_tiny", "sizes": [[192, 256], [96, 128]],
            "median_ms": [8.0, 2.04], "ratio": 0.25, **found}


def test_runs_differ_in_the_weights_of_the_distillation_alone(tmp_path):
    distilled, plain = (run_config(run, tmp_path / "teacher.pdparams") for run in ("distilled", "plain"))
    for name in ("output_weight", "feature_weight", "cross_model_weight"):
        assert distilled["model"].pop(name) > 0 and plain["model"].pop(name) == 0
    assert distilled == plain
    teacher = run_config(TEACHER, tmp_path)
    assert teacher["model"] == {key: value for key, value in distilled["model"]["teacher"].items()}
    assert teacher["val_dataset"] == distilled["val_dataset"]


@pytest.mark.parametrize("run", [TEACHER, *RUNS])
def test_configs_of_the_runs_pass(run, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(run_config(run, tmp_path / "teacher.pdparams")))
    content = load_config(path).dic
    assert content["batch_size"] * content["iters"] <= content["train_dataset"]["count"]


def test_tables_give_mean_spread_gain_and_ratio():
    rows = [row("teacher", 0, 0.8), row("plain", 1, 0.4), row("plain", 0, 0.5), row("plain", 2, 0.6)]
    rows += [row("distilled", 0, 0.55), row("distilled", 1, 0.6), latency_row("scenes")]
    lines = table(rows).splitlines()
    assert "| teacher, whole images | 256x192 | 200 | 0 | 0.8000 | 0.8000 | - | 61 s |" in lines
    assert (
        "| student alone, reduced images | 128x96 | 200 | 0, 1, 2 | 0.5000, 0.4000, 0.6000 | 0.5000 | 0.1000 | 61 s |"
    ) in lines
    assert "Gain by the teacher, seed by seed: +0.0500, +0.2000; mean +0.1250." in lines
    assert lines[-1] == "| `pp_mobileseg_tiny` | 256x192 | 128x96 | 8.0 ms | 2.0 ms | 0.25 |"


def test_what_the_results_hold_is_not_repeated(tmp_path, monkeypatch, capsys):
    trained, timed = [], []

    def train(run, seed, folder, teacher):
        trained.append((run, seed))
        checkpoint = checkpoint_of(folder)
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"")
        assert teacher.is_file()
        return row(run, seed, 0.5)

    def time_case(case, folder, repeats):
        timed.append(case)
        return latency_row(case)

    monkeypatch.setattr(command, "train_and_score", train)
    monkeypatch.setattr(command, "time_case", time_case)
    output = tmp_path / "results.jsonl"
    assert command.main(["--output", str(output), "--seeds", "0"]) == 0
    assert trained == [("teacher", 0), ("distilled", 0), ("plain", 0)] and timed == list(latency.CASES)
    assert command.main(["--output", str(output), "--seeds", "0", "1"]) == 0
    assert trained[3:] == [("distilled", 1), ("plain", 1)] and timed == list(latency.CASES)
    assert len([json.loads(line) for line in output.read_text().splitlines()]) == 5 + len(latency.CASES)
    checkpoint_of(Path(tmp_path / "results" / "teacher")).unlink()
    assert command.main(["--output", str(output), "--seeds", "2"]) == 2
    assert "is gone; give another --output" in capsys.readouterr().err


@pytest.mark.slow
def test_reduced_network_is_timed_against_the_whole_one(tmp_path, monkeypatch):
    monkeypatch.setitem(latency.CASES, "small", ("pp_mobileseg_tiny", 4, (128, 128)))
    found = latency.time_case("small", tmp_path, repeats=10)
    assert found["sizes"] == [[128, 128], [64, 64]]
    shapes = [record["configuration"]["input_shape"] for record in found["records"]]
    assert shapes == [[1, 3, 128, 128], [1, 3, 64, 64]]
    assert len(found["median_ms"]) == 2 and found["ratio"] > 0
