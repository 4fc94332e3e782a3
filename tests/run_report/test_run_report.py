"""`mobileseg report`: the page of a run holds what lies in its folder and what its networks score."""

import contextlib
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from paddleseg_mobileseg import InputError, convert
from paddleseg_mobileseg.classes import Classes, default_colours
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.runtime.records import json_lines, read_records
from paddleseg_mobileseg.report.confusion import confused_pairs
from paddleseg_mobileseg.report.curves import thinned
from paddleseg_mobileseg.report.page import render_page
from paddleseg_mobileseg.report.pictures import picture_row
from support.folders import made_once
from support.pages import Page
from support.small_data import config, write_config, write_data

NAMES = ["ground", "red brick", "leaf", "pond & pool"]
VAL = 3


def _train(folder):
    """A training of two iterations, what was exported of it and what was converted, and its page."""
    content = {**config(write_data(folder, val=VAL)), "classes": NAMES}
    resize = {"type": "Resize", "target_size": [96, 64]}
    content["val_dataset"]["transforms"] = [resize, *content["val_dataset"]["transforms"]]
    path, run = write_config(folder / "small.yml", content), folder / "runs" / "small"
    assert main(["train", "--config", path, "--device", "cpu", "--do_eval", "--save_dir", str(run), "--seed", "1"]) == 0
    command = ["export", "--config", path, "--model_path", str(run / "best_model" / "model.pdparams")]
    command += ["--input_shape", "1", "3", "64", "96", "--output_op", "none", "--save_dir", str(run / "exported")]
    assert main(command) == 0
    lowered = convert(run / "exported", run / "x86.nb", "x86").lowered
    convert(lowered, run / "arm.nb", "arm")


@pytest.fixture(scope="module")
def small():
    return made_once("small_run", _train) / "runs" / "small"


@pytest.fixture(scope="module")
def reported(small, tmp_path_factory):
    """What the command prints of the run, and its page."""
    page = tmp_path_factory.mktemp("report") / "page.html"
    status, printed = _report([small, "--output", page, "--repeats", "2", "--pictures", "1"])
    assert status == 0
    return json.loads(printed.out), Page(page.read_text(encoding="utf-8")), page.read_text(encoding="utf-8"), printed


