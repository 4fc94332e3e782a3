"""`mobileseg device bench` on an emulated phone, with the real program for aarch64."""

import json
import re
from dataclasses import asdict

import numpy as np
import paddleseg.transforms as T
import pytest

from paddleseg_mobileseg.deploy.android import bench as bench_module
from paddleseg_mobileseg.deploy.android.bench_binary import LIBRARY
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata, sha256_of
from paddleseg_mobileseg.deploy.runtime.records import read_records
from paddleseg_mobileseg.labels import label_map_of
from support.exports import MEAN, STD, save_scene
from support.phones import CLASSES, HEIGHT, WIDTH, change_metadata, exported_squares, write_model

SHAPE = [1, 3, HEIGHT, WIDTH]


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


def runs_of(phone):
    """The command lines under which the program ran."""
    return [command for command in phone.commands if "mobileseg_bench --model" in command]


def paddle_classes(batch):
    return len(np.unique(label_map_of(StaticGraph(read_exported(exported_squares(0))).run(batch))))


def test_one_command_ends_in_a_table(phone, model, bench_command):
    said = bench_command(model)
    assert said.status == 0
    title, _, header, _, row = said.out.strip().splitlines()
    assert "device Example Emulated One, cpu EM855" in title and "label map exact" in title and "noise, seed 0" in title
    assert header.startswith("| model | init | first | network | labels | min |")
    assert row.startswith("| squares.nb |")


def test_and_in_a_json_record(phone, model, bench_command, tmp_path):
    output = tmp_path / "new folder" / "results.jsonl"
    said = bench_command(model, "--json", "--output", output, "--seed", 3)
    assert said.status == 0 and said.out == output.read_text()
    (record,) = records_of(said.out)
    configuration, environment = record["configuration"], record["environment"]
    metadata = read_metadata(model)
    assert configuration["model"] == "squares.nb" and configuration["sha256"] == metadata.sha256
    assert configuration["input_shape"] == SHAPE and configuration["label_map"] == "exact"
    assert (configuration["warmup"], configuration["repeats"], configuration["rounds"]) == (1, 4, 2)
    assert [len(turn) for turn in record["network_ms"]] == [len(turn) for turn in record["label_map_ms"]] == [2, 2]
    whole = [a + b for a, b in zip(sum(record["network_ms"], []), sum(record["label_map_ms"], []))]
    assert record["summary"]["end_to_end"]["min_ms"] == pytest.approx(min(whole))
    assert record["classes_present"] == [paddle_classes(noise(SHAPE, 3))] and configuration["inputs"] == "noise, seed 3"
    assert record["init_ms"] > 0 and record["first_ms"] > 0 and record["peak_memory_bytes"] > 100_000
    assert environment["device"] == "Example Emulated One" and environment["system"] == "Android 12 arm64-v8a"
    assert environment["core"] is None and environment["cores"] == 2
    details = environment["details"]
    assert details["serial"] == phone.address and details["abi"] == "arm64-v8a" and details["fp16"] is True
    assert details["power_mode"] == "high" and details["rounds_asked"] == 2 and details["throttling"] is None
    assert details["thermal_status"] == [[0, 0], [0, 0]]
    assert details["battery"]["level"] == 80 and details["label_map"]["shape"] == [1, HEIGHT, WIDTH]
    assert re.match(r"fnv1a64:[0-9a-f]{16}$", details["label_map"]["digest"])


def test_results_are_appended(phone, model, bench_command, tmp_path):
    output = tmp_path / "results.jsonl"
    output.write_text('{"from": "yesterday"}\n')
    assert bench_command(model, "--output", output, "--rounds", 1).status == 0
    lines = records_of(output.read_text())
    assert lines[0] == {"from": "yesterday"} and lines[1]["configuration"]["model"] == "squares.nb" and len(lines) == 2


def test_models_take_turns_and_cool_down_between(phone, tmp_path, bench_command, monkeypatch):
    slept = []
    monkeypatch.setattr(bench_module, "sleep", slept.append)
    models = [write_model(tmp_path / f"{name}.nb", seed) for seed, name in enumerate("ab")]
    said = bench_command(*models, "--rounds", 3, "--repeats", 3, "--cool-down", 7.5, "--json")
    sent = [re.search(r"--model \S*/(\w+)/model.nb", command).group(1) for command in runs_of(phone)]
    first, second = (read_metadata(model).sha256[:16] for model in models)
    assert sent == [first, second] * 3
    assert slept == [7.5] * 5
    records = records_of(said.out)
    assert [record["configuration"]["model"] for record in records] == ["a.nb", "b.nb"]
    assert all(len(record["network_ms"]) == 3 for record in records)


