"""Commands where home, locale, folders and standard output are not as they usually are."""

import json
import os
import subprocess
import sys

import pytest

from support.mobileseg_command import ROOT, last_line, run
from support.small_data import config, write_config, write_data

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with spaces and an umlaut in its path, with data in it and a folder for temporary files."""
    folder = tmp_path / "dätä of a strangér"
    (folder / "temporary").mkdir(parents=True)
    write_data(folder)
    monkeypatch.chdir(folder)
    return folder


def test_home_that_cannot_be_written(place):
    write_config(place / "config.yml", config(place))
    done = run("check-data", "--config", "config.yml", "--json", HOME="/proc/nothing", TMPDIR=str(place / "temporary"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["train_dataset"]["samples"] == 4
    assert [path.name for path in (place / "temporary").iterdir() if path.name.startswith("mobileseg-home")] == []


@pytest.mark.parametrize("command", [["--help"], ["device", "--help"]])
def test_result_that_nobody_reads_ends_quietly(command):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "paddleseg_mobileseg", *command], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_result_on_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "paddleseg_mobileseg", "--help"], stdout=full, stderr=subprocess.PIPE, cwd=ROOT
        )
    assert (done.returncode, done.stderr) == (1, b"error: cannot write the result: No space left on device\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [{"HOME": "/proc/nothing"}, {"TMPDIR": "/proc/nothing"}, C_LOCALE], ids=["home", "tmpdir", "C"]
)
def test_from_training_to_a_benchmark(place, environment):
    """Paths of the config are relative, as the C locale's Python cannot name others that are not ASCII."""
    content = config(place)
    for part in ("train", "val"):
        content[f"{part}_dataset"].update({"dataset_root": ".", f"{part}_path": f"{part}.txt"})
    write_config(place / "config.yml", content)
    checkpoint = ["--config", "config.yml", "--model_path", "óut/best_model/model.pdparams"]
    for command in (
        ["train", "--config", "config.yml", "--device", "cpu", "--iters", 1, "--do_eval", "--save_dir", "óut"],
        ["val", *checkpoint, "--device", "cpu"],
        ["predict", *checkpoint, "--device", "cpu", "--image_path", "val0.jpg", "--save_dir", "rés"],
        ["export", *checkpoint, "--save_dir", "éxp", "--input_shape", 1, 3, 64, 96],
        ["convert", "éxp", "--target", "x86", "--output", "möd.nb"],
        ["compare", "éxp", "--images", "val0.jpg"],
        ["bench", "möd.nb", "--images", "val0.jpg", "--warmup", 1, "--repeats", 2, "--rounds", 1],
    ):
        done = run(*command, **environment)
        assert "Traceback" not in done.stderr and done.returncode == 0, f"{command}: {last_line(done.stderr)}"
