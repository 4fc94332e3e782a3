"""`mobileseg demo`: the quick one in full, and how its steps fail."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.demo import commands
from paddleseg_mobileseg.demo.pipeline import QUICK, check_scores, prepare_output, run_demo
from paddleseg_mobileseg.demo.training import TrainingLog
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.report.overlays import mistakes, overlay
from paddleseg_mobileseg.report.page import duration
from support.pages import Page
from support.quick_demo import quick_demo


@pytest.fixture(scope="module")
def quick():
    """One quick demo as a user runs it, once for all workers: its folder, its stderr, its JSON, and its page."""
    folder = quick_demo()
    result = json.loads((folder / "stdout").read_text(encoding="utf-8"))
    page = Page((folder / "out" / "report.html").read_text(encoding="utf-8"))
    return folder / "out", (folder / "stderr").read_text(encoding="utf-8"), result, page


def test_stdout_holds_the_json_that_was_written(quick):
    folder, _, result, _ = quick
    assert result == json.loads((folder / "demo.json").read_text())
    assert result["report"] == str(folder / "report.html")
    assert result["seed"] == 3 and result["iters"] == QUICK.iters and result["size"] == list(QUICK.size)


def test_progress_and_steps_are_on_stderr_and_logs_in_files(quick):
    folder, stderr, result, _ = quick
    steps = ["train", "evaluate", "export", "convert", "compare", "bench"]
    assert list(result["seconds"]) == steps
    assert all(re.search(rf"^{step} +done in", stderr, re.MULTILINE) for step in steps)
    assert "8/8" in stderr and "Traceback" not in stderr and "[INFO]" not in stderr
    assert "[TRAIN]" in (folder / "logs" / "train" / "workerlog.0").read_text()
    assert "Start evaluating" in (folder / "logs" / "evaluate.log").read_text()


def test_training_was_followed_to_its_end(quick):
    _, _, result, _ = quick
    training = result["training"]
    assert [point["iter"] for point in training["curve"]] == list(range(1, QUICK.iters + 1))
    assert [score["iter"] for score in training["scores"]] == [4, 8]
    assert all(np.isfinite(point["loss"]) and point["lr"] >= 0 for point in training["curve"])
    assert Path(training["checkpoint"]).stat().st_size == training["bytes"]


def test_scores_follow_from_the_confusion_matrix(quick):
    _, _, result, _ = quick
    scores = result["converted_scores"]
    confusion = np.array(scores["confusion"])
    assert confusion.sum() == QUICK.test_scenes * QUICK.size[0] * QUICK.size[1]
    dataset = SyntheticScenes(mode="test", size=QUICK.size, count=QUICK.test_scenes, seed=3)
    truth = np.stack([dataset.scene(index)[1] for index in range(len(dataset))])
    assert confusion.sum(axis=1).tolist() == np.bincount(truth.ravel(), minlength=dataset.num_classes).tolist()
    hits, predicted, true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    for row, hit, mine, others in zip(scores["classes"], hits, predicted, true):
        assert row["iou"] == pytest.approx(hit / max(mine + others - hit, 1))
        assert row["share"] == pytest.approx(others / confusion.sum())
    assert [row["name"] for row in scores["classes"]] == list(dataset.CLASSES)


def test_conversion_keeps_what_was_learned(quick):
    """PaddleSeg's evaluation of the checkpoint and ours of the .nb are two programs: they agree class by class."""
    _, _, result, _ = quick
    trained, converted = result["checkpoint_scores"], result["converted_scores"]
    assert trained["miou"] == pytest.approx(converted["miou"], abs=1e-3)
    for mine, others in zip(converted["classes"], trained["classes"]):
        assert mine["name"] == others["name"]
        assert mine["iou"] == pytest.approx(others["iou"], abs=2e-3)
    by_label_map = {row["label_map"]: row["total"] for row in result["agreements"]}
    assert by_label_map["exact"]["relative_difference"] < 1e-4
    assert all(by_label_map[name]["pixel_agreement"] >= 0.9999 for name in ("exact", "argmax"))
    assert all(row["agreement"]["finite"] for row in result["exports"])


