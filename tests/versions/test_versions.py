"""The table of versions: what is tried, how a cell is judged, and that the page says what was found."""

import sys
from pathlib import Path

import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.files import write_text
from support.mobileseg_command import ROOT, last_line
from versions import server
from versions.__main__ import PAGE, RESULTS, main
from versions.combinations import COMBINATIONS, REFERENCE
from versions.environments import Environment
from versions.results import Cell, Results, page, read_results
from versions.steps import STEPS
from versions.trial import Trial

STEP = {step.name: step for step in STEPS}


def test_the_page_says_what_was_found():
    assert PAGE.read_text(encoding="utf-8") == page(read_results(RESULTS))


def test_every_supported_version_is_among_the_combinations():
    assert {each.python for each in COMBINATIONS} == {"3.9", "3.10", "3.11", "3.12", "3.13"}
    assert {each.paddle[:3] for each in COMBINATIONS} == {"2.6", "3.0", "3.1", "3.2", "3.3"}
    assert {each.numpy[0] for each in COMBINATIONS} == {"1", "2"}
    assert {each.paddleseg for each in COMBINATIONS} == {"2.8.0", "2.9.1", "develop"}
    assert len({each.name for each in COMBINATIONS}) == len(COMBINATIONS) and COMBINATIONS[0] == REFERENCE


def test_the_page_names_a_failure_in_its_own_words():
    good, bad = Cell(True, "1.0e-06", 1.0, "2026-01-01"), Cell(False, "losses differ: 1.0e+00", 1.0, "2026-01-02")
    without = Cell(False, "not tried, since train failed", 0.0, "2026-01-02")
    text = page(Results("2 cores", {REFERENCE.name: {"import": good, "train": bad, "resumed there": without}}))
    row = next(line for line in text.splitlines() if "(reference)" in line)
    cells = ["1.0e-06", "not run", "**no** (1)", "not run", "not tried", "not run"]
    assert [cell.strip() for cell in row.split("|")][6:12] == cells and "2. " not in text
    assert f"1. {REFERENCE.name}, train: losses differ: 1.0e+00" in text
    assert "2026-01-01 to 2026-01-02, on 2 cores" in text


def _losses(folder, losses):
    rows = "".join(f"{number},{value!r}\n" for number, value in losses.items())
    write_text(folder / "run" / "losses.csv", f"iteration,loss\n{rows}")


@pytest.mark.parametrize(
    "change, message",
    [({}, None), ({7: 5e-5}, None), ({7: 3e-4}, "losses differ: 3.0e-04"), ({21: 0.0}, "losses of the iterations")],
)
def test_a_loss_curve_is_held_to_that_of_the_reference(tmp_path, monkeypatch, change, message):
    losses = {number: 2.0 - number / 20 for number in range(1, 21)}
    trials = [Trial(REFERENCE, None, tmp_path / name, tmp_path) for name in ("own", "reference")]
    _losses(trials[0].folder, {**losses, **{number: losses.get(number, 0) + more for number, more in change.items()}})
    _losses(trials[1].folder, losses)
    monkeypatch.setattr(Trial, "train", lambda trial, name, *flags: trial.losses(name))
    if message is None:
        assert STEP["train"].attempt(*trials) == f"{max(change.values(), default=0):.1e}"
    else:
        with pytest.raises(ToolError, match=message):
            STEP["train"].attempt(*trials)


def test_commands_are_run_by_a_process_that_outlives_them(tmp_path, monkeypatch):
    serving = server.Server(Environment(Path(sys.prefix)), tmp_path)
    trial = Trial(REFERENCE, serving, tmp_path, tmp_path)
    with pytest.raises(ToolError, match="there is no config .*none.yml"):
        trial.mobileseg("val", "--config", tmp_path / "none.yml")
    monkeypatch.setattr(server, "_SECONDS", 0.01)
    with pytest.raises(ToolError, match="golden did not end within 0.01 s"):
        trial.mobileseg("golden")
    monkeypatch.undo()
    found = trial.probe("imports")
    assert found["python"] == ".".join(map(str, sys.version_info[:3])) and found["plugin"].startswith(str(ROOT))
    assert "$ val --config" in (tmp_path / "log.txt").read_text()
    serving.close()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--steps", "golde"], "no step 'golde' (did you mean golden?)"),
        (["--only", "python2.7"], "no combination has python2.7 in its name"),
        (["--only", "3.12", "--paddleseg", "2.8.0=nowhere"], "there is no nowhere/tools/train.py"),
    ],
)
def test_what_cannot_be_tried_is_one_line(capsys, flags, message):
    assert main(["run", *flags]) == 2
    assert message in last_line(capsys.readouterr().err)
