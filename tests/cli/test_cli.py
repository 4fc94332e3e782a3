"""The `mobileseg` command as a whole: help, errors, exit statuses, and what a wheel carries."""

import email
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from paddleseg_mobileseg.cli import SUBCOMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_command_it_lists_them(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in SUBCOMMANDS)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_has_help_with_an_example(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  mobileseg {name}" in capsys.readouterr().out


def test_unknown_command_is_one_line_on_stderr(capsys):
    assert main(["trian"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and "'trian'" in captured.err
    assert "did you mean train?" in captured.err


@pytest.mark.parametrize(
    "command, said",
    [
        (["models", "--jso"], "unrecognized arguments: --jso (did you mean --json?)"),
        (["convert", "x", "--target", "amr"], "(did you mean arm?)"),
        (["device", "benhc"], "(did you mean bench?)"),
        (["convert"], "the following arguments are required: exported_dir"),
    ],
)
def test_misuse_is_one_line_that_says_what_may_have_been_meant(command, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main(command)
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("error: ") and said in captured.err


@pytest.mark.parametrize("command", [["--help"], ["doctor", "--help"], ["device", "list"], ["convert", "--help"]])
def test_what_needs_no_paddle_does_not_load_it(command):
    code = (
        "import sys; from paddleseg_mobileseg.cli import main\n"
        f"try:\n    main({command!r})\nexcept SystemExit:\n    pass\n"
        "print(sorted({'paddle', 'paddleseg', 'cv2', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stderr.splitlines()[-1] == "[]"


def test_debug_shows_the_traceback_and_its_absence_does_not(tmp_path):
    command = [sys.executable, "-m", "paddleseg_mobileseg"]
    request = ["import-weights", str(tmp_path / "no.pdparams"), str(tmp_path / "out.pdparams")]
    plain = subprocess.run(command + request, capture_output=True, text=True, timeout=120)
    assert plain.returncode == 2 and "Traceback" not in plain.stderr and plain.stdout == ""
    debug = subprocess.run(command + ["--debug"] + request, capture_output=True, text=True, timeout=120)
    assert debug.returncode != 0 and "Traceback" in debug.stderr


def test_wheel_carries_configs_and_deployment(tmp_path):
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns(".git", ".venv*", "build", "output", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=unwanted)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)],
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [path for top in ("configs", "deploy", "paddleseg_mobileseg") for path in (ROOT / top).rglob("*")]
    # An installation into another Python's environment leaves that Python's label core here.
    others = {path for path in files if path.suffix == ".so" and not path.name.endswith(EXTENSION_SUFFIXES[0])}
    files = [path for path in files if path.is_file() and "__pycache__" not in path.parts and path not in others]
    files = [path.relative_to(ROOT) for path in files]
    package = Path("paddleseg_mobileseg")
    expected = {str(path if path.parts[0] == str(package) else package / "share" / path) for path in files}
    assert len(expected) > 30
    assert sorted(expected - names) == []
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    (description,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        assert_requires_no_paddle_and_installs_on_every_python(archive.read(description).decode())


def assert_requires_no_paddle_and_installs_on_every_python(metadata):
    fields = email.message_from_string(metadata)
    assert fields["Requires-Python"].replace(" ", "") in (">=3.8,<3.14", "<3.14,>=3.8")
    required = [Requirement(line) for line in fields.get_all("Requires-Dist")]
    optional = [each for each in required if "extra ==" in str(each.marker or "")]
    always = [each.name for each in required if each not in optional]
    assert len(always) > 10 and not [name for name in always if "paddle" in name]
    by_extra = {
        (extra, version): {
            each.name: each.specifier
            for each in optional
            if each.marker.evaluate({"extra": extra, "python_version": version})
        }
        for extra in ("cpu", "lite", "onnx")
        for version in ("3.8", "3.10", "3.11", "3.12", "3.13")
    }
    # No wheel of paddlelite is for 3.11 and newer, none of paddle2onnx for 3.13.
    with_lite = [version for extra, version in by_extra if extra == "lite" and by_extra[extra, version]]
    assert with_lite == ["3.8", "3.10"]
    assert set(by_extra["onnx", "3.13"]) == {"onnxruntime"}
    paddle2onnx, paddle = by_extra["onnx", "3.12"]["paddle2onnx"], by_extra["cpu", "3.13"]["paddlepaddle"]
    assert [each for each in ("1.2.11", "1.3.1", "2.1.0") if each in paddle2onnx] == ["1.2.11", "1.3.1"]
    assert [each for each in ("2.6.2", "3.0.0", "3.3.1", "3.4.0") if each in paddle] == ["2.6.2", "3.0.0", "3.3.1"]


def test_readme_shows_what_the_commands_print():
    """The README's generated parts are those that `docs/fill_readme.py` would write now."""
    script = (
        "import sys; sys.path.insert(0, 'docs'); import fill_readme;"
        "assert all(fill_readme.fill(name) == open(name).read() for name in fill_readme.DOCUMENTS)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"run `make readme`: {done.stderr}"
