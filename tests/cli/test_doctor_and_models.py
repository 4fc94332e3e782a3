"""`mobileseg doctor` tells what is here, `mobileseg models` what there is to build."""

import json

import pytest

from paddleseg_mobileseg import InputError, build_model, labels
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.runtime.opt import opt_version
from paddleseg_mobileseg.models.ablations import ABLATIONS
from paddleseg_mobileseg.models.zoo import MODELS
from paddleseg_mobileseg.patches import registry
from paddleseg_mobileseg.patches.patch import APPLIED, NOT_APPLICABLE, UNPATCHED, Outcome, Patch


def findings(capsys):
    status = main(["doctor", "--json"])
    return status, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_doctor_names_every_patch_what_became_of_it_and_what_it_answers_to(capsys):
    status, rows = findings(capsys)
    assert status == 0
    for outcome in registry.outcomes():
        row = rows[outcome.patch.name]
        assert row["state"] == ("patched" if outcome.state == APPLIED else "ok")
        assert row["upstream"] == outcome.patch.upstream
    assert rows["paddle_lite_opt"]["detail"] == opt_version()
    assert rows["paddleseg"]["detail"].startswith("2.")


def test_doctor_says_how_to_get_what_is_missing(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(labels, "_core", None)
    status, rows = findings(capsys)
    assert status == 0
    for name in ("adb", "label core"):
        assert rows[name]["state"] == "missing" and "install" in rows[name]["advice"]


def test_doctor_fails_on_a_fault_that_cannot_be_patched_and_not_on_one_that_is_gone(capsys, monkeypatch):
    spoilt, gone = (Patch(name, "nothing works", "nowhere", lambda: True) for name in ("spoilt", "gone"))
    outcomes = [Outcome(gone, NOT_APPLICABLE, "PaddleSeg has no such thing"), Outcome(spoilt, UNPATCHED, "fix it")]
    monkeypatch.setattr(registry, "outcomes", lambda: outcomes)
    assert main(["doctor"]) == 1
    captured = capsys.readouterr()
    assert "-> fix it" in captured.out and captured.err.splitlines()[-1] == "broken: spoilt"
    assert "not applicable" in captured.out and "PaddleSeg has no such thing" in captured.out


def test_models_prints_counted_beside_published_figures(capsys):
    assert main(["models", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {model.name for model in MODELS}
    tiny, base = rows["pp_mobileseg_tiny"], rows["pp_mobileseg_base"]
    assert (tiny["parameters"], base["parameters"]) == (1_492_298, 5_943_878)
    # Multiply-adds as Paddle-Lite's kernels were measured to need, 0.71 G and 2.10 G.
    assert tiny["multiply_adds_512x512"] == pytest.approx(0.71e9, rel=0.01)
    assert base["multiply_adds_512x512"] == pytest.approx(2.10e9, rel=0.01)
    assert base["published"]["ade20k"]["miou_percent"] == 41.57 and "arXiv" in base["published"]["ade20k"]["source"]


def test_models_table_has_what_is_published_on_either_data_set_and_every_note(capsys):
    assert main(["models", "--num-classes", "19"]) == 0
    table, notes = capsys.readouterr().out.split("\n\n")
    cells = {row.split("`")[1]: [cell.strip() for cell in row.split("|")[2:-1]] for row in table.splitlines()[2:]}
    assert list(cells) == [model.name for model in MODELS]
    assert cells["topformer_tiny"][2:] == ["1.41 M", "0.6 G", "32.49 %", "-", "490.3 ms"]
    assert cells["mobileseg_ghostnet"][2:] == ["-", "-", "-", "71.88 %", "25.8 ms at 256x256"]
    # With the classes of Cityscapes, not those that the published parameters of ADE20K are of.
    assert cells["topformer_tiny"][0] == "1.37 M"
    for model in MODELS:
        assert f"`{model.name}`" in notes and model.note in notes


def test_models_has_the_ablations_of_the_paper_too(capsys):
    assert main(["models", "--ablations", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [model.name for model in ABLATIONS]
    bilinear, vim = rows["pp_mobileseg_base_bilinear"], rows["pp_mobileseg_base_vim"]
    assert bilinear["parameters"] == vim["parameters"] == 5_943_878
    assert rows["seaformer_base_fusion"]["published"]["ade20k"]["latency_ms_snapdragon_855"] == 465.6


def test_a_name_that_is_not_in_the_table_lists_those_that_are():
    with pytest.raises(InputError, match=r"'pp_mobileseg' \(did you mean pp_.*; choose from pp_mobileseg_tiny"):
        build_model("pp_mobileseg", 2)
