"""The benchmark of label maps: its logits, its programs, and its results."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.labels.__main__ import main
from benchmarks.labels.logits import NOISE, SIZE, Case, cases
from benchmarks.labels.report import table
from benchmarks.labels.tails import WAYS, time_tails
from benchmarks.results_file import ResultsFile, read_results
from paddleseg_mobileseg import InputError, upsample_labels


@pytest.mark.parametrize("present, piece", [(1, 64), (5, 128), (12, 64), (12, 32)])
def test_the_map_holds_the_classes_that_were_asked_for(present, piece):
    logits = Case("pieces", 40, 16, present, piece).logits()
    assert logits.shape == (1, 40, SIZE // 16, SIZE // 16) and logits.dtype == np.float32
    labels = upsample_labels(logits, (SIZE, SIZE))
    held = np.unique(labels)
    assert held.max() < present and len(held) >= 0.8 * present


def test_smaller_pieces_have_longer_borders():
    def border(piece):
        labels = upsample_labels(Case("pieces", 20, 8, 12, piece).logits(), (SIZE, SIZE))[0]
        return (labels[:, 1:] != labels[:, :-1]).sum()

    borders = [border(piece) for piece in (512, 128, 64, 32, NOISE)]
    assert borders == sorted(borders) and borders[-1] > 4 * borders[1]


def test_every_case_has_a_name_of_its_own():
    rows = {(case.name(), replace(case, question="")) for case in cases()}
    assert len(rows) == len({name for name, _ in rows})


@pytest.fixture(scope="module")
def measured():
    return time_tails(Case("noise", 12, 16, 12, NOISE).logits(), (64, 96), "noise", rounds=2, repeats=1)


def test_all_ways_label_the_same_logits(measured):
    """Interpolation and argmax in Paddle-Lite, and the label core: the same pixels."""
    assert set(measured["records"]) == set(WAYS)
    assert measured["equal"]["exact"] >= 1 - 2 / (64 * 96) and measured["equal"]["vim"] > 0.9
    assert all(record["configuration"]["num_classes"] == 12 for record in measured["records"].values())
    assert measured["ratios"]["exact"] == 1


def test_a_label_map_is_timed_without_what_brings_its_logits(measured):
    record = measured["records"]["exact"]
    assert [len(turn) for turn in record["label_map_ms"]] == [10, 10]
    argmax, exact = measured["records"]["argmax"]["network_ms"], record["label_map_ms"]
    turns = [np.median(a) / np.median(b) for a, b in zip(argmax, exact)]
    assert measured["ratios"]["argmax"] == pytest.approx(np.median(turns))


def test_the_command_goes_on_where_it_stopped(tmp_path, capsys):
    logits, output = tmp_path / "net.npy", tmp_path / "labels.jsonl"
    np.save(logits, np.random.RandomState(0).randn(1, 6, 8, 8).astype("float32"))
    flags = ["--question", "none of them", "--rounds", "1", "--logits", str(logits), "--output", str(output)]
    assert main(flags) == 0
    content = output.read_text()
    output.write_text(content + '{"name": "cut o')
    assert main(flags) == 0
    assert output.read_text() == content and len(content.splitlines()) == 1
    assert "| net |" in capsys.readouterr().out and output.with_suffix(".svg").stat().st_size > 1000


def test_the_table_has_a_row_for_each_result(measured):
    row = {"name": "a case", "question": "noise", "classes": 12, "stride": 16, **measured}
    lines = table([row]).splitlines()
    assert len(lines) == 5 and lines[-1].startswith("| a case | 12 |")
    assert lines[-1].count("|") == lines[2].count("|")


@pytest.mark.parametrize("content", ["not json\n", "[1]\n", "\xff\n"])
def test_a_file_of_something_else_is_not_overwritten(content, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="choose another file|give a file of JSON lines"):
        ResultsFile(path)
    assert path.read_bytes() == content.encode("latin-1")


def test_what_was_appended_is_read_again(tmp_path):
    results = ResultsFile(tmp_path / "new folder" / "results.jsonl")
    results.append({"a": 1})
    results.append({"b": [2.5, None]})
    assert read_results(results.path) == results.rows == [{"a": 1}, {"b": [2.5, None]}]
    assert [json.loads(line) for line in results.path.read_text().splitlines()] == results.rows
