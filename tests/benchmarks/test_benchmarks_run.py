"""Running a suite of benchmarks: what is measured, how it is taken up again, and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from inspect import signature
from pathlib import Path

import numpy as np
import paddle
import pytest

from benchmarks import __main__ as command
from benchmarks.images import built_in_images, read_images
from benchmarks.random_weights import calibrate_random_weights
from benchmarks.suites.latency import suite as latency
from benchmarks.suites.latency.cases import ACTIVE_CLASSES, PHONE, LatencyCase
from benchmarks.suites.latency.models import Export, ModelFolder
from benchmarks.suites.latency.suite import LatencyMeasuring, LatencySuite
from benchmarks.suites.registry import SUITES, read_file
from benchmarks.suites.training.suite import TrainingSuite, images_per_second
from paddleseg_mobileseg import InputError, build_model
from paddleseg_mobileseg.deploy.android.bench import bench
from paddleseg_mobileseg.deploy.android.predict import predict
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from support.benchmark_measurements import record_of
from support.folders import made_once
from support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
SMALL = LatencySuite(
    "ade20k",
    "how a small network does",
    dataset="ade20k",
    num_classes=40,
    sizes=[(64, 64)],
    label_maps=("exact", "argmax", "vim"),
    networks=["pp_mobileseg_tiny"],
)
CORE = max(os.sched_getaffinity(0))
CASES = [
    *SMALL.cases(),
    *(LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "exact", weights=weights) for weights in ("int16", "int8")),
    *(LatencyCase("pp_mobileseg_tiny", 64, 64, 40, way, "paddle-inference") for way in ("exact", "argmax")),
    *(LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "exact", PHONE, precision=each) for each in ("float32", "fp16")),
]


@pytest.fixture(scope="module")
def folder():
    """The models of all tests, made once for all workers of a run; nothing is written there any more."""

    def make(folder):
        ModelFolder(folder, built_in_images(folder / "images", 2)).make_all(CASES)

    return made_once("benchmark_models", make)


@pytest.fixture(scope="module")
def images(folder):
    return built_in_images(folder / "images", 2)


@pytest.fixture
def run(folder, images, monkeypatch):
    """The command with a suite of one small network."""
    monkeypatch.setitem(SUITES, "ade20k", SMALL)

    def run(output, *flags, suite="ade20k"):
        common = ["--models", str(folder), "--images", *map(str, images), "--rounds", "2", "--repeats", "1"]
        return command.main(["run", suite, "--output", str(output), *common, *flags])

    return run


@pytest.mark.parametrize("name", ["pp_mobileseg_tiny", "lraspp_mobilenetv3", "mobileseg_mobilenetv3"])
def test_random_weights_are_settled_so_that_some_classes_share_an_image(name, images, tmp_path):
    paddle.seed(0)
    network = build_model(name, 40)
    batch = read_images(built_in_images(tmp_path, 4), 128, 128)
    calibrate_random_weights(network, batch, 40, active_classes=8)
    assert not network.training
    with paddle.no_grad():
        logits = network(paddle.to_tensor(batch))[0].numpy()
    present = np.unique(logits.argmax(1))
    allowed = set(np.linspace(0, 39, 8).round().astype(int))
    assert set(present) <= allowed and len(present) >= 6
    assert 0.2 < logits[:, sorted(allowed)].std() < 5


def test_settling_refuses_a_network_without_a_classifier_of_these_classes(images):
    with pytest.raises(InputError, match="no convolution with 7 channels"):
        calibrate_random_weights(build_model("pp_mobileseg_tiny", 40), read_images(images, 64, 64), 7)


def test_a_suite_leaves_one_row_a_case_with_everything_that_a_table_needs(run, tmp_path, folder):
    output = tmp_path / "small.jsonl"
    assert run(output, "--int16", "--int8") == 0
    assert len(output.read_text().splitlines()) == 5
    found = {(each.case.label_map, each.case.number_format): each for each in read_file(output)}
    assert {number for way, number in found if way == "exact"} == {"float32", "int16", "int8"}
    least = {"argmax float32": 0.999, "exact float32": 0.999, "exact int16": 0.99, "exact int8": 0.3}
    for (way, number_format), each in found.items():
        assert each.rounds == [0, 1] and [len(turn) for turn in each.samples["network_ms"]] == [1, 1]
        assert ("label_map_ms" in each.samples) == (way == "exact")
        present = each.details["classes_present"]
        assert len(present) == 2 and max(present) <= ACTIVE_CLASSES
        assert each.peak_memory_bytes > 10**6 and each.environment.core == CORE
        nb = next(folder.rglob(each.details["model"]))
        assert each.details["bytes"] == nb.stat().st_size == read_metadata(nb).bytes
        # VIM loses the classes that win between the logits only, and here there are 4x4 of them.
        assert each.agreement > least.get(f"{way} {number_format}", 0.9)
    assert found["exact", "int8"].agreement < found["exact", "int16"].agreement
    assert found["exact", "int8"].details["bytes"] < found["exact", "float32"].details["bytes"]


def test_models_take_turns_and_a_finished_suite_is_not_measured_again(run, tmp_path, monkeypatch):
    output, turns, take = tmp_path / "small.jsonl", [], LatencyMeasuring.take_turn

    def recorded(self, case, number):
        turns.append((number, case.label_map))
        return take(self, case, number)

    monkeypatch.setattr(LatencyMeasuring, "take_turn", recorded)
    assert run(output) == 0
    assert turns == [(number, way) for number in (0, 1) for way in ("exact", "argmax", "vim")]
    before = output.read_bytes()
    assert run(output) == 0 and len(turns) == 6 and output.read_bytes() == before
    assert run(output, "--rounds", "3") == 0 and turns[6:] == [(2, way) for way in ("exact", "argmax", "vim")]
    assert [each.rounds for each in read_file(output)] == [[0, 1, 2]] * 3


KILLED = """
import sys
from benchmarks import __main__ as command
from benchmarks.suites.latency.suite import LatencySuite
from benchmarks.suites.registry import SUITES

