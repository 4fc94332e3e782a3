"""Benchmark results: turns put together, ratios within a round, what counts as slower, and what reports say."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

import pytest

from benchmarks import comparison
from benchmarks.__main__ import main
from benchmarks.report import html, make_report, markdown
from benchmarks.results import ResultsFile, join
from benchmarks.suites.latency.cases import choose
from benchmarks.suites.latency.claims import claims, claims_by_classes
from benchmarks.suites.latency.measured import label_map_ms, ratio
from benchmarks.suites.latency.plots import plots, readme_plot, split_plot
from benchmarks.suites.latency.suite import LatencySuite
from benchmarks.suites.latency.tables import case_table, network_table
from benchmarks.suites.registry import CASE_TYPES, SUITES, read_file
from benchmarks.suites.training.suite import TrainingCase, images_per_second, training_table
from benchmarks.suites.zoo_training.suite import ZooTrainingCase
from paddleseg_mobileseg.deploy.runtime.stats import spread
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.zoo import MODELS, find_model
from support.benchmark_measurements import measured, scored

ROOT = Path(__file__).resolve().parents[2]


def write(path, results):
    path.write_text("".join(result.to_line() for result in results))
    return path


def compare_runs(old, new):
    return comparison.compare_runs(old, new, SUITES)


BASE = [
    measured("pp_mobileseg_base", "exact", [100.0, 200.0, 100.0], [2.0, 4.0, 2.0]),
    measured("pp_mobileseg_base", "argmax", [300.0, 600.0, 310.0]),
    measured("pp_mobileseg_base", "vim", [120.0, 240.0, 125.0]),
]


def test_a_ratio_within_rounds_does_not_see_a_machine_that_was_slow_for_a_while():
    slow_for_once = measured("pp_mobileseg_tiny", "exact", [51.0, 102.0, 51.0], [0.0, 0.0, 0.0])
    assert ratio(slow_for_once, BASE[0]) == pytest.approx(0.5)


def test_a_label_map_inside_the_graph_costs_the_whole_less_the_network_of_the_same_round():
    assert label_map_ms(BASE[0], BASE) == 2.0
    assert label_map_ms(BASE[1], BASE) == pytest.approx(210.0)
    assert label_map_ms(BASE[2], BASE) == pytest.approx(25.0)
    assert label_map_ms(BASE[1], BASE[1:]) is None


def test_turns_of_a_case_are_put_together_and_come_back_from_a_file(tmp_path):
    turns = [
        replace(measured("pp_mobileseg_tiny", "exact", [ms], [1.0], agreement=share), rounds=[number])
        for number, (ms, share) in enumerate([(50.0, 1.0), (60.0, 0.75), (70.0, 1.0)])
    ]
    (whole,) = read_file(write(tmp_path / "turns.jsonl", turns))
    assert whole.rounds == [0, 1, 2] and whole.medians("network_ms", "label_map_ms") == {0: 51.0, 1: 61.0, 2: 71.0}
    assert whole.median("network_ms") == 60.0 and whole.median("none") is None and whole.agreement == 0.75
    assert whole.details == turns[0].details and whole.case == turns[0].case
    assert read_file(write(tmp_path / "whole.jsonl", [whole])) == [whole] == join(turns)


def _change(**fields):
    return lambda row: row.update(fields)


@pytest.mark.parametrize(
    "change, message",
    [
        (_change(schema=0), "line 2, is of schema 0, and this version reads 1; measure again with `python -m"),
        (lambda row: row.pop("schema"), "line 2, has no schema number"),
        (_change(suite="ade2k"), "no result: there is no suite ade2k"),
        (lambda row: row["case"].pop("label_map"), "no result: case.label_map is missing"),
        (lambda row: row["case"].update(colour="red"), "no result: case.colour is unknown"),
        (lambda row: row["samples"]["network_ms"].pop(), "it has 3 rounds and other samples"),
        (lambda row: row["samples"]["network_ms"][0].append("slow"), "is 'slow' and not of type float"),
    ],
)
def test_a_line_of_something_else_is_refused_with_how_to_measure_again(tmp_path, change, message):
    row = json.loads(BASE[1].to_line())
    change(row)
    path = tmp_path / "results.jsonl"
    path.write_text(BASE[0].to_line() + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_file(path)
    assert "measure again" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["not json\n", "[1]\n", "\xff\n"])
def test_a_file_of_something_else_is_not_overwritten(content, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="choose another file|give a file of JSON lines|measure again"):
        ResultsFile(path, CASE_TYPES)
    assert path.read_bytes() == content.encode("latin-1")


def test_what_was_appended_is_read_again_and_a_line_that_was_cut_off_is_not(tmp_path):
    results = ResultsFile(tmp_path / "new folder" / "results.jsonl", CASE_TYPES)
    for result in BASE[:2]:
        results.append(result)
    with open(results.path, "a") as file:
        file.write(BASE[2].to_line()[:100])
    assert ResultsFile(results.path, CASE_TYPES).results == results.results == BASE[:2]
    assert len(results.path.read_text().splitlines()) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "results").glob("*.jsonl")), ids=lambda path: path.stem)
def test_committed_results_are_of_their_suite_and_can_be_reported_and_compared(path):
    results = read_file(path)
    (suite,) = {result.suite for result in results}
    assert path.stem in (suite, f"{suite}-aarch64", f"{suite}-again")
    assert main(["compare-runs", str(path), str(path)]) == 0
    _, (section,) = make_report(results, SUITES, with_plots=False)
    assert sum(len(block.content.rows) for block in section.blocks if hasattr(block.content, "rows")) >= 2


def test_every_suite_has_the_cases_that_it_is_named_after():
    cases = SUITES["ade20k"].cases()
    assert len(cases) == 3 * len(MODELS) and {case.num_classes for case in cases} == {150}
    assert {(case.height, case.width) for case in SUITES["cityscapes"].cases()} == {(512, 1024)}
    # VIM would be plain argmax with so few classes.
    assert "vim" not in {case.label_map for case in SUITES["cityscapes"].cases()}
    inference = [case for case in SUITES["mobileseg-256"].cases() if case.engine == "paddle-inference"]
    assert {(case.height, case.width) for case in inference} == {(1024, 2048)}
    assert {case.active_classes for case in SUITES["classes"].cases()} == {5, 20, 60, 150}
    sizes = {case.height for case in SUITES["resolution"].cases()}
    assert min(sizes) == 128 and max(sizes) == 1024
    for suite in SUITES.values():
        if isinstance(suite, LatencySuite):
            assert len(set(suite.cases())) == len(suite.cases())


def test_smaller_number_formats_are_measured_beside_float32():
    chosen = choose(SUITES["ade20k"].cases(), ["pp_mobileseg_tiny"], number_formats=["int16", "int8"])
    exact = [case.number_format for case in chosen if case.label_map == "exact"]
    assert exact == ["float32", "int16", "int8"] and len(chosen) == 5
    on_phone = choose(SUITES["ade20k"].cases(), ["pp_mobileseg_tiny"], ["exact"], None, "phone", ["fp16"])
    assert [case.number_format for case in on_phone] == ["float32", "fp16"]
    with pytest.raises(InputError, match="--engine phone"):
        choose(SUITES["ade20k"].cases(), number_formats=["fp16"])
    with pytest.raises(InputError, match="no such case"):
        choose(SUITES["ade20k"].cases(), sizes=[(64, 64)])


def rounds(*values):
    return [measured("pp_mobileseg_tiny", "exact", list(values), [0.0] * len(values))]


@pytest.mark.parametrize(
    "new, verdict",
    [
        ((100.0, 101.0, 99.0), "same"),
        ((104.0, 105.0, 103.0), "same"),
        ((120.0, 121.0, 119.0), "slower"),
        ((80.0, 81.0, 79.0), "faster"),
        # A change of 20 % is within three deviations of these rounds.
        ((120.0, 150.0, 100.0), "same"),
        # One bad round does not make the noise, nor the change.
        ((120.0, 121.0, 119.0, 120.5, 500.0), "slower"),
    ],
)
def test_a_change_counts_beyond_the_noise_of_the_rounds(new, verdict):
    (change,) = compare_runs(rounds(100.0, 101.0, 99.0), rounds(*new)).changes
    assert change.verdict == verdict


def test_the_spread_is_the_deviation_of_normal_rounds():
    assert spread([99.0, 100.0, 101.0]) == pytest.approx(0.014826)


def test_compare_runs_ends_with_1_if_something_became_slower(tmp_path, capsys):
    old = write(tmp_path / "old.jsonl", [*rounds(100.0, 101.0, 99.0), BASE[0]])
    same = write(tmp_path / "same.jsonl", rounds(101.0, 100.0, 102.0))
    slow = write(tmp_path / "slow.jsonl", rounds(151.0, 150.0, 149.0))
    assert main(["compare-runs", str(old), str(same)]) == 0
    assert "0 of 1 cases became slower" in capsys.readouterr().out
    assert main(["compare-runs", str(old), str(slow), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["worse"] == 1 and found["changes"][0]["change"] == pytest.approx(0.5)
    assert found["only_old"][0]["network"] == "pp_mobileseg_base" and found["only_new"] == []
    assert main(["compare-runs", str(old), str(slow), "--min-percent", "60"]) == 0
    assert main(["compare-runs", str(old), str(tmp_path / "none.jsonl")]) == 2
    (tmp_path / "other.jsonl").write_text('{"suite": "ade20k"}\n')
    assert main(["compare-runs", str(old), str(tmp_path / "other.jsonl")]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_pairs_that_changed_places_are_counted_with_how_far_they_are_apart():
    def run(*times):
        return [measured(name, "exact", [ms], [0.0]) for name, ms in zip(["topformer_tiny", "seaformer_tiny"], times)]

    assert comparison.swapped(compare_runs(run(50.0, 51.0), run(60.0, 63.0)).changes) == []
    compared = compare_runs(run(50.0, 51.0), run(52.0, 50.0))
    (swap,) = comparison.swapped(compared.changes)
    assert swap.first.case.network == "topformer_tiny" and swap.apart == pytest.approx(0.04)
    assert "1 of 1 pairs changed places" in compared.markdown()


def test_a_score_that_fell_is_worse_and_times_are_compared_apart_from_scores():
    case = ZooTrainingCase("seaformer_tiny", 200, 8, 64, 96)

    def run(miou, ms):
        return [scored("zoo_training", case, {"miou": miou}), *rounds(*ms)]

    old = run([0.50, 0.51, 0.49], [100.0, 101.0, 99.0])
    fell = compare_runs(old, run([0.40, 0.41, 0.39], [80.0, 81.0, 79.0]))
    assert [change.verdict for change in fell.changes] == ["worse", "faster"] and len(fell.worse) == 1
    assert "1 of 1 cases score less" in fell.markdown() and "0 of 1 cases became slower" in fell.markdown()
    assert "| `seaformer_tiny` | 200 | 0.5000 | 0.4000 | -20.0 % |" in fell.markdown()
    rose = compare_runs(old, run([0.60, 0.61, 0.59], [100.0, 101.0, 99.0]))
    assert [change.verdict for change in rose.changes] == ["better", "same"] and rose.worse == []


def test_files_of_different_machines_are_said_to_be(tmp_path):
    other = [measured("pp_mobileseg_tiny", "exact", [10.0], [0.0], cpu="another")]
    compared = compare_runs(rounds(100.0), other)
    assert not compared.same_machine and "different machines" in compared.markdown()
    assert compare_runs(rounds(100.0), rounds(100.0)).same_machine


def test_a_claim_that_falls_short_says_by_how_much_and_what_takes_the_time():
    short = [
        measured("pp_mobileseg_base", "exact", [180.0] * 3, [2.0] * 3),
        measured("pp_mobileseg_base", "argmax", [300.0] * 3),
        measured("topformer_tiny", "argmax", [150.0] * 3),
    ]
    argmax, rivals = claims(short)
    assert not argmax.holds and argmax.found.startswith("0.607, 0.127 too much. The network alone takes 0.600")
    assert not rivals.holds and "TopFormer-Tiny with argmax takes 18 % less (150.0 ms" in rivals.found
    argmax, vim = claims(BASE)
    assert argmax.holds and argmax.found == "0.340" and not vim.holds and vim.found.startswith("0.850, 0.100 too much")


def test_claims_and_the_readmes_image_are_of_float32_alone():
    small = measured("pp_mobileseg_base", "exact", [10.0], [1.0], weights="int8")
    assert claims([*BASE, small]) == claims(BASE)
    assert readme_plot([*BASE, small], "ade20k") == readme_plot(BASE, "ade20k")


def test_what_makes_another_picture_stands_last_however_fast():
    wrong = measured("pp_mobileseg_base", "exact", [10.0], [1.0], weights="int8", agreement=0.73)
    table = case_table([wrong, *BASE], "ade20k")
    assert [row[1] for row in table.rows] == ["float32", "float32", "float32", "int8"]
    assert [row[table.titles.index("to the fastest")] for row in table.rows] == ["1.00", "1.18", "2.94", "0.11"]


def test_bars_of_a_network_stand_together_under_its_name():
    rival = measured("topformer_tiny", "argmax", [150.0] * 3)
    svg = split_plot([*BASE, rival])
    names = [name for name in re.findall(r">([^<>]+)</text>", svg) if re.search("exact|argmax|VIM", name)]
    assert [name.strip() for name in names if "label map" not in name] == [
        "TopFormer-Tiny, argmax", "argmax", "VIM", "PP-MobileSeg-Base, exact"
    ]


def test_a_network_that_was_slower_without_its_label_map_is_no_measurement_of_it():
    disturbed = [
        measured("pp_mobileseg_base", "exact", [180.0] * 3, [2.0] * 3),
        measured("pp_mobileseg_base", "vim", [150.0] * 3),
    ]
    (claim,) = claims(disturbed)
    assert not claim.holds and "the machine disturbed this measurement" in claim.found


def test_reports_hold_every_measurement_mark_what_is_published_and_load_nothing():
    report = make_report(BASE, SUITES)
    page, text = html(report), markdown(report)
    for table in (page, text):
        for figure in ("102.0", "310.0", "125.0", "210.00 (difference)", "published", "2024-01-02", "a processor"):
            assert figure in table
        assert f"{find_model('pp_mobileseg_base').published['ade20k'].miou:.2f}" in table
    assert not re.search(r'(src|href)="(?!#)', page) and "@import" not in page and "<script" not in page
    plotted = [block.content for block in report[1][0].blocks if block.is_plot]
    assert page.count("<svg") == 2 * len(plotted) == 6 and all(plot.narrow in page for plot in plotted)


def test_markdown_shows_the_plots_that_were_written_beside_it(tmp_path):
    results = write(tmp_path / "results.jsonl", BASE)
    assert main(["report", str(results), "--markdown", str(tmp_path / "report.md")]) == 0
    shown = re.findall(r"!\[.*?\]\((.*?)\)", (tmp_path / "report.md").read_text())
    assert len(shown) == 3
    for path in shown:
        minidom.parse(str(tmp_path / path))


def test_rows_are_sorted_by_time_and_columns_that_do_not_vary_are_left_out():
    table = case_table(BASE, "ade20k")
    assert [row[1] for row in table.rows] == ["exact", "VIM", "argmax"] and "size" not in table.titles
    sizes = [measured("pp_mobileseg_tiny", "exact", [10.0], [1.0], height=size, width=size) for size in (64, 128)]
    assert "size" in case_table([replace(each, suite="resolution") for each in sizes], "ade20k").titles
    (row,) = network_table(BASE, "ade20k").rows
    assert row == ["PP-MobileSeg-Base", "41.57", "100 + 2.0", "125", "310", "215", "6.3"]


def test_growth_is_plotted_where_there_are_several_sizes():
    grown = [
        replace(measured("pp_mobileseg_tiny", way, [size / 4.0], labels, height=size, width=size), suite="resolution")
        for size in (128, 256, 512)
        for way, labels in (("exact", [1.0]), ("argmax", []))
    ]
    drawn = plots(grown, "ade20k")
    assert "Growth with the input" in drawn and "Latency against published mIoU" not in drawn
    svg = minidom.parseString(drawn["Growth with the input"])
    assert svg.documentElement.tagName == "svg" and "512x512" in svg.toxml()


def test_classes_that_share_a_image_have_a_plot_and_claims_of_their_own():
    grown = [
        measured("pp_mobileseg_base", way, [ms], labels, suite="classes", active_classes=active_classes)
        for active_classes, vim_ms in ((5, 110.0), (60, 160.0))
        for way, ms, labels in (("exact", 100.0, [2.0]), ("argmax", 300.0, []), ("vim", vim_ms, []))
    ]
    _, (part,) = make_report(grown, SUITES)
    assert [block.heading for block in part.blocks if block.is_plot] == ["Label map and classes"]
    assert "active classes" in part.blocks[-1].content.titles
    held = [(claim.statement.split()[0], claim.holds) for claim in claims_by_classes(grown)]
    assert held == [("5", True), ("...", False), ("60", True), ("...", True)]


def test_the_same_results_give_the_same_image(tmp_path):
    assert readme_plot(BASE, "ade20k") == readme_plot(read_file(write(tmp_path / "base.jsonl", BASE)), "ade20k")


def test_training_speed_is_a_ratio_to_paddlesegs_own_within_rounds():
    def speed(implementation, *steps):
        case = TrainingCase("pp_mobileseg_tiny", implementation, 256, 256, 150, batch=4)
        samples = {"step_ms": [[ms] for ms in steps], "loss": [[5.0, 4.0]] * len(steps)}
        return replace(measured("pp_mobileseg_tiny", "exact", steps), suite="training", case=case, samples=samples)

    own, stock = speed("plugin", 1000.0, 2000.0), speed("paddleseg", 1500.0, 3000.0)
    assert images_per_second(own) == 3.0
    first, second = training_table([own, stock]).rows
    assert first[2:5] == ["3.00", "1500", "1.50"] and second[4] == "1.00"
    assert training_table([own]).rows[0][4] == "-"
