import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.runtime.bench import bench
from paddleseg_mobileseg.deploy.runtime.records import (
    Configuration,
    Environment,
    Record,
    json_lines,
    markdown,
    ratio,
)
from paddleseg_mobileseg.deploy.runtime.stats import flat
from support.exports import export_around, save_scene

CONFIGURATION = Configuration(
    model="tiny.nb",
    sha256="0" * 64,
    bytes=1,
    engine="paddle-lite",
    target="x86",
    precision="float32",
    weights="float32",
    threads=1,
    input_shape=[1, 3, 512, 512],
    output_kind="labels",
    label_map="vim",
    num_classes=150,
    inputs="2 images",
    warmup=1,
    repeats=4,
    rounds=2,
)
ENVIRONMENT = Environment(
    device="host",
    cpu="a processor",
    cores=2,
    core=None,
    system="Linux x86_64",
    versions={"paddle-lite": "v2.13-rc"},
    date="2024-01-01T00:00:00+00:00",
)


def record(rounds, label_maps=(), **configuration):
    return Record(
        configuration=replace(CONFIGURATION, **configuration),
        environment=ENVIRONMENT,
        init_ms=30.0,
        first_ms=20.0,
        warmup_ms=[15.0],
        network_ms=rounds,
        label_map_ms=list(label_maps),
        classes_present=[4, 9],
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small network with an exact label map, with labels in its graph, and with logits alone."""
    folder = tmp_path_factory.mktemp("models")
    exported = export_around(lambda logits: F.interpolate(logits, [64, 64], mode="bilinear"), folder / "exported")
    for labels in ("exact", "argmax", "none"):
        convert(exported, folder / f"{labels}.nb", "x86", labels=labels)
    return [folder / "exact.nb", folder / "argmax.nb", folder / "none.nb"]


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=40))
def test_the_summary_is_that_of_all_samples(samples):
    summary = record([samples[:3], samples[3:]]).summary()
    assert summary["label_map"] is None and summary["network"] == summary["end_to_end"]
    summary = summary["end_to_end"]
    assert summary["min_ms"] == min(samples)
    assert summary["median_ms"] == pytest.approx(np.median(samples))
    assert summary["mean_ms"] == pytest.approx(np.mean(samples))
    assert summary["p90_ms"] == np.percentile(samples, 90, method="inverted_cdf")
    assert summary["p99_ms"] == np.percentile(samples, 99, method="inverted_cdf")
    assert summary["stddev_ms"] == pytest.approx(np.std(samples, ddof=1) if len(samples) > 1 else 0, abs=1e-6)


def test_network_and_label_map_are_summarised_apart_and_together():
    summary = record([[10.0, 12.0], [11.0]], [[1.0, 2.0], [3.0]]).summary()
    assert [summary[part]["median_ms"] for part in ("network", "label_map", "end_to_end")] == [11.0, 2.0, 14.0]
    assert ratio(record([[10.0]], [[2.0]]), record([[10.0]])) == 1.2


def test_a_ratio_is_taken_within_the_rounds():
    base = record([[10, 10, 10], [100, 100, 100], [10, 10, 10]])
    slower = record([[20, 20, 20], [200, 200, 200], [20, 20, 20]])
    assert ratio(slower, base) == 2
    assert ratio(base, base) == 1


def test_the_table_has_columns_for_what_varies_only():
    table = markdown([record([[10.0]]), record([[20.0]], model="base.nb", label_map="argmax")])
    caption, _, head, rule, first, second = table.splitlines()
    assert head == "| model | label map | init | first | min | median | mean | p90 | p99 | stddev | ratio |"
    assert rule.count("|") == head.count("|")
    assert first == "| tiny.nb | vim | 30.0 | 20.0 | 10.0 | 10.0 | 10.0 | 10.0 | 10.0 | 0.0 | 1.00 |"
    assert second.startswith("| base.nb | argmax |") and second.endswith("| 2.00 |")
    for fact in ("threads 1", "input 1x3x512x512", "fed 2 images", "classes present 4 to 9", "cpu a processor"):
        assert fact in caption
    assert "label map" not in caption


def test_the_table_splits_what_was_timed_apart():
    exact = record([[10.0]], [[0.5]], label_map="exact", output_kind="logits")
    head, _, first, second = markdown([exact, record([[20.0]], label_map="argmax")]).splitlines()[2:]
    assert head == (
        "| model | output | label map | init | first | network | labels "
        "| min | median | mean | p90 | p99 | stddev | ratio |"
    )
    assert first == (
        "| tiny.nb | logits | exact | 30.0 | 20.0 | 10.0 | 0.50 | 10.5 | 10.5 | 10.5 | 10.5 | 10.5 | 0.0 | 1.00 |"
    )
    assert second.startswith("| tiny.nb | labels | argmax | 30.0 | 20.0 | 20.0 | - | 20.0 |")


def test_json_lines_hold_every_sample():
    rows = [json.loads(line) for line in json_lines([record([[1.0, 2.0], [3.0]]), record([[4.0]])]).splitlines()]
    assert rows[0]["network_ms"] == [[1.0, 2.0], [3.0]] and rows[0]["summary"]["end_to_end"]["median_ms"] == 2.0
    assert rows[0]["environment"]["core"] is None and rows[0]["configuration"]["label_map"] == "vim"
    assert rows[1]["warmup_ms"] == [15.0] and rows[1]["init_ms"] == 30.0


def test_models_take_turns_and_every_run_is_recorded(models):
    exact, labels, logits = bench(models, warmup=3, repeats=7, rounds=3)
    for found in (exact, labels, logits):
        assert [len(turn) for turn in found.network_ms] == [3, 3, 3]
        assert found.peak_memory_bytes > 1e6
        assert len(found.warmup_ms) == 3 and found.configuration.repeats == 9
        assert min(flat(found.network_ms) + found.warmup_ms + [found.init_ms, found.first_ms]) > 0
        assert (found.configuration.threads, found.configuration.inputs) == (1, "noise, seed 0")
        assert found.environment.versions["paddle-lite"].startswith("v2.13")
        assert found.environment.cpu and found.environment.cores >= 1
    assert [found.configuration.label_map for found in (exact, labels, logits)] == ["exact", "argmax", "none"]
    assert [[len(turn) for turn in found.label_map_ms] for found in (exact, labels, logits)] == [[3, 3, 3], [], []]
    assert min(flat(exact.label_map_ms)) > 0
    assert exact.classes_present == labels.classes_present == logits.classes_present and labels.classes_present[0] > 1


def test_images_are_fed_and_their_classes_counted(models, tmp_path):
    for seed in (1, 2, 3):
        save_scene(tmp_path / f"{seed}.png", seed, 64, 64)
    (found,) = bench(models[1:2], images=[tmp_path], warmup=0, repeats=4, rounds=2)
    assert found.configuration.inputs == "3 images"
    assert len(found.classes_present) == 3 and min(found.classes_present) >= 1
    assert found.warmup_ms == []


def test_no_more_images_are_named_than_were_timed(models, tmp_path):
    for seed in (1, 2, 3):
        save_scene(tmp_path / f"{seed}.png", seed, 64, 64)
    (found,) = bench(models[1:2], images=[tmp_path], warmup=0, repeats=2, rounds=1)
    assert found.configuration.inputs == "2 images" and len(found.classes_present) == 2


def test_the_command_prints_a_table(models, capfd):
    flags = ["--warmup", "1", "--repeats", "2", "--rounds", "1"]
    assert main(["bench", *map(str, models), *flags]) == 0
    said = capfd.readouterr().out
    assert "| exact.nb |" in said and "| argmax.nb |" in said and "noise, seed 0" in said


def test_the_command_prints_and_writes_json_lines(models, tmp_path, capfd):
    output = tmp_path / "results.jsonl"
    flags = ["--warmup", "1", "--repeats", "2", "--rounds", "2", "--json", "--output", str(output)]
    assert main(["bench", *map(str, models), *flags]) == 0
    said = capfd.readouterr().out
    assert said == output.read_text()
    names = [json.loads(line)["configuration"]["model"] for line in said.splitlines()]
    assert names == ["exact.nb", "argmax.nb", "none.nb"]


@pytest.mark.parametrize("number", ["repeats", "rounds", "warmup"])
def test_senseless_numbers_are_refused(number, models):
    with pytest.raises(InputError, match=f"--{number}"):
        bench(models, **{number: -1})


def test_a_model_for_phones_is_refused(tmp_path):
    convert(export_around(nn.ReLU(), tmp_path / "export"), tmp_path / "model.nb", "arm")
    with pytest.raises(InputError, match="is for arm"):
        bench([tmp_path / "model.nb"])
