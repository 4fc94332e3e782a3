"""How `mobileseg_bench` fails: one line on standard error, 2 for what the caller can fix, 1 for the library."""

import os
import subprocess

import numpy as np
import pytest

from support import bench_program
from support.bench_networks import double_only, exact, pooled_network, run, save_inputs, written

MODEL = ["--model", "m.nb"]
SHAPE = ["--input-shape", "1,3,8,8"]
INPUT = ["--input", "x.f32"]
WHOLE = MODEL + SHAPE + INPUT
IMAGE = MODEL + SHAPE + ["--image", "x.rgb"]
PREPARED = IMAGE + ["--image-size", "8,8", "--mean", "0,0,0", "--std", "1,1,1"]


def error_of(done, status):
    """The error line of a run that must have failed with `status` and given no result."""
    assert done.returncode == status, done
    assert done.stdout == b""
    errors = [line for line in done.stderr.decode().splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and done.stderr.decode().splitlines()[-1] == errors[0]
    return errors[0]


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "--model is missing"),
        (MODEL + INPUT, "--input-shape is missing"),
        (MODEL + SHAPE, "--input is missing"),
        (WHOLE + ["--frobnicate", "1"], "unknown flag '--frobnicate'"),
        (WHOLE + ["--help"], "unknown flag '--help'"),
        (["model.nb"], "unknown flag 'model.nb'"),
        (WHOLE + ["--threads=2"], "unknown flag '--threads=2'"),
        (WHOLE + ["--threads"], "--threads needs a value: --threads COUNT"),
        (WHOLE + MODEL, "--model is given twice"),
        (WHOLE + ["--align-corners", "--align-corners"], "--align-corners is given twice"),
        (WHOLE + ["--threads", "0"], "--threads must be whole numbers from 1 to 256, not '0'"),
        (WHOLE + ["--threads", "2x"], "not '2x'"),
        (WHOLE + ["--warmup", "-1"], "not '-1'"),
        (WHOLE + ["--repeats", "1e3"], "not '1e3'"),
        (WHOLE + ["--repeats", "99999999999999999999"], "--repeats must be whole numbers"),
        (WHOLE + ["--min-seconds", "nan"], "--min-seconds must be seconds from 0 to 86400, not 'nan'"),
        (WHOLE + ["--min-seconds", "-1"], "not '-1'"),
        (WHOLE + ["--min-seconds", ""], "not ''"),
        (WHOLE + ["--power-mode", "turbo"], "must be one of high, low, full, no_bind, rand_high, rand_low, not"),
        (WHOLE + ["--cores", "0,,1"], "--cores must be whole numbers from 0 to 1023, not ''"),
        (WHOLE + ["--cores", "0", "--power-mode", "high"], "--cores goes with --power-mode no_bind only"),
        (WHOLE + ["--labels", "vim"], "--labels must be one of exact, graph, none, not 'vim'"),
        (WHOLE + ["--labels", "exact"], "--labels exact needs --label-size H,W"),
        (WHOLE + ["--label-size", "8,8"], "--label-size and --align-corners belong to --labels exact"),
        (WHOLE + ["--labels", "graph", "--align-corners"], "belong to --labels exact"),
        (WHOLE + ["--labels", "exact", "--label-size", "8"], "--label-size must be 2 numbers with commas, not '8'"),
        (WHOLE + ["--labels", "exact", "--label-size", "0,8"], "not '0'"),
        (WHOLE + ["--write", "labels"], "--write labels needs --labels exact or --labels graph"),
        (WHOLE + ["--output", "a", "--output", "b"], "--output must be given as often as --input: 1, not 2 times"),
        (WHOLE + ["--image", "x.rgb"], "--input and --image cannot be combined"),
        (WHOLE + ["--mean", "0,0,0"], "--mean belongs to --image"),
        (IMAGE, "--image needs --image-size, as the model's .nb.json has it"),
        (IMAGE + ["--image-size", "8,8", "--mean", "0,0,0"], "--image needs --std"),
        (PREPARED + ["--image-size", "8,8"] * 2, "--image-size must be given once, or as often as --image: 1, not 3"),
        (PREPARED + ["--mean", "0,0,0"], "--mean is given twice"),
        (PREPARED + ["--resize", "crop"], "--resize must be one of stretch, keep_ratio, short_side, limit_long"),
        (PREPARED + ["--resize", "keep_ratio"], "--resize lacks the --long-side, --short-side or --factor"),
        (PREPARED + ["--interpolation", "AREA"], "--interpolation must be one of LINEAR, NEAREST, not 'AREA'"),
        (PREPARED + ["--padding-value", "grey"], "--padding-value must be a number, not 'grey'"),
        (PREPARED + ["--output", "a", "--output", "b"], "--output must be given as often as --image: 1, not 2 times"),
        (IMAGE + ["--image-size", "8,8", "--mean", "0,0", "--std", "1,1,1"], "--mean must be 3 numbers with commas"),
        (IMAGE + ["--image-size", "8,8", "--mean", "0,0,0", "--std", "1,0,1"], "--std holds a 0"),
        (MODEL + INPUT + ["--input-shape", "1,3,8"], "--input-shape must be 4 numbers with commas, not '1,3,8'"),
        (MODEL + INPUT + ["--input-shape", "1,3,-1,8"], "not '-1'"),
        (MODEL + INPUT + ["--input-shape", "32768,32768,32768,32768"], "--input-shape holds more than 2^28 elements"),
    ],
)
def test_flags_that_make_no_sense(flags, message):
    assert message in error_of(run("host", *flags), 2)


