"""What a training leaves behind in numbers: the loss of every iteration and the scores of every evaluation, as CSV.

The log rounds both to four digits.
"""

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Dict, Optional, Sequence

from ..errors import InputError
from ..files import read_regular, write_text

LOSSES_FILE, EVALUATIONS_FILE = "losses.csv", "evaluations.csv"
_MOST_BYTES = 1 << 26
"""Largest file that is read: a million iterations and more."""


@dataclass(frozen=True)
class Evaluation:
    """The scores after an iteration, each from 0 to 1.

    Attributes:
        miou, accuracy, kappa: of the weights.
        average_miou: of their moving average, where there is one.
        seconds: that the evaluation took, of both.
    """

    miou: float
    accuracy: float
    kappa: float
    average_miou: Optional[float]
    seconds: float


_EVALUATION = tuple(field.name for field in fields(Evaluation))


class Record:
    """Rows by iteration; written with each checkpoint, so that the file never is ahead of what training goes on from.

    Args:
        path: the file; what it holds up to iteration `last` is kept.
        columns: names of what stands beside the iteration.
        last: iterations that are done.
    """

    def __init__(self, path: Path, columns: Sequence[str], last: int):
        self._path, self._columns = path, columns
        rows = _read(path, columns)
        self._rows = {iteration: row for iteration, row in rows.items() if iteration <= last}

    def add(self, iteration: int, *values: Optional[float]) -> None:
        """Take a row, in the place of one of the same iteration; None leaves its cell empty."""
        self._rows[iteration] = values

    def write(self) -> None:
        """Write the file, whole or not at all; none where there are no rows and there was none.

        Raises:
            InputError: it cannot be written.
        """
        if not self._rows and not self._path.exists():
            return
        lines = [",".join(("iteration", *self._columns))]
        for iteration, row in sorted(self._rows.items()):
            lines.append(",".join((str(iteration), *("" if value is None else repr(value) for value in row))))
        write_text(self._path, "\n".join(lines) + "\n")


def loss_record(save_dir: Path, last: int) -> Record:
    """The record of losses in a save folder, of the iterations up to `last`."""
    return Record(save_dir / LOSSES_FILE, ("loss",), last)


def evaluation_record(save_dir: Path, last: int) -> Record:
    """The record of evaluations in a save folder, of the iterations up to `last`; a row is an `Evaluation`'s values."""
    return Record(save_dir / EVALUATIONS_FILE, _EVALUATION, last)


def read_losses(path: Path) -> Dict[int, float]:
    """The losses in a file by iteration; none where there is no such file, or it is another."""
    return {iteration: row[0] for iteration, row in _read(path, ("loss",)).items()}


def read_evaluations(path: Path) -> Dict[int, Evaluation]:
    """The evaluations in a file by iteration; none where there is no such file, or it is another."""
    return {iteration: Evaluation(*row) for iteration, row in _read(path, _EVALUATION).items()}


def _read(path: Path, columns: Sequence[str]) -> Dict[int, Sequence[Optional[float]]]:
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        if header != ["iteration", *columns]:
            return {}
        found = {int(row[0]): tuple(float(value) if value else None for value in row[1:]) for row in rows}
    except (InputError, ValueError, IndexError, csv.Error):
        return {}
    whole = all(len(row) == len(columns) for row in found.values())
    return found if whole else {}
