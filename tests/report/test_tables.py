"""Tables: Markdown that aligns its figures, and text for a terminal."""

from paddleseg_mobileseg.report.tables import Table, cell, span

TABLE = Table("lrl", ("name", "ms", "note"), [["a", "1.5", ""], ["long name", "120.0", "slow"]])


def test_markdown_has_a_rule_that_aligns_figures():
    assert TABLE.markdown().splitlines() == [
        "| name | ms | note |",
        "| --- | ---: | --- |",
        "| a | 1.5 | |",
        "| long name | 120.0 | slow |",
    ]


def test_text_lines_up_and_ends_without_blanks():
    assert TABLE.text().splitlines() == ["name          ms  note", "a            1.5", "long name  120.0  slow"]
    assert Table("lr", ("name", "ms"), []).text() == "name  ms"


def test_cells_of_figures_that_there_are_not():
    assert [cell(1.25, "{:.2f}"), cell(12.34), cell(None)] == ["1.25", "12.3", "-"]
    assert [span([3, 9, 5]), span([4, 4]), span([])] == ["3 to 9", "4", "-"]
