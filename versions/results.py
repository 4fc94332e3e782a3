"""What was found, as JSON, and the page of the docs that it makes."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import read_regular, write_text
from paddleseg_mobileseg.report.tables import Table
from paddleseg_mobileseg.schema import check_schema, from_dict

from .combinations import COMBINATIONS, REFERENCE, Combination
from .steps import STEPS

SCHEMA = 1
_MOST_BYTES = 1 << 24
NOT_TRIED = "not tried"
"""How the text of a cell begins whose step needs another that failed."""
_TITLES = ("CPython", "Paddle", "NumPy", "OpenCV", "PaddleSeg")


@dataclass(frozen=True)
class Cell:
    """How a step ended.

    Attributes:
        text: the figure of a success, the one line of a failure.
        seconds: that it took.
        date: of its end, in UTC.
    """

    ok: bool
    text: str
    seconds: float
    date: str


@dataclass
class Results:
    """Cells by combination and step.

    Attributes:
        host: what they were run on.
    """

    host: str
    cells: Dict[str, Dict[str, Cell]] = field(default_factory=dict)
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        write_text(path, json.dumps(asdict(self), indent=1) + "\n")


def read_results(path: Path) -> Results:
    """What `Results.write` wrote.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    again = f"delete it, and `python -m versions run --results {path}` makes it anew"
    try:
        content = json.loads(read_regular(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path}: {error}; {again}") from error
    check_schema(content, SCHEMA, str(path), again)
    return from_dict(Results, content)


def page(results: Results) -> str:
    """The page of the docs: the table, what each column is, and the failures."""
    failures: List[str] = []
    rows = [_row(combination, results, failures) for combination in COMBINATIONS if combination.name in results.cells]
    titles = [*_TITLES, *(step.name for step in STEPS)]
    dates = sorted(cell.date[:10] for cells in results.cells.values() for cell in cells.values())
    ran = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "never"
    columns = [f"- *{step.name}*: {step.meaning}." for step in STEPS]
    return "\n".join(
        [
            "# Versions that were tried together",
            "",
            "Made by `python -m versions run` and `python -m versions page`, from a checkout. Each row is an",
            "environment of its own, each cell a command that was run in it, on one thread of a processor. All are",
            "compared with the first row, the reference, from the same weights, on the same pictures; 0.0e+00 is no",
            "difference in any bit.",
            f"Last run: {ran}, on {results.host}.",
            "",
            Table("l" * len(titles), titles, rows).markdown(),
            "",
            *columns,
            "",
            *(["What failed:", "", *failures] if failures else ["Nothing failed."]),
            "",
        ]
    )


def _row(combination: Combination, results: Results, failures: List[str]) -> List[str]:
    """The cells of a combination; its failures are added to the list that stands below the table."""
    row = [combination.python, combination.paddle, combination.numpy, combination.opencv, combination.paddleseg]
    if combination == REFERENCE:
        row[1] += " (reference)"
    for step in STEPS:
        cell: Optional[Cell] = results.cells[combination.name].get(step.name)
        if cell is None:
            row.append("not run")
        elif cell.ok:
            row.append(cell.text)
        elif cell.text.startswith(NOT_TRIED):
            row.append(NOT_TRIED)
        else:
            failures.append(f"{len(failures) + 1}. {combination.name}, {step.name}: {cell.text}")
            row.append(f"**no** ({len(failures)})")
    return row
