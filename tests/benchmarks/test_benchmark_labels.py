"""The suite of label maps: its logits, its programs, and its results."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.results import join
from benchmarks.suites.labels.cases import WAYS
from benchmarks.suites.labels.logits import NOISE, SIZE, MadeUp, sources
from benchmarks.suites.labels.report import by_logits, tables, times_as_long
from benchmarks.suites.labels.suite import LabelMapMeasuring
from benchmarks.suites.registry import read_file
from paddleseg_mobileseg import upsample_labels

NAME = "12 classes, 12 present, noise, stride 16"


@pytest.mark.parametrize("present, piece", [(1, 64), (5, 128), (12, 64), (12, 32)])
def test_the_map_holds_the_classes_that_were_asked_for(present, piece):
    logits = MadeUp("pieces", 40, 16, present, piece).logits()
    assert logits.shape == (1, 40, SIZE // 16, SIZE // 16) and logits.dtype == np.float32
    labels = upsample_labels(logits, (SIZE, SIZE))
    held = np.unique(labels)
    assert held.max() < present and len(held) >= 0.8 * present


def test_smaller_pieces_have_longer_borders():
    def border(piece):
        labels = upsample_labels(MadeUp("pieces", 20, 8, 12, piece).logits(), (SIZE, SIZE))[0]
        return (labels[:, 1:] != labels[:, :-1]).sum()

    borders = [border(piece) for piece in (512, 128, 64, 32, NOISE)]
    assert borders == sorted(borders) and borders[-1] > 4 * borders[1]


def test_every_source_has_a_name_of_its_own():
    names = [source.name for source in sources()]
    assert len(set(names)) == len(names) == 66


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two rounds of every way on the same logits, to a small label map."""
    settings = {"warmup": 1, "repeats": 1, "core": None, "clock": "wall"}
    chosen, models = [MadeUp("noise", 12, 16, 12, NOISE)], tmp_path_factory.mktemp("models")
    measuring = LabelMapMeasuring("labels", chosen, (64, 96), settings, models)
    turns = [(case, number) for number in range(2) for case in measuring.cases]
    results = join(list(measuring.measure(turns, lambda case: None)))
    assert all(measuring.conflict(result) is None for result in results)
    other = replace(results[0], details={**results[0].details, "sha256": "0"})
    assert measuring.conflict(other) == "another exact_12x32x32_to_64x96.nb"
    return {result.case.label_map: result for result in results}


def test_all_ways_label_the_same_logits(measured):
    """Interpolation and argmax in Paddle-Lite, and the label core: the same pixels."""
    assert tuple(measured) == WAYS
    assert measured["argmax"].agreement == 1 and measured["vim"].agreement > 0.9
    assert measured["exact"].agreement >= 1 - 2 / (64 * 96)
    assert all(result.details["num_classes"] == result.case.classes == 12 for result in measured.values())


def test_a_label_map_is_timed_without_what_brings_its_logits(measured):
    exact, argmax = (measured[way].samples for way in ("exact", "argmax"))
    assert [len(turn) for turn in exact["label_map_ms"]] == [10, 10]
    assert list(argmax) == ["label_map_ms"] and [len(turn) for turn in argmax["label_map_ms"]] == [1, 1]
    turns = [np.median(a) / np.median(b) for a, b in zip(argmax["label_map_ms"], exact["label_map_ms"])]
    assert times_as_long(measured, "argmax") == pytest.approx(np.median(turns))
    assert times_as_long(measured, "exact") == 1


def test_the_command_goes_on_where_it_stopped(tmp_path, capsys):
    logits, output = tmp_path / "net.npy", tmp_path / "labels.jsonl"
    np.save(logits, np.random.RandomState(0).randn(1, 6, 8, 8).astype("float32"))
    flags = ["run", "labels", "--models", str(tmp_path / "models"), "--output", str(output), "--rounds", "1"]
    assert main([*flags, "--logits", str(logits)]) == 0
    content = output.read_text()
    output.write_text(content + '{"name": "cut o')
    assert main([*flags, "--logits", str(logits)]) == 0
    assert output.read_text() == content and len(content.splitlines()) == len(WAYS)
    assert main(["report", str(output)]) == 0
    assert "| net |" in capsys.readouterr().out
    assert {result.case.label_map for result in read_file(output)} == set(WAYS)
    np.save(logits, np.zeros((6, 8, 8)))
    assert main([*flags, "--logits", str(logits)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {logits} holds float64 of [6, 8, 8]")


def test_the_table_has_a_row_for_the_logits_of_which_every_way_was_measured(measured):
    (title, table), = tables(list(measured.values())).items()
    assert title.startswith("The worst case") and [row[:2] for row in table.rows] == [[NAME, "12"]]
    assert len(table.rows[0]) == len(table.titles) == len(table.align)
    assert by_logits([measured["exact"]], "noise") == [] == list(tables([measured["exact"]]))