sizes, label_maps, networks = [(64, 64)], ("exact",), ["pp_mobileseg_tiny"]
SUITES["ade20k"] = LatencySuite("ade20k", "how a small network does", "ade20k", 40, sizes, label_maps, networks)
sys.exit(command.main(sys.argv[1:]))
"""


def test_a_killed_suite_keeps_its_turns_and_goes_on_with_the_rest(tmp_path, folder, images, monkeypatch):
    monkeypatch.setitem(SUITES, "ade20k", SMALL)
    output = tmp_path / "killed.jsonl"
    arguments = ["run", "ade20k", "--output", str(output), "--models", str(folder)]
    arguments += ["--images", *map(str, images), "--label-maps", "exact", "--repeats", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments, "--rounds", "1000"], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and (not output.is_file() or len(output.read_bytes().splitlines()) < 3):
            time.sleep(0.05)
        process.kill()
    kept = [row for row in output.read_text().splitlines() if row.endswith("}")]
    assert len(kept) >= 3
    rounds = str(len(kept) + 2)
    assert command.main([*arguments, "--rounds", rounds]) == 0
    (measurement,) = read_file(output)
    assert measurement.rounds == list(range(len(kept) + 2)) and len(output.read_text().splitlines()) == 1
    assert measurement.samples["network_ms"][:3] == [json.loads(row)["samples"]["network_ms"][0] for row in kept[:3]]


def test_what_does_not_fit_the_results_file_is_refused(run, tmp_path, capsys, monkeypatch):
    output = tmp_path / "small.jsonl"
    assert run(output, "--label-maps", "exact") == 0
    assert run(output, "--label-maps", "exact", "--warmup", "4") == 2
    assert "with other settings (warmup): choose another --output" in capsys.readouterr().err
    monkeypatch.setitem(SUITES, "cityscapes", replace(SMALL, name="cityscapes"))
    assert run(output, "--label-maps", "exact", suite="cityscapes") == 2
    assert "the suite ade20k" in capsys.readouterr().err
    row = json.loads(output.read_text())
    row["details"]["sha256"] = "0" * 64
    (tmp_path / "older.jsonl").write_text(json.dumps(row) + "\n")
    assert run(tmp_path / "older.jsonl", "--label-maps", "exact") == 2
    assert "another pp_mobileseg_tiny_64x64_exact_float32_x86.nb" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--networks", "resnet"], "no network 'resnet'"),
        (["--rounds", "0"], "--rounds takes a number of 1 or more"),
        (["--core", "4096"], "--core 4096 is none of those"),
        (["--precision", "fp16"], "ARM only"),
        (["--clock", "cpu", "--engine", "phone"], "--clock cpu counts what this host's processor does"),
        (["--images", "none.png"], "no image none.png"),
        (["--sizes", "32x32"], "no such case"),
    ],
)
def test_bad_flags_are_one_line(run, tmp_path, capsys, flags, said):
    assert run(tmp_path / "results.jsonl", *flags) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and said in message and message.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, meant",
    [
        (["run", "ade20k", "--netwroks", "x"], "--networks"),
        (["run", "resolutoin"], "resolution"),
        (["report", "x", "--htm"], "--html"),
    ],
)
def test_what_is_misspelt_gets_a_suggestion(capsys, arguments, meant):
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    message = capsys.readouterr().err
    assert f"(did you mean {meant}?)" in message and message.count("\n") == 1


def test_paddle_inference_gives_the_labels_that_paddle_lite_gives(run, tmp_path):
    output = tmp_path / "inference.jsonl"
    flags = ["--label-maps", "exact", "argmax", "--rounds", "1"]
    assert run(output, "--engine", "paddle-inference", *flags) == 0
    for each in read_file(output):
        assert each.agreement > 0.999 and each.details["engine"] == "paddle-inference"
        assert each.environment.versions["paddle-inference"] == paddle.__version__
        assert ("label_map_ms" in each.samples) == (each.case.label_map == "exact")


@pytest.mark.skipif(paddle.device.is_compiled_with_cuda(), reason="this Paddle can use a graphics card")
def test_a_graphics_card_is_refused_where_paddle_cannot_use_one(run, tmp_path, capsys):
    assert run(tmp_path / "gpu.jsonl", "--engine", "paddle-inference-tensorrt") == 2
    assert "needs paddlepaddle-gpu" in capsys.readouterr().err


def test_a_phone_is_measured_by_the_benchmark_of_devices(run, tmp_path, monkeypatch, capsys):
    """With a double of the phone, which gives labels of which every other one is wrong in half precision."""
    asked = []

    def bench_double(nbs, serials, **options):
        signature(bench).bind(nbs, serials, **options)
        repeats, rounds = options["repeats"], options["rounds"]
        asked.append((serials, [nb.name for nb in nbs], repeats, rounds))
        for nb in nbs:
            case = LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "exact")
            record, described = record_of(case, [10.0] * rounds, [1.0] * rounds), read_metadata(nb)
            configuration = replace(record.configuration, model=nb.name, sha256=described.sha256)
            yield replace(
                record, configuration=configuration, environment=replace(record.environment, device="a phone")
            )

    def predict_double(nb, images, serial, **options):
        signature(predict).bind(nb, images, serial, **options)
        right = np.load(next(nb.parent.glob("labels_*.npy"))).copy()
        if "fp16" in nb.name:
            right[..., ::2] += 1
            assert 0.9 < read_metadata(nb).agreement.labels <= 1.0
        return [type("Prediction", (), {"labels": labels}) for labels in right]

    monkeypatch.setattr(latency, "phone_bench", bench_double)
    monkeypatch.setattr(latency, "phone_predict", predict_double)
    output = tmp_path / "phone.jsonl"
    flags = ["--engine", "phone", "--label-maps", "exact", "--serial", "abc", "--precision", "fp16"]
    assert run(output, *flags) == 0
    name = "pp_mobileseg_tiny_64x64_exact_{}_arm.nb"
    assert asked == [(["abc"], [name.format("float32"), name.format("fp16")], 2, 2)]
    full, half = read_file(output)
    assert full.agreement == 1.0 and half.agreement == 0.5 and full.rounds == [0, 1]
    assert run(output, *flags) == 0 and len(asked) == 1
    assert run(output, *flags, "--rounds", "3") == 2 and len(asked) == 1
    assert "a phone takes all --rounds of a case at once" in capsys.readouterr().err


def test_the_command_makes_what_is_missing(run, folder, images, tmp_path):
    models = shutil.copytree(folder, tmp_path / "models")
    nb = ModelFolder(models, images).model(SMALL.cases()[1])
    made = nb.read_bytes()
    nb.unlink()
    metadata_path(nb).unlink()
    assert run(tmp_path / "one.jsonl", "--label-maps", "argmax", "--rounds", "1", "--models", str(models)) == 0
    assert nb.read_bytes() == made


def test_models_are_made_once_and_anew_when_their_sources_change(folder, images, monkeypatch):
    case = LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "exact")
    assert ModelFolder(folder, images).missing([case]) == {}
    monkeypatch.setattr("benchmarks.suites.latency.models.sources_key", lambda module: "another")
    assert ModelFolder(folder, images).missing([case]) == {Export.of(case): [case]}


def test_a_predictor_runs_on_its_core_and_its_memory_is_its_own(folder, images):
    case = LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "exact")
    models = ModelFolder(folder, images)
    large = np.ones(10**8)
    with LitePredictor(models.model(case), CORE) as predictor:
        status = Path(f"/proc/{predictor._worker._process.pid}/status").read_text()
        assert f"Cpus_allowed_list:\t{CORE}\n" in status
        predictor.set_timed_inputs([read_images(images[:1], 64, 64)])
        assert predictor.time(1).peak_bytes < large.nbytes


def processor_seconds(pid):
    """What a process has had of all cores, by the clock that Linux keeps for it (clock_getcpuclockid's number)."""
    return time.clock_gettime(~pid << 3 | 2)


def timed_and_had(model, images, clock, stopped):
    """Seconds that a predictor says its runs took, and those that it had a core; it is stopped for a while in them."""
    with LitePredictor(model, CORE, clock) as predictor, ThreadPoolExecutor() as pool:
        predictor.set_timed_inputs([read_images(images[:1], 64, 64)])
        pid = predictor._worker._process.pid
        before = processor_seconds(pid)
        timing = pool.submit(predictor.time, 300)
        wait_until(lambda: processor_seconds(pid) > before + 0.05)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(stopped)
        os.kill(pid, signal.SIGCONT)
        return sum(timing.result().network_ms) / 1e3, processor_seconds(pid) - before


def test_the_clock_of_the_processor_stands_while_a_process_waits_for_its_core(folder, images):
    case = LatencyCase("pp_mobileseg_tiny", 64, 64, 40, "argmax")
    models = ModelFolder(folder, images)
    wall, _ = timed_and_had(models.model(case), images, "wall", stopped=1.0)
    cpu, had = timed_and_had(models.model(case), images, "cpu", stopped=1.0)
    assert wall > 1.0 and 0 < cpu <= had


def test_results_say_which_clock_they_are_of(run, tmp_path, capsys):
    output = tmp_path / "cpu.jsonl"
    assert run(output, "--label-maps", "argmax", "--rounds", "1", "--clock", "cpu") == 0
    assert command.main(["report", str(output)]) == 0
    assert "that the process had its core" in capsys.readouterr().out


@pytest.mark.slow
def test_every_network_of_the_zoo_runs_with_every_label_map(tmp_path, images, monkeypatch):
    suite = replace(SMALL, num_classes=150, sizes=[(128, 128)], networks=None)
    monkeypatch.setitem(SUITES, "ade20k", suite)
    output = tmp_path / "all.jsonl"
    flags = ["--models", str(tmp_path / "models"), "--images", *map(str, images), "--rounds", "1", "--repeats", "1"]
    assert command.main(["run", "ade20k", "--output", str(output), *flags]) == 0
    found = read_file(output)
    assert len(found) == len(suite.cases())
    for each in found:
        assert each.agreement > (0.9 if each.case.label_map == "vim" else 0.999), each.case
        assert min(each.details["classes_present"]) > 4, each.case


def test_training_is_timed_beside_paddlesegs_own_network_with_the_same_loss(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(SUITES, "training", replace(SUITES["training"], batch=2, height=64, width=64))
    assert isinstance(SUITES["training"], TrainingSuite)
    output = tmp_path / "training.jsonl"
    flags = ["run", "training", "--output", str(output), "--networks", "pp_mobileseg_tiny"]
    flags += ["--rounds", "1", "--repeats", "1", "--core", str(CORE)]
    assert command.main(flags) == 0
    own, stock = read_file(output)
    assert (own.case.implementation, stock.case.implementation) == ("plugin", "paddleseg")
    (losses,), (others,) = own.samples["loss"], stock.samples["loss"]
    assert losses == pytest.approx(others, rel=1e-4) and losses[1] != losses[0]
    assert images_per_second(own) == pytest.approx(2e3 / own.samples["step_ms"][0][0])
    before = output.read_bytes()
    assert command.main(flags) == 0 and output.read_bytes() == before
    assert command.main([*flags, "--warmup", "0"]) == 2 and "other settings (warmup)" in capsys.readouterr().err
    assert command.main(["report", str(output)]) == 0 and "images a second" in capsys.readouterr().out
    assert command.main(["run", "training", "--output", str(output), "--networks", "seaformer_tiny"]) == 2