def test_models_are_there_for_both_targets_and_outputs(quick):
    folder, _, result, _ = quick
    found = {(row["target"], row["output"]["label_map"]) for row in result["models"]}
    assert found == {(target, label_map) for target in ("arm", "x86") for label_map in ("exact", "argmax")}
    for row in result["models"]:
        assert read_metadata(row["file"]).sha256 == row["sha256"]
        assert row["input"]["shape"] == [1, 3, *QUICK.size]
        preprocessing = row["input"]["preprocessing"]
        assert (preprocessing["resize"], preprocessing["mean"]) == ("stretch", [0.485, 0.456, 0.406])
    assert len(list((folder / "images").glob("*.png"))) == QUICK.images


def test_report_loads_nothing(quick):
    folder, _, _, page = quick
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert page.loaded and all(each.startswith("data:image/") for each in page.loaded if not each.startswith("#"))
    assert not {"script", "link", "iframe", "object", "embed"} & page.tags
    assert not re.search(r"@import|url\((?!#)", text)


def test_report_has_its_parts(quick):
    folder, _, result, page = quick
    assert page.headings == [
        "PP-MobileSeg-Tiny, from random weights to Paddle-Lite",
        "What the converted model sees",
        "Accuracy",
        "What is taken for what",
        "Training",
        "Each step against the one before it",
        "Speed on this host",
        "What was written",
        "What to type next",
        "For a phone",
        "For your own data",
        "With this run",
        "How this was made",
    ]
    assert "svg" in page.tags
    images = [each for each in page.loaded if each.startswith("data:image/")]
    assert len(images) == 4 * QUICK.images and len(set(images)) > 3 * QUICK.images
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f"</span>{name}</li>" in text for name in SyntheticScenes.CLASSES)
    assert "knows next to nothing" in text
    assert "pp_mobileseg_tiny_arm.nb" in text and "mobileseg::UpsampleLabels(" in text


def test_numbers_of_the_report_are_those_of_the_json(quick):
    _, _, result, page = quick
    for row in result["converted_scores"]["classes"]:
        iou, _, precision, recall, share = page.row(row["name"], cells=6)
        assert [iou, precision, recall] == [f"{row[key]:.4f}" for key in ("iou", "precision", "recall")]
        assert share == f"{100 * row['share']:.1f} %"
    by_paddleseg = page.row("the checkpoint, by PaddleSeg's own evaluation (mobileseg val)")
    assert by_paddleseg[0] == f"{result['checkpoint_scores']['miou']:.4f}"
    by_us = page.row("the converted model, through Paddle-Lite on this host")
    assert by_us[0] == f"{result['converted_scores']['miou']:.4f}"
    titles = ("exact, from the model's low-resolution logits", "argmax, inside the model")
    for record, title in zip(result["latency"], titles):
        whole = [f"{record['summary']['end_to_end'][f'{key}_ms']:.2f}" for key in ("median", "min", "p90", "mean")]
        label_map = record["summary"]["label_map"]
        labels = f"{label_map['median_ms']:.3f}" if label_map else "in the network"
        network = f"{record['summary']['network']['median_ms']:.2f}"
        assert page.row(title) == [network, labels, *whole, f"{record['init_ms']:.1f}"]
    for row in result["models"]:
        assert page.row(f"lite/{Path(row['file']).name}")[-1] == f"{row['bytes'] / 1e6:.2f} MB"
    exact = next(row["total"] for row in result["agreements"] if row["label_map"] == "exact")
    shown = page.row("static graph", "Paddle-Lite x86, exact label map")
    assert shown[1] == f"{exact['relative_difference']:.1e}"


def test_confusion_of_the_report_is_that_of_the_json(quick):
    _, _, result, page = quick
    names = list(SyntheticScenes.CLASSES)
    start = page.rows.index(["", *names]) + 1
    for counts, row in zip(result["converted_scores"]["confusion"], page.rows[start:]):
        shares = [f"{100 * count / max(sum(counts), 1):.0f}" for count in counts]
        assert row[1:] == ["" if share == "0" else share for share in shares]


def test_an_earlier_demo_gives_way_and_other_files_stay(quick, tmp_path):
    folder, *_ = quick
    (tmp_path / "config.yml").write_text((folder / "config.yml").read_text())
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "old.nb").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    prepare_output(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["mine.txt"]


def one_line(capsys, arguments):
    """The error line and the status of a command that must fail without having begun."""
    status = main(arguments)
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err, status


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "image.png").write_text("precious")
    line, status = one_line(capsys, ["demo", "--quick", "--output", str(tmp_path)])
    assert status == 2 and "--output" in line
    assert (tmp_path / "train" / "image.png").read_text() == "precious"


