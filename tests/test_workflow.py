"""The workflow for GitHub's runners names nothing that is not there."""

import re
import shlex

import pytest
import yaml

from support.mobileseg_command import ROOT
from versions.__main__ import main
from versions.combinations import COMBINATIONS

JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
COMMANDS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]


def test_its_targets_are_those_of_the_makefile():
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv")
    targets = [words.split()[1] for words in COMMANDS if words.startswith("make ")]
    assert targets == ["test", "test-newest", ".venv/.installed"]
    assert all(re.search(rf"^{re.escape(target)}:", text, re.MULTILINE) for target in targets)
    markers = re.findall(r"pytest -m (\w+)", text)
    assert "newest" in markers and all(f'"{marker}: ' in (ROOT / "pyproject.toml").read_text() for marker in markers)


def test_it_tries_every_combination_with_a_checkout_of_each_paddleseg(capsys, tmp_path, monkeypatch):
    flags = shlex.split(next(words for words in COMMANDS if "-m versions" in words))[3:]
    checkouts = {step["with"]["path"]: step["with"]["ref"] for step in JOBS["combinations"]["steps"] if "path" in
                 step.get("with", {}) and "ref" in step["with"]}
    named = dict(pair.split("=") for pair in flags[flags.index("--paddleseg") + 1:])
    assert {version: checkouts[path].lstrip("v") for version, path in named.items()} == {v: v for v in named}
    assert set(named) == {each.paddleseg for each in COMBINATIONS}
    pythons = JOBS["combinations"]["steps"][4]["with"]["python-version"].split()
    assert set(pythons) == {each.python for each in COMBINATIONS}
    assert main([*flags, "--list"]) == 0
    assert capsys.readouterr().out.startswith(COMBINATIONS[0].name)


@pytest.mark.parametrize("host", ["pypi", "index-url", "://"])
def test_it_names_no_registry(host):
    assert not any(host in words for words in COMMANDS)
