"""Tables as Markdown and as plain text, and what stands in their cells."""

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence


@dataclass(frozen=True)
class Table:
    """Text in cells; what shows it is a printer over it.

    Attributes:
        align: a letter for each column: "l" for text, "r" for figures, which are set to the right.
        titles: of the columns.
        rows: cells, one a column; any may be empty.
    """

    align: str
    titles: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown, without an end of line."""
        rule = "".join(" ---: |" if letter == "r" else " --- |" for letter in self.align)
        return "\n".join([_line(self.titles), f"|{rule}", *map(_line, self.rows)])

    def text(self) -> str:
        """Columns set apart by spaces, for a terminal, without an end of line."""
        widths = [max(map(len, column)) for column in zip(self.titles, *self.rows)]
        lines: List[str] = []
        for row in [self.titles, *self.rows]:
            cells = (
                cell.rjust(width) if letter == "r" else cell.ljust(width)
                for letter, cell, width in zip(self.align, row, widths)
            )
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def cell(value: Optional[Any], pattern: str = "{:.1f}") -> str:
    """A figure in the form that `pattern` gives it, "-" for None."""
    return "-" if value is None else pattern.format(value)


def span(numbers: Sequence[Any]) -> str:
    """The least and the largest as "4 to 9", one of them if they are the same, "-" without any."""
    return " to ".join(map(str, dict.fromkeys([min(numbers), max(numbers)]))) if numbers else "-"