@pytest.mark.parametrize(
    "flags, named",
    [
        (["--iters", "0"], "--iters"),
        (["--seed", "-1"], "--seed"),
        (["--processes", "3"], "--processes"),
        (["--processes", "-2"], "--processes"),
    ],
)
def test_numbers_out_of_range_are_one_line(tmp_path, capsys, flags, named):
    line, status = one_line(capsys, ["demo", "--quick", "--output", str(tmp_path / "out"), *flags])
    assert status == 2 and named in line


def test_an_output_that_is_a_file_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line, status = one_line(capsys, ["demo", "--quick", "--output", str(tmp_path / "file")])
    assert status == 2 and str(tmp_path / "file") in line


# An error of one of two processes is in the tests of the commands too.
@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_training_that_fails_says_why_and_where_its_log_is(tmp_path, processes):
    """The demo's own checks pass here: it is a child that refuses to evaluate on no scenes."""
    plan = replace(QUICK, val_scenes=0)
    with pytest.raises(ToolError) as caught:
        run_demo(tmp_path, processes=processes, plan=plan)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("demo, step train: training failed: ")
    assert "SyntheticScenes: count must be" in message
    log = Path(re.search(r"its log is (\S+)$", message)[1])
    assert "SyntheticScenes: count must be" in log.read_text()
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "demo.json").exists()


def test_a_converted_model_that_lost_accuracy_is_an_error():
    check_scores(0.8503, 0.8501)
    with pytest.raises(ToolError, match="0.8300.*0.8500"):
        check_scores(0.85, 0.83)


def test_a_missing_command_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(commands.shutil, "which", lambda *arguments, **named: None)
    line, status = one_line(capsys, ["demo", "--quick", "--output", str(tmp_path / "out")])
    assert status == 1 and "not installed" in line and not (tmp_path / "out").exists()


def test_training_log_is_read_from_paddleseg_s_lines():
    log = TrainingLog(iters=500, interval=24)
    for line in (
        "2026-01-01 00:00:00 [INFO]\tSet device: cpu",
        "2026-01-01 00:00:00 [INFO]\t[TRAIN] epoch: 1, iter: 20/500, loss: 1.2345, lr: 0.000101, batch_cost: 0.8670, "
        "reader_cost: 0.01809, ips: 4.6135 samples/sec | ETA 00:00:03",
        "2026-01-01 00:00:00 [INFO]\t[EVAL] #Images: 64 mIoU: 0.5290 Acc: 0.7614 Kappa: 0.7000 Dice: 0.6461",
        "2026-01-01 00:00:00 [INFO]\t[TRAIN] epoch: 1, iter: 40/500, loss: nan, lr: 0.000000, batch_cost: 0.8670, x",
    ):
        log.read(line)
    assert log.curve[0] == {"iter": 20, "loss": 1.2345, "lr": 0.000101}
    assert np.isnan(log.curve[1]["loss"]) and log.iteration == 40
    assert log.scores == [{"iter": 24, "miou": 0.5290, "accuracy": 0.7614}]


def test_overlay_colours_classes_and_mistakes_are_red():
    image = np.full((8, 8, 3), 100, np.uint8)
    labels = np.zeros((8, 8), np.uint8)
    labels[:, 4:] = 1
    shown = overlay(image, labels, [(200, 0, 0), (0, 0, 200)], strength=0.5)
    assert shown[0, 0].tolist() == [150, 50, 50] and shown[0, 7].tolist() == [50, 50, 150]
    wrong = labels.copy()
    wrong[2, 2] = 1
    red = mistakes(image, labels, wrong)
    assert (red[2, 2] != red[0, 0]).any() and (red.reshape(-1, 3) == red[2, 2]).all(axis=1).sum() == 1


@pytest.mark.parametrize(
    "seconds, text",
    [(0.04, "0.0 s"), (9.9, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (94.2, "1 min 34 s")],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


@pytest.mark.slow
def test_full_demo_reaches_0_80_on_held_out_scenes(tmp_path):
    result = run_demo(tmp_path)
    assert result["checkpoint_scores"]["miou"] >= 0.80
    assert result["converted_scores"]["miou"] >= 0.80
    assert min(row["iou"] for row in result["converted_scores"]["classes"]) >= 0.65
