"""What is said where Paddle, PaddleSeg or a fit OpenCV is missing; what bootstrap.sh installs under which Python."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paddleseg_mobileseg.installation import gpus, lacking
from support.gpu_doubles import double_driver, double_nvidia_smi

ROOT = Path(__file__).resolve().parents[1]

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({packages!r}))  # None is what the import system takes for "not to be found"
from paddleseg_mobileseg.cli import main
for command in {commands!r}:
    try:
        print(command[0], main(command), file=sys.stderr)
    except SystemExit as end:
        print(command[0], end.code, file=sys.stderr)
"""
CPU = "pip install 'paddleseg_mobileseg[cpu]'"
SEG = "pip install --no-deps paddleseg"


def said_without(packages, *commands):
    code = WITHOUT.format(packages=packages, commands=[list(command) for command in commands])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


@pytest.fixture
def no_gpu(tmp_path, monkeypatch):
    double_driver(tmp_path, monkeypatch, loaded=False)
    double_nvidia_smi(tmp_path, monkeypatch, rows=())


def test_without_paddle_commands_say_in_one_line_what_to_install_and_helps_work(no_gpu):
    commands = [["train", "--config", "x"], ["export", "--config", "x"], ["convert", "x"]]
    helps = [["models", "--help"], ["doctor", "--help"], ["convert", "--help"]]
    lines = said_without(["paddle", "paddleseg"], *commands, *helps)
    both = f"error: PaddlePaddle and PaddleSeg are not installed: {CPU}; then {SEG}"
    assert lines == [both, "train 2", both, "export 2", both, "convert 2", "models 0", "doctor 0", "convert 0"]


def test_without_paddleseg_alone_the_line_is_about_paddleseg():
    lines = said_without(["paddleseg"], ["val", "--config", "x"])
    assert lines[-2:] == [f"error: PaddleSeg is not installed: {SEG}", "val 2"]


def test_the_python_api_says_the_same():
    code = (
        "import sys; sys.modules.update(paddle=None, paddleseg=None)\n"
        "from paddleseg_mobileseg import InputError\n"
        "try:\n    from paddleseg_mobileseg import build_model\n"
        "except InputError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("PaddlePaddle and PaddleSeg are not installed: ") and done.stderr == ""


@pytest.mark.parametrize("seen_by", ["nvidia-smi", "the driver"])
def test_with_a_gpu_the_message_names_the_distribution_for_it(seen_by, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "paddle", None)
    double_driver(tmp_path, monkeypatch, loaded=seen_by == "the driver")
    double_nvidia_smi(tmp_path, monkeypatch, *([()] if seen_by == "the driver" else []))
    message = str(lacking(ModuleNotFoundError(name="paddle")))
    assert "for this machine's NVIDIA GPU install paddlepaddle-gpu" in message
    assert "https://github.com/PaddlePaddle/Paddle#installation" in message and CPU in message
    assert gpus() == (() if seen_by == "the driver" else (("NVIDIA A10", "535.104.05"),) * 2)


def test_other_errors_of_import_stay_what_they_are():
    for name in ("yaml", "paddle.no_such_part"):
        error = ModuleNotFoundError(name=name)
        with pytest.raises(ModuleNotFoundError) as raised:
            lacking(error)
        assert raised.value is error


def test_an_opencv_built_for_numpy_1_is_named():
    message = str(lacking(ImportError("numpy.core.multiarray failed to import")))
    assert "OpenCV cannot be loaded" in message and "pip install 'opencv-python>=4.10'" in message


DOUBLE_OF_A_PYTHON = """#!/bin/sh
# Test double of a CPython: makes an environment of itself, and keeps what pip is asked for.
case "$1 $2" in
    "-c import ensurepip"*) echo VERSION ;;
    "-c import cv2"*) ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") shift 4 && echo "$@" >>LOG ;;
    *) exit 1 ;;
esac
"""


@pytest.fixture
def bootstrap(tmp_path):
    """Runs bootstrap.sh where there is nothing but doubles of the Pythons asked for."""
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    for name in ("sh", "dirname", "mkdir", "cp", "touch", "tail"):
        (programs / name).symlink_to(shutil.which(name))
    shutil.copy(ROOT / "bootstrap.sh", tmp_path)

    def run(*versions, **environment):
        for version in versions:
            program = programs / f"python{version}"
            program.write_text(DOUBLE_OF_A_PYTHON.replace("VERSION", version).replace("LOG", str(log)))
            program.chmod(0o755)
        places = {"PATH": str(programs), "PYENV_ROOT": str(tmp_path / "none"), "HOME": str(tmp_path)}
        done = subprocess.run(
            [str(tmp_path / "bootstrap.sh")], env={**places, **environment}, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stderr, log.read_text().splitlines() if log.is_file() else []

    run.folder = tmp_path
    return run


REFERENCE = ["install -e .[reference,lite,test]"]
NEWEST = ["install -e .[cpu,lite,test]", "install --no-deps paddleseg>=2.8.0,<2.10"]


@pytest.mark.parametrize(
    "here, asked, taken, installed",
    [
        (["3.10", "3.13"], {}, "python3.10", REFERENCE),
        (["3.9", "3.12"], {}, "python3.12", NEWEST),
        (["3.10", "3.12"], {"PYTHON": "python3.12", "VENV": ".venv312"}, "python3.12", NEWEST),
        (["3.10"], {"LOCKED": "1"}, "python3.10", [
            "install --require-hashes --no-build-isolation -r requirements.lock",
            "install --no-deps --no-build-isolation -e .",
        ]),
    ],
)  # fmt: skip
def test_bootstrap_takes_the_reference_python_or_the_newest_and_what_belongs_to_it(
    here, asked, taken, installed, bootstrap
):
    status, said, pip = bootstrap(*here, **asked)
    venv = asked.get("VENV", ".venv")
    assert status == 0 and pip == installed
    assert said.splitlines()[0].startswith(f"making {venv} with ") and said.splitlines()[0].endswith(f"/{taken}") or (
        said.splitlines()[0] == f"making {venv} with {taken}"
    )
    assert (bootstrap.folder / venv / ".installed").is_file()


@pytest.mark.parametrize(
    "here, asked, said",
    [
        ([], {}, "error: no CPython of 3.8 to 3.13 here"),
        (["3.14"], {}, "error: no CPython of 3.8 to 3.13 here"),
        (["3.14"], {"PYTHON": "python3.14"}, "error: PYTHON=python3.14 is no CPython of 3.8 to 3.13"),
        (["3.12"], {"LOCKED": "1"}, "error: requirements.lock is for CPython 3.10, and .venv has 3.12"),
    ],
)
def test_bootstrap_says_what_python_it_needs(here, asked, said, bootstrap):
    status, line, pip = bootstrap(*here, **asked)
    assert status == 2 and line.splitlines()[-1].startswith(said) and pip == []