def test_a_model_that_is_not_there_or_no_file(host_files):
    nb, flags = host_files
    assert f"cannot read the model {nb}x: No such file" in error_of(run("host", "--model", f"{nb}x", *flags), 2)
    assert f"{nb.parent}: it is not a file" in error_of(run("host", "--model", nb.parent, *flags), 2)


@pytest.mark.parametrize("content", [b"", b"\x02\x00v2.13", b"PK\x03\x04" + bytes(100), b"\x02\x01" + bytes(100)])
def test_a_model_of_another_kind(host_files, content):
    nb, flags = host_files
    nb.write_bytes(content)
    assert f"{nb} is not a Paddle-Lite model" in error_of(run("host", "--model", nb, *flags), 2)


def test_a_model_cut_short_is_the_librarys_failure(host_files):
    nb, flags = host_files
    nb.write_bytes(nb.read_bytes()[:40])
    assert "Paddle-Lite" in error_of(run("host", "--model", nb, *flags), 1)


@pytest.fixture
def host_files(tmp_path):
    network = pooled_network(tmp_path, count=1)
    return network.nb, network.flags()[2:]


def test_inputs_that_do_not_fit(tmp_path):
    network = pooled_network(tmp_path, count=1)
    flags, file = network.flags()[:-1], network.files[0]
    assert f"cannot read the input {file}x: No such file" in error_of(run("host", *flags, f"{file}x"), 2)
    assert f"{tmp_path}: it is not a file" in error_of(run("host", *flags, tmp_path), 2)
    file.write_bytes(file.read_bytes()[:-1])
    wanted = "has 73727 bytes, --input-shape asks for 73728 (float32)"
    assert wanted in error_of(run("host", *flags, file), 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite(tmp_path, value):
    network = pooled_network(tmp_path, count=1)
    network.inputs[0][0, 2, 0, 7] = value
    save_inputs(tmp_path, network.inputs)
    position = 2 * 64 * 96 + 7
    assert f"is NaN or infinite at element {position}" in error_of(run("host", *network.flags()), 2)


def test_an_output_that_cannot_be_written_is_told_before_the_network_runs(tmp_path):
    network = pooled_network(tmp_path, count=1, trace=1)
    done = run("host", *network.flags(), "--output", tmp_path / "nowhere" / "out")
    assert "cannot write the output" in error_of(done, 2) and b"trace" not in done.stderr


@double_only
def test_a_full_disk(tmp_path):
    network = pooled_network(tmp_path, count=1)
    done = run("host", *network.flags(), "--repeats", 0, "--warmup", 0, "--output", "/dev/full")
    assert "cannot write the output /dev/full: No space left on device" in error_of(done, 1)


@double_only
def test_a_result_that_cannot_be_printed(tmp_path):
    network = pooled_network(tmp_path, count=1)
    command = bench_program.command("host") + [str(flag) for flag in network.flags()] + ["--repeats", "1"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"error: cannot write the result: No space left" in done.stderr


@pytest.mark.parametrize("cores", ["1000", f"{min(os.sched_getaffinity(0))},1000"])
def test_cores_that_there_are_not(tmp_path, cores):
    network = pooled_network(tmp_path, count=1)
    assert "of --cores" in error_of(run("host", *network.flags(), "--cores", cores), 2)


@double_only
@pytest.mark.parametrize(
    "behaviour, flags, message",
    [
        ({"output": "int32"}, exact((8, 8)), "needs logits [N, C, h, w], but the network gives int32 [1, 64, 96]"),
        ({}, ["--labels", "graph"], "int32 or int64 labels, but the network gives float32 [1, 7, 8, 12]"),
    ],
)
def test_labels_that_the_network_cannot_give(tmp_path, behaviour, flags, message):
    network = pooled_network(tmp_path, count=1, **behaviour)
    assert message in error_of(run("host", *network.flags(), *flags), 2)


@double_only
def test_a_label_map_beyond_memory(tmp_path):
    network = pooled_network(tmp_path, (8, 3, 8, 8), count=1)
    assert "a label map [8, 32768, 32768] takes more than 1 GiB" in error_of(
        run("host", *network.flags(), *exact((32768, 32768))), 2
    )


@double_only
@pytest.mark.parametrize("flags", [[], exact((64, 96))])
def test_nan_in_the_first_output(tmp_path, flags):
    network = pooled_network(tmp_path, count=1, fault="nan 0")
    assert "the network's output holds NaN" in error_of(run("host", *network.flags(), *flags), 1)


@double_only
def test_nan_that_comes_later(tmp_path):
    network = pooled_network(tmp_path, count=1, fault="nan 7")
    done = run("host", *network.flags(), *exact((64, 96)))
    assert "the network's output holds NaN" in error_of(done, 1)


@double_only
def test_an_output_type_without_a_name(tmp_path):
    network = pooled_network(tmp_path, count=1, fault="bool 0")
    assert "the network's output has element type 6 of Paddle-Lite" in error_of(run("host", *network.flags()), 1)


@double_only
@pytest.mark.parametrize("arch", ["host", "aarch64"])
@pytest.mark.parametrize("fault, signal", [("abort", "SIGABRT"), ("segv", "SIGSEGV")])
@pytest.mark.parametrize("when", [-1, 0, 9])
def test_a_library_that_dies(tmp_path, arch, fault, signal, when):
    doing = "loading the model" if when == -1 else "running the network"
    network = pooled_network(tmp_path, count=1, fault=f"{fault} {when}")
    done = run(arch, *network.flags())
    assert f"Paddle-Lite died of {signal} while {doing}" in error_of(done, 1)
    assert (b"Check failed: told to" in done.stderr) == (fault == "abort")


@double_only
def test_a_library_that_throws(tmp_path):
    network = pooled_network(tmp_path, count=1, fault="throw 3")
    assert "Paddle-Lite failed while running the network: told to throw" in error_of(run("host", *network.flags()), 1)


@double_only
def test_a_failure_later_leaves_the_outputs_of_the_first_pass(tmp_path):
    network = pooled_network(tmp_path, fault="abort 2")
    files, flags = written(network.flags(), tmp_path, 3)
    error_of(run("host", *flags), 1)
    assert [file.stat().st_size for file in files] == [network.outputs[0].nbytes] * 2 + [0]


def test_cmake_says_what_is_missing(tmp_path):
    bench_program.need("cmake", "g++")

    def configure(*flags):
        environment = {name: value for name, value in os.environ.items() if name != "PADDLE_LITE_DIR"}
        command = ["cmake", "-S", str(bench_program.SOURCES), "-B", str(tmp_path / "build"), *flags]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return done.returncode, " ".join(done.stderr.split())

    status, message = configure()
    assert status != 0 and "PADDLE_LITE_DIR is not set: pass -DPADDLE_LITE_DIR=" in message
    status, message = configure(f"-DPADDLE_LITE_DIR={tmp_path}")
    assert status != 0 and "there is no include/paddle_api.h in it" in message
    release = tmp_path / "inference_lite_lib"
    release.mkdir()
    (release / "cxx").symlink_to(bench_program.lite_dir("host"))
    status, message = configure(f"-DPADDLE_LITE_DIR={release}")
    assert status == 0, message
