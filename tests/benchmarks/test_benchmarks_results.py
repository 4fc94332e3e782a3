"""Benchmark results: turns put together, ratios within a round, what counts as slower, and what reports say."""

import json
import re
from dataclasses import replace
from xml.dom import minidom

import pytest

from benchmarks.__main__ import main
from benchmarks.cases import SUITES, choose
from benchmarks.comparison import compare_runs, spread
from benchmarks.measurements import from_row, join, label_map_ms, ratio, read_measurements
from benchmarks.plots import plots, readme_plot
from benchmarks.report import html, markdown, sections
from benchmarks.tables import case_table, claims, claims_by_classes, network_table
from benchmarks.training_speed import TrainingSpeed, training_table
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.zoo import MODELS, find_model
from support.benchmark_measurements import measured


def write(path, measurements):
    path.write_text("".join(json.dumps(each.to_row()) + "\n" for each in measurements))
    return path


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


def test_turns_of_a_case_are_put_together_and_come_back_from_a_row():
    turns = [
        replace(measured("pp_mobileseg_tiny", "exact", [ms], [1.0], agreement=share), rounds=[number])
        for number, (ms, share) in enumerate([(50.0, 1.0), (60.0, 0.75), (70.0, 1.0)])
    ]
    (whole,) = join([from_row(json.loads(json.dumps(turn.to_row()))) for turn in turns])
    assert whole.rounds == [0, 1, 2] and whole.round_medians() == {0: 51.0, 1: 61.0, 2: 71.0}
    assert whole.median() == 61.0 and whole.agreement == 0.75
    assert whole.record.configuration.rounds == whole.record.configuration.repeats == 3
    assert join([from_row(whole.to_row())]) == [whole]


def test_a_row_without_a_field_that_has_a_default_can_still_be_read():
    row = BASE[0].to_row()
    del row["case"]["active_classes"]
    assert from_row(row) == BASE[0]
    del row["case"]["label_map"]
    with pytest.raises(InputError, match="label_map"):
        from_row(row)


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
        assert len(set(suite.cases())) == len(suite.cases())


def test_smaller_number_formats_are_measured_beside_float32():
    chosen = choose(SUITES["ade20k"].cases(), ["pp_mobileseg_tiny"], number_formats=["int16", "int8"])
    exact = [case.number_format for case in chosen if case.label_map == "exact"]
    assert exact == ["float32", "int16", "int8"] and len(chosen) == 5
    on_phone = choose(SUITES["ade20k"].cases(), ["pp_mobileseg_tiny"], ["exact"], None, "phone", ["float16"])
    assert [case.number_format for case in on_phone] == ["float32", "float16"]
    with pytest.raises(InputError, match="--engine phone"):
        choose(SUITES["ade20k"].cases(), number_formats=["float16"])
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
    assert spread(rounds(99.0, 100.0, 101.0)[0]) == pytest.approx(0.014826)