def test_images_are_fed_in_turn_as_the_export_prepares_them(phone, model, bench_command, tmp_path):
    images = [save_scene(tmp_path / f"{seed}.png", seed, 96, 96) for seed in (1, 2, 3)]
    (record,) = records_of(bench_command(model, "--images", *images[:2], "--json", "--keep").out)
    # The transforms of the export keep the ratio of these square images.
    steps = [T.Resize([HEIGHT, HEIGHT]), T.Padding([WIDTH, HEIGHT]), T.Normalize(MEAN, STD)]
    batches = [T.Compose(steps)({"img": str(image)})["img"][np.newaxis] for image in images[:2]]
    assert record["configuration"]["inputs"] == "2 images"
    assert record["classes_present"] == [paddle_classes(batch) for batch in batches]
    sent = [phone.host_path(path).read_bytes() for path in phone.pushed if path.endswith("input.f32")]
    for content, batch in zip(sent, batches):
        np.testing.assert_allclose(np.frombuffer(content, "<f4").reshape(batch.shape), batch, rtol=0, atol=1e-6)
    (record,) = records_of(bench_command(model, "--images", *images, "--json").out)
    assert record["configuration"]["inputs"] == "2 images", "a turn of two runs has no time for the third"


def test_phones_are_measured_one_after_the_other(attach, model, bench_command):
    first, second = attach(), attach()
    second.properties["ro.product.model"] = "Emulated Two"
    said = bench_command(model, "--device", first.address, second.address, "--rounds", 1)
    assert said.status == 0
    devices = [row.split(" | ")[1] for row in said.out.splitlines()[4:]]
    assert devices == ["Example Emulated One", "Example Emulated Two"]


def test_nothing_is_left_on_the_phone(phone, model, bench_command):
    assert bench_command(model, "--rounds", 1).status == 0
    assert phone.files() == []


def test_kept_files_are_not_sent_again(phone, model, bench_command):
    assert bench_command(model, "--rounds", 1, "--keep").status == 0
    assert sorted(path.rpartition("/")[2] for path in phone.pushed) == [
        "input.f32", "libpaddle_light_api_shared.so", "mobileseg_bench", "model.nb",
    ]  # fmt: skip
    phone.pushed.clear()
    assert bench_command(model, "--rounds", 1, "--keep").status == 0
    assert phone.pushed == []


def test_a_kept_file_that_was_damaged_is_sent_again(phone, model, bench_command):
    bench_command(model, "--rounds", 1, "--keep")
    (kept,) = phone.root.rglob("model.nb")
    kept.write_bytes(kept.read_bytes()[:-1])
    phone.pushed.clear()
    assert bench_command(model, "--rounds", 1).status == 0
    assert [path.rpartition("/")[2] for path in phone.pushed] == ["model.nb"]
    assert phone.files() == []


def test_a_phone_without_sha256sum_checks_by_md5(phone, model, bench_command):
    phone.script("sha256sum", "echo 'sha256sum: not found' >&2; exit 127")
    assert bench_command(model, "--rounds", 1, "--keep").status == 0
    assert any(command.startswith("md5sum /data") for command in phone.commands)
    phone.pushed.clear()
    assert bench_command(model, "--rounds", 1).status == 0 and phone.pushed == []


def test_flags_reach_the_program(phone, model, bench_command):
    (record,) = records_of(bench_command(model, "--threads", 2, "--cores", "0", "--rounds", 1, "--json").out)
    assert record["configuration"]["threads"] == 2 and record["environment"]["core"] == 0
    assert record["environment"]["details"]["power_mode"] == "no_bind"
    bench_command(model, "--power-mode", "low", "--rounds", 1)
    assert "--power-mode low" in runs_of(phone)[-1]


def test_a_network_that_gives_labels_makes_them_within_its_own_time(phone, tmp_path, bench_command):
    nb = write_model(tmp_path / "graph.nb", output="int32")
    output = {**json.loads((tmp_path / "graph.nb.json").read_text())["output"], "kind": "labels", "label_map": "argmax"}
    change_metadata(nb, output={**output, "dtype": "int32", "label_size": None, "align_corners": None})
    (record,) = records_of(bench_command(nb, "--json").out)
    assert record["label_map_ms"] == [] and record["configuration"]["label_map"] == "argmax"
    assert len(record["classes_present"]) == 1 and 1 <= record["classes_present"][0] <= CLASSES


