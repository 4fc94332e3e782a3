"""Exports of a Paddle that cannot write what opt reads: who says so, and what is done instead."""

import json
from pathlib import Path

import paddle
import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.cli import export as command
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy import old_paddle
from paddleseg_mobileseg.deploy.export import NoOldProgram, export_model
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from support.small_data import config, write_config, write_data

SHAPE = ["1", "3", "64", "64"]


class OfTheNewKind(paddle.nn.Layer):
    """Calls what a coming Paddle may have in C++ only."""

    def forward(self, x):
        if not paddle.in_dynamic_mode():
            raise TypeError("(InvalidType) dot(): argument (position 1) must be Value, but got Variable (at /a.cc:1)")
        return [x]


def test_the_function_that_refuses_is_named(tmp_path):
    with pytest.raises(NoOldProgram, match=r"cannot write a \.pdmodel .* its dot takes values of the new kind") as told:
        export_model(OfTheNewKind(), tmp_path / "out", [1, 3, 8, 8], output_op="none")
    assert "`mobileseg export`" in str(told.value) and "\n" not in str(told.value)
    assert list((tmp_path / "out").iterdir()) == []


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing on it: this Python is too new, PATH and pyenv's folder are empty."""
    monkeypatch.setattr(old_paddle.sys, "version_info", (3, 13, 0))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_a_machine_without_a_fit_python_is_told_what_to_install(machine):
    program(machine / "bin" / "python3.10", "echo 'pyenv: python3.10: command not found' >&2; exit 127")
    program(machine / "bin" / "python3.11", "echo PyPy 3.11")
    with pytest.raises(ToolError, match=r"needs CPython 3\.8 to 3\.12 with venv.*python3\.10-venv, or uv"):
        old_paddle.find_maker()


def test_pythons_are_looked_for_in_turn(machine, monkeypatch):
    uv = program(machine / "bin" / "uv", "exit 1")
    assert old_paddle.find_maker() == [uv, "venv", "--quiet", "--seed", "--python", "3.10"]
    of_pyenv = program(machine / "pyenv" / "versions" / "3.9.18" / "bin" / "python", "echo CPython 3.9")
    assert old_paddle.find_maker() == [of_pyenv, "-m", "venv"]
    on_path = program(machine / "bin" / "python3.12", "echo CPython 3.12")
    assert old_paddle.find_maker() == [on_path, "-m", "venv"]
    monkeypatch.setattr(old_paddle.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(old_paddle.sys, "executable", program(machine / "own" / "python", "echo CPython 3.11"))
    assert old_paddle.find_maker() == [str(machine / "own" / "python"), "-m", "venv"]


def test_an_environment_that_cannot_be_made_leaves_nothing_and_says_how_to_do_without_a_network(machine, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "cache"))
    no_wheels = "case $2 in venv) echo 'ERROR: No matching distribution' >&2; exit 1;; *) echo CPython 3.9;; esac"
    program(machine / "bin" / "python3.9", no_wheels)
    with pytest.raises(ToolError, match="No matching distribution.*PIP_FIND_LINKS"):
        old_paddle.export_with_paddle_2_6(["export"])
    assert list((machine / "cache" / "paddleseg_mobileseg").iterdir()) == []


def refuse(*arguments, **options):
    raise NoOldProgram("it wrote another kind of program")


def test_export_is_done_by_the_kept_environment(tmp_path, monkeypatch, capfd):
    """It gets the same arguments, and of what is on the path of this Python the plugin and PaddleSeg alone."""
    kept = tmp_path / "paddleseg_mobileseg" / "paddlepaddle-2.6.2"
    program(kept / "bin" / "python", 'echo "$@"; for each in "$PYTHONPATH"/*; do echo "$each"; done; exit 7')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(command, "_export", refuse)
    assert main(["export", "--config", "my config.yml", "--json"]) == 7
    out, err = capfd.readouterr()
    ran, *linked = out.splitlines()
    assert ran == "-m paddleseg_mobileseg export --config my config.yml --json"
    assert [Path(path).name for path in linked] == ["paddleseg", "paddleseg_mobileseg"]
    assert err.splitlines()[-1].startswith("note: Paddle") and "a Paddle 2.6.2 that it keeps" in err


@pytest.fixture
def arguments(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    path = write_config(folder / "config.yml", config(write_data(folder)))
    return ["export", "--config", str(path), "--input_shape", *SHAPE, "--output_op", "none", "--json"]


@pytest.mark.slow
def test_the_environment_is_made_and_exports(tmp_path, arguments, monkeypatch, capfd):
    """Fetched from where pip is told to take packages."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "export_model", refuse)
    assert main([*arguments, "--save_dir", str(tmp_path / "out")]) == 0
    out, err = capfd.readouterr()
    assert "making an environment with paddlepaddle==2.6.2" in err and json.loads(out)["output_dtype"] == "float32"
    assert read_exported(tmp_path / "out").output_name