def _report(arguments):
    """The status of `mobileseg report --json`, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["report", *map(str, arguments), "--json"])
    return status, SimpleNamespace(out=out.getvalue(), err=err.getvalue())


def test_all_forms_of_the_network_are_scored_and_compared(reported, small, capsys):
    result, page, _, _ = reported
    (run,) = result["runs"]
    checkpoint, exported, arm, x86 = run["forms"]
    assert [form["kind"] for form in run["forms"]] == ["checkpoint", "exported", "converted", "converted"]
    assert main(["val", "--config", str(small / "config.yml"), "--model_path", checkpoint["path"], "--json"]) == 0
    by_val = json.loads(capsys.readouterr().out)
    assert checkpoint["scores"]["miou"] == pytest.approx(by_val["miou"], abs=1e-6)
    assert [row["iou"] for row in checkpoint["scores"]["classes"]] == pytest.approx(
        [row["iou"] for row in by_val["classes"]], abs=1e-6
    )
    for form in (exported, x86):
        assert form["agreement"] > 0.999 and form["scores"]["miou"] == pytest.approx(by_val["miou"], abs=2e-3)
        assert form["bytes"] > 1e6
    assert arm["scores"] is None and "it is for arm" in arm["reason"]
    shown = page.row("Paddle-Lite model", x86["path"])
    assert shown == [
        f"{x86['bytes'] / 1e6:.2f} MB", f"{x86['scores']['miou']:.4f}", f"{100 * x86['scores']['accuracy']:.2f} %",
        f"{100 * x86['agreement']:.4f} %",
    ]  # fmt: skip


def test_the_page_has_its_parts_and_loads_nothing(reported, small):
    result, page, text, _ = reported
    assert page.headings == [
        "Training run small", "Training", "The worst pictures and the best", "Accuracy", "What is taken for what",
        "From the checkpoint to the phone", "Speed", "Command lines", "How this page was made",
    ]  # fmt: skip
    assert all(each.startswith("data:image/") for each in page.loaded if not each.startswith("#"))
    assert not {"script", "link", "iframe", "object", "embed"} & page.tags
    assert text.count("<svg") == 2 and len([each for each in page.loaded if each.startswith("data:")]) == 4 * 2
    words = re.sub(r"<[^>]+>", "", text)
    assert f"mobileseg train --config {small.parents[1]}/small.yml" in words
    assert "--input_shape 1 3 64 96" in words and "pond &amp; pool" in text
    (record,) = result["latency"]
    assert page.row("x86.nb", "this host", "96x64")[2] == f"{record['summary']['end_to_end']['median_ms']:.2f}"


def test_figures_of_the_page_are_those_of_the_json(reported):
    result, page, _, _ = reported
    run = result["runs"][0]
    scores = run["forms"][0]["scores"]
    for row in scores["classes"]:
        iou, _, precision, recall, share = page.row(row["name"], cells=6)
        assert [iou, precision, recall] == [f"{row[key]:.4f}" for key in ("iou", "precision", "recall")]
        assert share == f"{100 * row['share']:.1f} %"
    start = page.rows.index(["", *NAMES]) + 1
    for name, counts, row in zip(NAMES, scores["confusion"], page.rows[start:]):
        shares = [f"{100 * count / sum(counts):.0f}" for count in counts]
        assert row == [name, *("" if share == "0" else share for share in shares)]
    pairs = confused_pairs(scores["confusion"], NAMES)
    for pair in pairs:
        assert page.row(pair["truth"], pair["prediction"])[0] == f"{100 * pair['share']:.1f} %"
    best, worst = run["pictures"]["best"], run["pictures"]["worst"]
    assert len(best) == len(worst) == 1 and best[0]["miou"] >= worst[0]["miou"]
    assert run["best"]["miou"] == max(each["miou"] for each in run["evaluations"])


def test_notes_say_what_could_not_be_scored(reported):
    result, _, text, printed = reported
    (note,) = result["runs"][0]["notes"]
    assert "arm.nb was not scored: it is for arm; `mobileseg device val` scores it on a phone" in note
    assert f"note: {note}\n" in printed.err and note in text


def test_several_runs_stand_side_by_side_and_one_may_lack_almost_everything(small, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copyfile(small / "losses.csv", bare / "losses.csv")
    other = shutil.copytree(small, tmp_path / "other", ignore=shutil.ignore_patterns("*.nb*", "exported", "iter_*"))
    status, printed = _report([small, other, bare, "--output", tmp_path / "p.html", "--repeats", "0", "--limit", "1"])
    assert status == 0
    result, page = json.loads(printed.out), Page((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert [run["name"] for run in result["runs"]] == ["small", "other", "bare"] and result["latency"] == []
    assert page.headings[:4] == [
        "Training runs side by side: small, other, bare", "Training", "IoU of each class", "small"
    ]
    scores = result["runs"][0]["forms"][0]["scores"]
    assert scores["images"] == 1 and page.row("mean", cells=3) == [f"{scores['miou']:.4f}"] * 2
    iterations, loss, *rest = page.row("bare")[1:]
    assert iterations == "2" and loss == f"{result['runs'][2]['last_loss']:.3f}" and not any(rest)
    said = " ".join(result["runs"][2]["notes"])
    assert all(each in said for each in ("no evaluations.csv", "no checkpoint", "no config.yml, so nothing"))


def test_times_measured_elsewhere_take_the_place_of_timing(reported, small, tmp_path):
    record = reported[0]["latency"][0]
    record["environment"]["device"] = "Phone 3"
    lines = tmp_path / "times.jsonl"
    lines.write_text(json.dumps({key: value for key, value in record.items() if key != "run"}) + "\n")
    assert json_lines(read_records(lines)) == lines.read_text()
    arguments = [small, "--output", tmp_path / "p.html", "--records", lines, "--limit", "1", "--pictures", "0"]
    status, printed = _report(arguments)
    page = Page((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert status == 0 and json.loads(printed.out)["latency"][0]["run"] == "small"
    assert page.row("x86.nb", "Phone 3", "96x64")[5] == f"{record['summary']['end_to_end']['mean_ms']:.2f}"
    assert "The worst pictures and the best" not in page.headings
    lines.write_text('{"schema": 2}\n')
    with pytest.raises(InputError, match="times.jsonl, line 1 is of schema 2, and this version reads 4"):
        read_records(lines)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere"], "there is no folder nowhere; give the --save_dir of a training"),
        (["."], "holds no training run: neither losses.csv nor evaluations.csv nor a checkpoint"),
        ([".", "..", "--nb", "x.nb"], "--exported and --nb belong to one run"),
        ([".", "--pictures", "-1"], "--pictures takes a number of 0 or more, not -1"),
        ([".", "--records", "no.jsonl"], "cannot read no.jsonl: No such file"),
    ],
)
def test_what_cannot_be_reported_is_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, printed = _report(arguments)
    assert status == 2 and printed.out == "" and message in printed.err and printed.err.count("\n") == 1


def test_a_damaged_config_costs_the_scores_and_not_the_page(small, tmp_path):
    for name in ("losses.csv", "config.yml"):
        shutil.copyfile(small / name, tmp_path / name)
    content = yaml.safe_load((tmp_path / "config.yml").read_text())
    content["modle"] = content.pop("model")
    write_config(tmp_path / "config.yml", content)
    status, printed = _report([tmp_path])
    assert status == 0 and "PaddleSeg knows no section 'modle' (did you mean model?)" in printed.err
    assert "<svg" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"val_path": "nowhere.txt"}, "nothing was scored: "),
        ({"val_path": "empty.txt"}, "holds no pictures"),
        (None, "has no val_dataset"),
    ],
)
def test_a_validation_set_that_is_not_there_costs_the_scores_and_not_the_page(small, tmp_path, changes, said):
    for name in ("losses.csv", "config.yml"):
        shutil.copyfile(small / name, tmp_path / name)
    (tmp_path / "empty.txt").write_text("")
    content = yaml.safe_load((tmp_path / "config.yml").read_text())
    if changes is None:
        content.pop("val_dataset")
    else:
        content["val_dataset"]["val_path"] = str(tmp_path / changes["val_path"])
    write_config(tmp_path / "config.yml", content)
    status, printed = _report([tmp_path])
    assert status == 0 and said in json.loads(printed.out)["runs"][0]["notes"][-1]
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_confused_pairs_are_ordered_by_what_the_true_class_loses():
    confusion = [[9000, 1000, 0], [400, 500, 100], [0, 1, 0]]
    found = confused_pairs(confusion, ["road", "kerb", "cone"])
    # Of the one pixel of the last class nothing can be said.
    assert [(pair["truth"], pair["prediction"]) for pair in found] == [
        ("kerb", "road"), ("road", "kerb"), ("kerb", "cone"), ("cone", "kerb")
    ]
    assert found[0]["share"] == 0.4 and found[0]["pixels"] == pytest.approx(400 / 11001)


def test_long_curves_are_thinned_to_means():
    losses = {iteration: float(iteration) for iteration in range(1, 1001)}
    losses[7] = float("nan")
    shown = thinned(losses, 100)
    assert len(shown) == 100 and list(shown)[-1] == 1000
    assert np.average(list(shown.values()), weights=[10] * 99 + [9]) == pytest.approx((500500 - 7) / 999)


def test_pixels_without_truth_are_no_mistakes():
    classes = Classes(("a", "b"), ((255, 0, 0), (0, 0, 255)))
    truth, labels = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.int32)
    truth[:, 10:], labels[:, 4:] = 255, 1
    row = picture_row(np.full((10, 20, 3), 90, np.uint8), truth, labels, classes)
    assert row["right"] == 0.4
    assert row["legend"] == [("b", (0, 0, 255)), ("a", (255, 0, 0)), ("not counted", (0, 0, 0))]


@pytest.mark.parametrize("count, whole", [(20, True), (21, False)])
def test_of_many_classes_the_page_lists_the_confused_pairs_only(tmp_path, count, whole):
    (tmp_path / "page.html").write_text('{% import "parts.html" as parts %}{{ parts.confusion(scores, colours) }}')
    confusion = np.diag(np.full(count, 9)) + np.eye(count, k=1, dtype=int)
    scores = {"classes": [{"name": f"<{index}>"} for index in range(count)], "confusion": confusion.tolist()}
    text = render_page(tmp_path / "page.html", scores=scores, colours=default_colours(count))
    assert ('class="confusion"' in text) == whole
    assert Page(text).row("<0>", "<1>", cells=4)[0] == "10.0 %" and "<0>" not in text