def test_the_record_shows_which_files_ran_on_which_cores(phone, tmp_path, bench_command):
    nb = write_model(tmp_path / "placed.nb", clock_ms="10 1")
    said = bench_command(nb, "--cores", "0", "--rounds", 2, "--keep", "--json")
    (record,) = records_of(said.out)
    details = record["environment"]["details"]
    for name, described in (("mobileseg_bench", details["program"]), (LIBRARY, details["library"])):
        (sent,) = (phone.host_path(path) for path in phone.pushed if path.endswith(f"/{name}"))
        assert described["sha256"] == sha256_of(sent)
    assert re.fullmatch("[0-9a-f]{40}", details["program"]["build_id"])
    # The first pass and one run to warm up, then two runs in each turn; the double computes in a quarter of the time.
    assert [turn["cpu_time_ms"] for turn in record["turns"]] == pytest.approx([(12 + 13) / 4] * 2)
    for turn in record["turns"]:
        assert (turn["cores"], turn["migrations"], turn["allowed_cores"]) == ([0, 0], 0, [0])
        assert min(turn["voluntary_switches"], turn["involuntary_switches"]) >= 0
    lines = tmp_path / "records.jsonl"
    lines.write_text(said.out)
    assert [asdict(turn) for turn in read_records(lines)[0].turns] == record["turns"]


def test_warming_up_by_time_is_in_the_record(phone, tmp_path, bench_command):
    nb = write_model(tmp_path / "warm.nb", clock_ms="10 0")
    (record,) = records_of(bench_command(nb, "--warmup-seconds", 0.12, "--rounds", 1, "--json").out)
    # Input and output take a millisecond each beside the ten of the network.
    assert record["warmup_ms"] == pytest.approx([10] * 10)
    assert (record["configuration"]["warmup"], record["configuration"]["warmup_seconds"]) == (10, 0.12)


def test_a_hot_phone_is_warned_of(phone, model, bench_command):
    phone.thermal_status(3)
    said = bench_command(model, "--rounds", 1, "--json")
    assert records_of(said.out)[0]["environment"]["details"]["thermal_status"] == [[3, 3]]
    assert [line for line in said.warnings() if "Android gives the thermal status 3: it may throttle" in line]


def test_throttling_is_warned_of(phone, tmp_path, bench_command):
    nb = write_model(tmp_path / "hot.nb", clock_ms="10 1")
    said = bench_command(nb, "--repeats", 30, "--rounds", 2, "--json")
    (record,) = records_of(said.out)
    # The first pass and the warm-up took two runs. Medians of the first and last five of each turn.
    assert record["network_ms"] == [pytest.approx(list(range(12, 27)))] * 2
    assert record["environment"]["details"]["throttling"] == pytest.approx(24 / 14 - 1)
    assert any("hot.nb" in line and "throttles" in line for line in said.warnings())


def test_what_slows_the_phone_is_warned_of(phone, model, bench_command):
    phone.battery(level=10, temperature_c=42.0)
    phone.setting("low_power", "1")
    warnings = bench_command(model, "--rounds", 1).warnings()
    assert len(warnings) == 3 and all(line.startswith(f"warning: {phone.address}: ") for line in warnings)


def test_the_programs_own_warnings_are_passed_on_once(phone, tmp_path, bench_command):
    nb = write_model(tmp_path / "old.nb", opt_version="v2.9")
    warnings = bench_command(nb).warnings()
    assert len(warnings) == 1 and f"old.nb on {phone.address}: opt v2.9 made the model" in warnings[0]


@pytest.mark.parametrize(
    "changes, flags, message",
    [
        ({"target": "x86"}, [], "is for x86, phones need one for arm: convert with --target arm"),
        ({"precision": "float16"}, [], "half precision, which the phone .* lacks"),
        ({}, ["--repeats", "0"], "--repeats takes a number of 1 or more"),
        ({}, ["--rounds", "-1"], "--rounds takes a number of 1 or more"),
        ({}, ["--warmup", "-1"], "--warmup takes a number of 0 or more"),
        ({}, ["--cool-down", "-1"], "--cool-down takes seconds from 0"),
        ({}, ["--warmup-seconds", "-1"], "--warmup-seconds takes seconds from 0"),
        ({}, ["--cool-down", "nan"], "--cool-down takes seconds from 0"),
        ({}, ["--timeout", "inf"], "--timeout takes seconds above 0"),
        ({}, ["--threads", "0"], "--threads takes a number of 1 or more"),
        ({}, ["--timeout", "0"], "--timeout takes seconds above 0"),
        ({}, ["--cores", "0", "--power-mode", "high"], "omit one"),
        ({}, ["--program", "none"], "cannot read none"),
        ({}, ["--images", "none"], "there is no image none"),
        ({}, ["--output", "/proc/none/results.jsonl"], "cannot write /proc/none"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_sent(
    changes, flags, message, phone, model, bench_command
):
    phone.cpuinfo("Features\t: fp asimd\n")
    change_metadata(model, **changes)
    said = bench_command(model, *flags)
    assert (said.status, said.out) == (2, "") and re.search(message, said.error())
    assert phone.pushed == [] and phone.files() == []
