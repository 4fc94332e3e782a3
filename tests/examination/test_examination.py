"""What `mobileseg doctor` finds of GPUs, of folders that two distributions share, and of Paddle-Lite's library."""

import sys

import pytest

from paddleseg_mobileseg.deploy.formats.converters import CONVERTERS
from paddleseg_mobileseg.deploy.runtime import known_answer
from paddleseg_mobileseg.deploy.runtime.engines import ENGINES_BY_NAME
from paddleseg_mobileseg.deploy.runtime.packages import Package
from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.examination import engines, gpus, packages, paddle_lite
from support.gpu_doubles import double_driver, double_nvidia_smi, double_paddle


def by_name(findings):
    return {finding.name: finding for finding in findings}


def lay(site, name, version, *files):
    """A made-up installation of a distribution into a folder for packages."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))


@pytest.fixture
def only(tmp_path, monkeypatch):
    """A folder for packages beside which there is no other."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(site)])
    return site


def test_two_distributions_in_one_paddle_folder_are_broken_with_the_commands_that_mend_it(only):
    lay(only, "paddlepaddle", "3.3.1", "paddle/__init__.py", "paddle/version/__init__.py")
    lay(only, "paddlepaddle-gpu", "3.2.2", "paddle/__init__.py")
    lay(only, "innocent", "1.0", "other/paddle/__init__.py", "cv2/data/__init__.py")
    (row,) = packages.shared_folders()
    assert (row.name, row.state) == ("paddle folder", "broken")
    assert f"paddlepaddle 3.3.1 and paddlepaddle-gpu 3.2.2 were installed into {only / 'paddle'}" in row.detail
    assert row.advice == (
        "pip uninstall -y paddlepaddle paddlepaddle-gpu; then the one that is to stay, such as "
        "pip install --no-deps paddlepaddle-gpu==3.2.2"
    )


def test_two_distributions_of_opencv_are_found_too(only):
    for name in ("opencv-python", "opencv-python-headless"):
        lay(only, name, "4.10.0", "cv2/__init__.py")
    (row,) = packages.shared_folders()
    assert row.name == "cv2 folder" and "opencv-python-headless 4.10.0" in row.detail


def test_folders_of_different_places_are_not_shared(only, tmp_path, monkeypatch):
    other = tmp_path / "other"
    lay(only, "paddlepaddle", "3.3.1", "paddle/__init__.py")
    lay(other, "paddlepaddle-gpu", "3.3.1", "paddle/__init__.py")
    monkeypatch.setattr(sys, "path", [str(only), str(other)])
    assert packages.shared_folders() == [] and len(packages.owners()) == 2


def test_of_the_two_paddles_the_one_that_is_here_has_a_row(only, tmp_path, monkeypatch):
    double_driver(tmp_path, monkeypatch, loaded=False)
    double_nvidia_smi(tmp_path, monkeypatch, rows=())
    row = by_name(packages.versions())["paddlepaddle"]
    assert row.state == "missing" and row.advice == "pip install 'paddleseg_mobileseg[cpu]'"
    lay(only, "paddlepaddle-gpu", "3.2.2")
    rows = by_name(packages.versions())
    assert rows["paddlepaddle-gpu"].detail == "3.2.2" and "paddlepaddle" not in rows


def test_the_gpus_of_a_machine_and_their_driver(tmp_path, monkeypatch):
    double_driver(tmp_path, monkeypatch, loaded=False)
    double_nvidia_smi(tmp_path, monkeypatch, rows=())
    assert [(row.name, row.state) for row in gpus.machine()] == [("GPUs", "not applicable")]
    double_nvidia_smi(tmp_path, monkeypatch)
    rows = by_name(gpus.machine())
    assert rows["GPUs"].detail == "NVIDIA A10; NVIDIA A10" and rows["NVIDIA driver"].detail == "535.104.05"


