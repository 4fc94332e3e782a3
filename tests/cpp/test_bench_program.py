"""`mobileseg_bench`, the program that runs on a phone: what it measures, writes and says.

On this host and, under an emulator, on aarch64; with the test double of Paddle-Lite, or with the real library
if PADDLE_LITE_DIR names one.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from paddleseg_mobileseg import upsample_labels
from paddleseg_mobileseg.data.preprocessing import Preprocessing
from support import bench_program
from support.bench_networks import (
    BIAS,
    WEIGHTS,
    converted_network,
    double_only,
    exact,
    pooled_network,
    record_of,
    run,
    written,
)
from support.bench_program import double_logits, double_model


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"fnv1a64:{state:016x}"


@pytest.fixture(scope="module", params=["host", "aarch64"])
def arch(request):
    bench_program.command(request.param)
    return request.param


@pytest.fixture(scope="module")
def network_for(arch, tmp_path_factory):
    """Networks that give logits ("exact") or labels ("argmax") on `arch`, each made once."""
    made = {}

    def make(labels):
        if labels not in made:
            folder = tmp_path_factory.mktemp(labels)
            if bench_program.real_lite_dir(arch) is None:
                made[labels] = pooled_network(folder, **({"output": "int32"} if labels == "argmax" else {}))
            elif arch == "host":
                made[labels] = converted_network(folder, labels)
            else:
                pytest.skip("what the real library gives on aarch64 is not known here to compare with")
        return made[labels]

    return make


@pytest.fixture(scope="module")
def logits(network_for):
    return network_for("exact")


@pytest.fixture
def host_logits(tmp_path):
    if bench_program.real_lite_dir("host") is not None:
        return converted_network(tmp_path, "exact")
    return pooled_network(tmp_path)


def test_the_output_tensor_of_every_input_is_what_the_network_gives(arch, logits, tmp_path):
    files, flags = written(logits.flags(), tmp_path, 3)
    record = record_of(arch, *flags)
    for file, expected in zip(files, logits.outputs):
        np.testing.assert_array_equal(np.fromfile(file, "<f4").reshape(expected.shape), expected)
    assert record["output"]["dtype"] == "float32" and record["output"]["shape"] == list(logits.outputs[0].shape)
    assert record["output"]["digests"] == [fnv1a(file.read_bytes()) for file in files]
    assert record["output"]["digest"] == fnv1a(b"".join(file.read_bytes() for file in files))
    assert record["label_map"] is None and record["classes_present"] is None


@pytest.mark.parametrize("corners", [[], ["--align-corners"]])
def test_exact_labels_are_those_of_upsample_labels(arch, logits, tmp_path, corners):
    size = (logits.size[0] + 5, logits.size[1])
    files, flags = written(logits.flags(), tmp_path, 3)
    record = record_of(arch, *flags, *exact(size), *corners)
    expected = [upsample_labels(output, size, bool(corners), dtype=np.uint8) for output in logits.outputs]
    assert [file.read_bytes() for file in files] == [labels.tobytes() for labels in expected]
    assert record["label_map"]["dtype"] == "uint8" and record["label_map"]["shape"] == [1, *size]
    assert record["label_map"]["digests"] == [fnv1a(labels.tobytes()) for labels in expected]
    assert record["classes_present"] == [len(np.unique(labels)) for labels in expected]
    assert record["output"]["dtype"] == "float32"


PREPARED = {
    "stretch": {},
    "stretch, nearest, blue first": {"interpolation": "NEAREST", "channel_order": "BGR"},
    "keep ratio": {"resize": "keep_ratio", "long_side": 2048, "short_side": 64, "size_divisor": 32},
    "short side": {"resize": "short_side", "short_side": 50, "long_side": 70},
    "limit long": {"resize": "limit_long", "long_side": 60, "min_long_side": 50, "padding_value": 0.0},
    "factor": {"resize": "factor", "factor": 0.5, "padding_value": -0.25, "padding_normalized": True},
    "none": {"resize": "none"},
}


@double_only
@pytest.mark.parametrize("name", PREPARED)
def test_images_are_prepared_as_python_prepares_them(arch, tmp_path, name):
    network = pooled_network(tmp_path, count=1)
    preprocessing = Preprocessing(*network.size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), **PREPARED[name])
    sizes = [(64, 96), (131, 90), (45, 71)]
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    flags = ["--model", network.nb, "--input-shape", "1,3,64,96", *bench_program.preprocessing_flags(preprocessing)]
    for index, image in enumerate(images):
        flags += ["--image", bench_program.save_image(tmp_path / f"{index}.rgb", image)]
        flags += ["--image-size", "{},{}".format(*image.shape[:2])]
    batches = [preprocessing.apply(image) for image in images]
    files, once = written(flags, tmp_path, 3)
    record_of(arch, *once, "--write", "input")
    for file, batch in zip(files, batches):
        np.testing.assert_allclose(np.fromfile(file, "<f4").reshape(batch.shape), batch, rtol=0, atol=1e-5)
    record = record_of(arch, *once)
    assert record["configuration"]["image_sizes"] == [list(size) for size in sizes]
    for file, batch in zip(files, batches):
        expected = double_logits(batch, WEIGHTS, BIAS)
        np.testing.assert_allclose(np.fromfile(file, "<f4").reshape(expected.shape), expected, rtol=0, atol=1e-4)


@double_only
def test_images_of_one_size_are_timed_in_turn_and_repeated_in_a_batch(tmp_path):
    network = pooled_network(tmp_path, count=1)
    preprocessing = Preprocessing(64, 96, (0.5,) * 3, (0.5,) * 3)
    images = [np.full((30, 40, 3), grey, np.uint8) for grey in (20, 200)]
    flags = ["--model", network.nb, "--input-shape", "2,3,64,96", *bench_program.preprocessing_flags(preprocessing)]
    for index, image in enumerate(images):
        flags += ["--image", bench_program.save_image(tmp_path / f"{index}.rgb", image)]
    files = [tmp_path / "first", tmp_path / "second"]
    flags += ["--image-size", "30,40", *(part for file in files for part in ("--output", file))]
    record = record_of("host", *flags, "--warmup", 0, "--repeats", 3)
    assert len(record["samples"]["network_ms"]) == 3
    for file, image in zip(files, images):
        logits = np.fromfile(file, "<f4").reshape(record["output"]["shape"])
        expected = np.repeat(double_logits(preprocessing.apply(image), WEIGHTS, BIAS), 2, axis=0)
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)


@double_only
def test_an_image_of_another_size_is_refused(tmp_path):
    network = pooled_network(tmp_path, count=1)
    image = bench_program.save_image(tmp_path / "0.rgb", np.zeros((30, 40, 3)))
    flags = ["--model", network.nb, "--input-shape", "1,3,64,96", "--mean", "0,0,0", "--std", "1,1,1"]
    done = run("host", *flags, "--image", image, "--image-size", "40,31")
    assert done.returncode == 2
    assert b"0.rgb has 3600 bytes, --image-size asks for 3720 (uint8, three a pixel)" in done.stderr


def test_labels_of_the_graph_are_read_as_the_integers_they_are(arch, network_for, tmp_path):
    network = network_for("argmax")
    files, flags = written(network.flags(), tmp_path, 3)
    record = record_of(arch, *flags, "--labels", "graph")
    for file, expected in zip(files, network.outputs):
        np.testing.assert_array_equal(np.fromfile(file, "<i4").reshape(expected.shape), expected)
    assert record["output"]["dtype"] == str(network.outputs[0].dtype)
    assert record["classes_present"] == [len(np.unique(labels)) for labels in network.outputs]
    assert record["label_map"]["dtype"] == "int32"
    assert record["samples"]["network_ms"] == record["samples"]["label_map_ms"] == record["samples"]["cores"] == []


@double_only
def test_int64_labels_are_written_as_int32_or_raw(tmp_path):
    network = pooled_network(tmp_path, count=1, output="int64")
    files, flags = written(network.flags(), tmp_path, 1)
    record = record_of("host", *flags, "--labels", "graph")
    assert files[0].read_bytes() == network.outputs[0].astype("<i4").tobytes()
    assert record["output"]["dtype"] == "int64" and record["label_map"]["dtype"] == "int32"
    record_of("host", *flags, "--labels", "graph", "--write", "tensor")
    assert files[0].read_bytes() == network.outputs[0].tobytes()


@double_only
@pytest.mark.parametrize("classes, dtype", [(256, "uint8"), (257, "uint16")])
def test_labels_take_the_narrowest_type_that_holds_the_classes(tmp_path, classes, dtype):
    weights = np.random.default_rng(1).integers(-99, 100, (classes, 3))
    network = pooled_network(tmp_path, count=1)
    double_model(network.nb, weights)
    files, flags = written(network.flags(), tmp_path, 1)
    assert record_of("host", *flags, *exact((64, 96)))["label_map"]["dtype"] == dtype
    expected = upsample_labels(double_logits(network.inputs[0], weights), (64, 96), dtype=dtype)
    assert files[0].read_bytes() == expected.tobytes()


@double_only
def test_a_batch_gives_a_label_map_for_each_image(tmp_path):
    network = pooled_network(tmp_path, (2, 3, 32, 40), count=1)
    files, flags = written(network.flags(), tmp_path, 1)
    record_of("host", *flags, *exact((32, 40)))
    assert files[0].read_bytes() == upsample_labels(network.outputs[0], (32, 40), dtype=np.uint8).tobytes()


def test_every_run_is_recorded_and_summed_up(arch, logits):
    record = record_of(arch, *logits.flags(), *exact(logits.size), "--warmup", 4, "--repeats", 11)
    assert record["schema"] == 3 and record["program"]["name"] == "mobileseg_bench"
    network, label_map = (np.array(record["samples"][key]) for key in ("network_ms", "label_map_ms"))
    assert len(network) == len(label_map) == 11
    lists = ("network_ms", "label_map_ms", "cores")
    assert [len(record["warmup"][key]) for key in lists] == [4, 4, 4]
    assert [len(record["first_pass"][key]) for key in lists] == [3, 3, 3]
    assert record["first"] == {key: record["first_pass"][key][0] for key in lists[:2]}
    assert record["init_ms"] > 0 and (network > 0).all() and (label_map > 0).all()
    for name, samples in (("network", network), ("label_map", label_map), ("end_to_end", network + label_map)):
        summary = record["summary"][name]
        assert summary == pytest.approx(
            {
                "min_ms": samples.min(),
                "median_ms": np.median(samples),
                "mean_ms": samples.mean(),
                "p90_ms": np.sort(samples)[9],
                "p99_ms": np.sort(samples)[10],
                "stddev_ms": samples.std(ddof=1),
            }
        )


def test_the_record_holds_the_whole_configuration(host_logits):
    network = host_logits
    record = record_of("host", *network.flags(2), *exact((30, 40)), "--threads", 2, "--repeats", 3, "--warmup", 1)
    assert record["configuration"] == {
        "model": str(network.nb),
        "input_shape": list(network.shape),
        "inputs": [str(file) for file in network.files[:2]],
        "image_sizes": [],
        "warmup": 1,
        "warmup_seconds": 0,
        "repeats": 3,
        "min_seconds": 0,
        "threads": 2,
        "power_mode": "high",
        "cores": [],
        "labels": "exact",
        "label_size": [30, 40],
        "align_corners": False,
        "outputs": [],
        "write": "labels",
    }


def test_without_flags_it_warms_up_20_times_and_repeats_50_times(host_logits):
    record = record_of("host", *host_logits.flags(1))
    assert len(record["warmup"]["network_ms"]) == 20 and len(record["samples"]["network_ms"]) == 50
    assert record["samples"]["label_map_ms"] == [] and record["summary"]["label_map"] is None
    assert record["first"]["label_map_ms"] is None


@double_only
def test_min_seconds_goes_on_beyond_the_repeats(tmp_path):
    flags = ["--warmup", 1, "--repeats", 2, "--min-seconds", 0.5]
    slow = pooled_network(tmp_path, count=1, clock_ms="40 0")
    # Input and output take 1 ms each, which belong to the half second: 12 turns of 42 ms.
    assert record_of("host", *slow.flags(), *flags)["samples"]["network_ms"] == pytest.approx([40] * 12)
    slower = pooled_network(tmp_path, count=1, clock_ms="400 0")
    assert record_of("host", *slower.flags(), *flags)["samples"]["network_ms"] == pytest.approx([400] * 2)


@double_only
def test_warmup_seconds_goes_on_beyond_the_warmup(tmp_path):
    network = pooled_network(tmp_path, count=1, clock_ms="40 0")
    record = record_of("host", *network.flags(), "--warmup", 2, "--warmup-seconds", 0.5, "--repeats", 1)
    assert record["warmup"]["network_ms"] == pytest.approx([40] * 12)
    assert record["configuration"]["warmup_seconds"] == 0.5 and record["samples"]["network_ms"] == pytest.approx([40])


@double_only
def test_inputs_take_turns(tmp_path):
    network = pooled_network(tmp_path, trace=1)
    done = run("host", *network.flags(), "--warmup", 4, "--repeats", 5)
    turns = [int(turn) for turn in re.findall(r"^trace first (\d)", done.stderr.decode(), re.M)]
    assert turns == [0, 1, 2] + [0, 1, 2, 0] + [0, 1, 2, 0, 1]


@double_only
@pytest.mark.parametrize(
    "name, number", [("high", 0), ("low", 1), ("full", 2), ("no_bind", 3), ("rand_high", 4), ("rand_low", 5)]
)
def test_threads_and_power_mode_reach_the_library(tmp_path, name, number):
    network = pooled_network(tmp_path, trace=1)
    done = run("host", *network.flags(1), "--repeats", 0, "--warmup", 0, "--threads", 3, "--power-mode", name)
    assert f"threads 3 mode {number} " in done.stderr.decode()


@double_only
def test_the_library_is_bound_to_the_cores_from_the_start(tmp_path):
    core = max(os.sched_getaffinity(0))
    network = pooled_network(tmp_path, trace=1)
    done = run("host", *network.flags(1), "--repeats", 2, "--warmup", 0, "--cores", core)
    assert set(re.findall(r"mode (\d) cores (.*)$", done.stderr.decode(), re.M)) == {("3", str(core))}
    record = json.loads(done.stdout)
    assert record["configuration"]["power_mode"] == "no_bind"
    assert record["samples"]["cores"] == [core, core] and record["samples"]["migrations"] == 0
    assert record["placement"]["allowed_cores"] == [core]
    assert {each["cpu"] for each in record["placement"]["before"] + record["placement"]["after"]} <= {core}


@double_only
def test_waits_of_the_runs_are_counted(tmp_path):
    network = pooled_network(tmp_path, nap=1)
    record = record_of("host", *network.flags(1), "--warmup", 1, "--repeats", 7)
    assert record["samples"]["voluntary_switches"] >= 7 > record["warmup"]["voluntary_switches"] >= 1
    assert record["samples"]["involuntary_switches"] >= 0


@pytest.mark.parametrize("file", ["program", bench_program.LIBRARY])
def test_build_ids_are_those_of_the_files_that_run(arch, logits, file):
    record = record_of(arch, *logits.flags(1), "--warmup", 0, "--repeats", 0)
    path = bench_program.build_program(arch)
    path = path if file == "program" else path.parent / file
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    expected = re.search(r"Build ID: ([0-9a-f]+)", notes)
    found = record["program"]["build_id"] if file == "program" else record["library_build_id"]
    assert found == (expected and expected.group(1))
    assert found or file != "program"


@double_only
def test_samples_are_the_time_of_the_runs_and_nothing_else(arch, tmp_path):
    """On a clock that only the library moves: each sample is one whole run, without the input before it and the output
    after it, from which the label map is made."""
    network = pooled_network(tmp_path, clock_ms="10 1")
    record = record_of(arch, *network.flags(), *exact((200, 300)), "--warmup", 4, "--repeats", 5)
    times = record["first_pass"], record["warmup"], record["samples"]
    assert sum((part["network_ms"] for part in times), []) == pytest.approx(list(range(10, 22)))
    assert sum((part["label_map_ms"] for part in times), []) == [0] * 12
    assert [part["cpu_time_ms"] for part in times] == pytest.approx([33 / 4, 58 / 4, 95 / 4])
    assert record["first"] == pytest.approx({"network_ms": 10, "label_map_ms": 0})


@double_only
def test_peak_memory_is_that_of_one_input_however_many_are_timed(tmp_path):
    network = pooled_network(tmp_path, (1, 3, 1024, 1024), count=6)
    size = network.inputs[0].nbytes

    def peak(inputs, repeats):
        return record_of("host", *network.flags(inputs), "--warmup", 0, "--repeats", repeats)["peak_memory_bytes"]

    one = peak(1, 1)
    assert 2 * size < one < 5 * size
    assert abs(peak(6, 1) - one) < 0.2 * size and abs(peak(6, 0) - one) < 0.2 * size


def test_any_file_name_comes_back_from_the_json(host_logits, tmp_path):
    folder = tmp_path / 'ü "quoted" $(false) \\ \t\n'
    folder.mkdir()
    model, output = str(folder / "model.nb"), str(folder / "o")
    file = os.fsdecode(os.fsencode(folder) + b"/\xff\xed\xa0\x80.f32")
    Path(model).write_bytes(host_logits.nb.read_bytes())
    Path(file).write_bytes(host_logits.files[0].read_bytes())
    shape = ",".join(map(str, host_logits.shape))
    record = record_of(
        "host", "--model", model, "--input-shape", shape, "--input", file, "--output", output, "--repeats", 1
    )
    assert record["configuration"]["model"] == model
    assert record["configuration"]["inputs"] == [file] and record["configuration"]["outputs"] == [output]
    assert Path(output).read_bytes() == host_logits.outputs[0].tobytes()


@double_only
def test_what_the_library_prints_stays_out_of_the_result(tmp_path):
    network = pooled_network(tmp_path, noise=1)
    done = run("host", *network.flags(1), "--repeats", 1)
    assert json.loads(done.stdout)["schema"] == 3
    assert b'{"run 1"}' in done.stderr


def test_versions_of_library_and_model_are_recorded(host_logits):
    record = record_of("host", *host_logits.flags(1), "--repeats", 1)
    assert record["library_version"] == record["model_opt_version"] != ""


@double_only
def test_a_model_of_another_opt_version_is_a_warning(tmp_path):
    done = run("host", *pooled_network(tmp_path, opt_version="v2.12").flags(1), "--repeats", 1)
    assert done.returncode == 0 and b"warning: opt v2.12 made the model and the library is double" in done.stderr


def test_the_program_has_the_version_of_the_plugin(arch):
    declared = re.search(r'version="(.+?)"', (bench_program.ROOT / "setup.py").read_text()).group(1)
    assert run(arch, "--version").stdout.decode() == f"mobileseg_bench {declared}\n"


def test_help_names_every_flag():
    text = run("host", "--help").stdout.decode()
    source = (bench_program.SOURCES / "bench" / "options.cc").read_text()
    flags = set(re.findall(r'^      \{"(--[a-z-]+)"', source, re.M))
    assert len(flags) == 29 and all(f"\n  {flag} " in text for flag in flags)