def test_compare_runs_ends_with_1_if_something_became_slower(tmp_path, capsys):
    old = write(tmp_path / "old.jsonl", [*rounds(100.0, 101.0, 99.0), BASE[0]])
    same = write(tmp_path / "same.jsonl", rounds(101.0, 100.0, 102.0))
    slow = write(tmp_path / "slow.jsonl", rounds(151.0, 150.0, 149.0))
    assert main(["compare-runs", str(old), str(same)]) == 0
    assert "0 of 1 cases became slower" in capsys.readouterr().out
    assert main(["compare-runs", str(old), str(slow), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["slower"] == 1 and found["changes"][0]["change"] == pytest.approx(0.5)
    assert found["only_old"][0]["network"] == "pp_mobileseg_base" and found["only_new"] == []
    assert main(["compare-runs", str(old), str(slow), "--min-percent", "60"]) == 0
    assert main(["compare-runs", str(old), str(tmp_path / "none.jsonl")]) == 2
    (tmp_path / "other.jsonl").write_text('{"suite": "ade20k"}\n')
    assert main(["compare-runs", str(old), str(tmp_path / "other.jsonl")]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_pairs_that_changed_places_are_counted_with_how_far_they_are_apart():
    def run(*times):
        return [measured(name, "exact", [ms], [0.0]) for name, ms in zip(["topformer_tiny", "seaformer_tiny"], times)]

    assert compare_runs(run(50.0, 51.0), run(60.0, 63.0)).swapped == []
    (swap,) = compare_runs(run(50.0, 51.0), run(52.0, 50.0)).swapped
    assert swap.first.network == "topformer_tiny" and swap.apart == pytest.approx(0.04)
    assert "1 of 1 pairs changed places" in compare_runs(run(50.0, 51.0), run(52.0, 50.0)).table()


def test_files_of_different_machines_are_said_to_be(tmp_path):
    other = [measured("pp_mobileseg_tiny", "exact", [10.0], [0.0], cpu="another")]
    comparison = compare_runs(rounds(100.0), other)
    assert not comparison.same_machine and "different machines" in comparison.table()
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
    assert readme_plot([*BASE, small]) == readme_plot(BASE)


def test_a_network_that_was_slower_without_its_label_map_is_no_measurement_of_it():
    disturbed = [
        measured("pp_mobileseg_base", "exact", [180.0] * 3, [2.0] * 3),
        measured("pp_mobileseg_base", "vim", [150.0] * 3),
    ]
    (claim,) = claims(disturbed)
    assert not claim.holds and "the machine disturbed this measurement" in claim.found


def test_reports_hold_every_measurement_mark_what_is_published_and_load_nothing():
    parts = sections(BASE)
    page, text = html(parts), markdown(parts)
    for table in (page, text):
        for figure in ("102.0", "310.0", "125.0", "210.00 (difference)", "published", "2024-01-02", "a processor"):
            assert figure in table
        assert f"{find_model('pp_mobileseg_base').published['ade20k'].miou:.2f}" in table
    assert not re.search(r'(src|href)="(?!#)', page) and "@import" not in page and "<script" not in page
    assert page.count("<svg") == len(parts[0].plots) == 3


def test_markdown_shows_the_plots_that_were_written_beside_it(tmp_path):
    results = write(tmp_path / "results.jsonl", BASE)
    assert main(["report", str(results), "--markdown", str(tmp_path / "report.md")]) == 0
    shown = re.findall(r"!\[.*?\]\((.*?)\)", (tmp_path / "report.md").read_text())
    assert len(shown) == 3
    for path in shown:
        minidom.parse(str(tmp_path / path))


def test_rows_are_sorted_by_time_and_columns_that_do_not_vary_are_left_out():
    table = case_table(BASE)
    assert [row[1] for row in table.rows] == ["exact", "VIM", "argmax"] and "size" not in table.titles
    sizes = [measured("pp_mobileseg_tiny", "exact", [10.0], [1.0], height=size, width=size) for size in (64, 128)]
    assert "size" in case_table([replace(each, suite="resolution") for each in sizes]).titles
    (row,) = network_table(BASE).rows
    assert row == ["PP-MobileSeg-Base", "41.57", "100 + 2.0", "125", "310", "215", "6.3"]


def test_growth_is_plotted_where_there_are_several_sizes():
    grown = [
        replace(measured("pp_mobileseg_tiny", way, [size / 4.0], labels, height=size, width=size), suite="resolution")
        for size in (128, 256, 512)
        for way, labels in (("exact", [1.0]), ("argmax", []))
    ]
    assert "Growth with the input" in plots(grown) and "Latency against published mIoU" not in plots(grown)
    svg = minidom.parseString(plots(grown)["Growth with the input"])
    assert svg.documentElement.tagName == "svg" and "512x512" in svg.toxml()


def test_classes_that_share_a_image_have_a_plot_and_claims_of_their_own():
    grown = [
        measured("pp_mobileseg_base", way, [ms], labels, suite="classes", active_classes=active_classes)
        for active_classes, vim_ms in ((5, 110.0), (60, 160.0))
        for way, ms, labels in (("exact", 100.0, [2.0]), ("argmax", 300.0, []), ("vim", vim_ms, []))
    ]
    (part,) = sections(grown)
    assert list(part.plots) == ["Label map and classes"] and "active classes" in part.table.titles
    held = [(claim.statement.split()[0], claim.holds) for claim in claims_by_classes(grown)]
    assert held == [("5", True), ("...", False), ("60", True), ("...", True)]


def test_the_same_results_give_the_same_image():
    assert readme_plot(BASE) == readme_plot(join([from_row(each.to_row()) for each in BASE]))


def test_training_speed_is_a_ratio_to_paddlesegs_own_within_rounds():
    facts = {"losses": [5.0, 4.0], "environment": {}, "settings": {"batch": 4}}
    own = TrainingSpeed("pp_mobileseg_tiny", "plugin", {0: [1000.0], 1: [2000.0]}, **facts)
    stock = TrainingSpeed("pp_mobileseg_tiny", "paddleseg", {0: [1500.0], 1: [3000.0]}, **facts)
    assert own.images_per_second == 3.0
    first, second = training_table([own, stock]).rows
    assert first[2:5] == ["3.00", "1500", "1.50"] and second[4] == "1.00"
    assert training_table([own]).rows[0][4] == "-"


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"suite": "ade20k", "case": {}}\n')
    with pytest.raises(InputError, match="no result of `python -m benchmarks run`"):
        read_measurements(path)