def test_what_paddle_was_built_with_and_the_gpus_that_it_sees(tmp_path, monkeypatch):
    double_nvidia_smi(tmp_path, monkeypatch)
    rows = by_name(gpus.of_paddle(double_paddle(seen=2)))
    assert {name: row.detail for name, row in rows.items()} == {
        "CUDA": "11.8", "cuDNN": "8.6.0", "NCCL": "2.16.2", "GPUs of Paddle": "sees 2",
    }  # fmt: skip
    assert by_name(gpus.of_paddle(double_paddle(2, nccl="0")))["NCCL"].detail == "not told"
    blind = by_name(gpus.of_paddle(double_paddle(0, error=OSError("driver version is insufficient"))))["GPUs of Paddle"]
    assert blind.state == "broken" and "none of the 2" in blind.detail and "insufficient" in blind.detail
    double_nvidia_smi(tmp_path, monkeypatch, rows=())
    assert gpus.of_paddle(double_paddle(0))[-1].state == "missing"


def test_a_paddle_for_processors_beside_a_gpu_is_said(tmp_path, monkeypatch):
    import paddle

    if paddle.is_compiled_with_cuda():
        pytest.skip("this Paddle is built for GPUs")
    double_nvidia_smi(tmp_path, monkeypatch)
    (row,) = gpus.of_paddle(paddle)
    assert row.state == "missing" and "pip uninstall -y paddlepaddle, then paddlepaddle-gpu" in row.advice


def test_a_library_that_is_not_here_is_not_fetched_by_looking(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "paddlelite", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (row,) = paddle_lite.library()
    assert row.state == "missing" and "48 MB to fetch" in row.advice and list(tmp_path.iterdir()) == []


def test_the_real_library_adds_right():
    known_answer.check()


DOUBLE_OF_A_BLIND_WORKER = """
# Test double of the predictor's worker: it takes its input for zeros, as paddlelite's own module does under NumPy 2.
import json, sys
import numpy as np
print(json.dumps({"init_ms": 0.0, "version": "double"}), flush=True)
request = json.loads(sys.stdin.readline())
np.save(request["output"], 0 * np.load(request["input"]) + np.float32([[[[1, 2, -3], [0.125, 5, -6.5]]]]))
print("{}", flush=True)
"""


def test_a_predictor_that_takes_its_input_for_zeros_is_found(tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text(DOUBLE_OF_A_BLIND_WORKER)
    monkeypatch.setattr(known_answer, "LITE_WORKER", worker)
    known_answer.check.cache_clear()
    with pytest.raises(ToolError, match=r"adds wrongly: \[1.0, 2.0, .* instead of \[1.5, 1.0,"):
        known_answer.check()


def test_an_extra_is_what_an_engine_and_its_converter_need():
    of_format = {engine.format: engine for engine in ENGINES_BY_NAME.values() if engine.format != "nb"}
    assert list(engines.NEEDS) == list(of_format) == list(CONVERTERS)
    for extra, (title, needed) in engines.NEEDS.items():
        assert title == of_format[extra].title
        assert set(needed) == {*of_format[extra].packages, *CONVERTERS[extra].packages}


@pytest.mark.parametrize(
    "installed, states",
    [
        ({}, ["not applicable"] * 4),
        ({"onnxruntime": "1.23.2", "paddle2onnx": "1.3.1"}, ["ok"] + ["not applicable"] * 3),
        ({"onnxruntime": "1.23.2", "ncnn": "1.0.20261020"}, ["missing", "not applicable", "missing", "not applicable"]),
        ({"onnxruntime": "1.23.2", "paddle2onnx": "2.1.0"}, ["broken"] + ["not applicable"] * 3),
    ],
)
def test_each_engine_has_a_row(monkeypatch, installed, states):
    monkeypatch.setattr(Package, "version", lambda package: installed.get(package.name))
    rows = engines.engines()
    assert [row.name for row in rows] == ["ONNX Runtime", "LiteRT", "ncnn", "MNN"]
    assert [row.state for row in rows] == states
    assert all(bool(row.advice) == (row.state != "ok") for row in rows)
    if "broken" in states:
        assert rows[0].advice == "pip install 'paddle2onnx>=1.2.11,<1.4'"
