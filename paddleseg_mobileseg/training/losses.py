"""The loss of every iteration in full precision, which the log rounds to four digits."""

import csv
from pathlib import Path
from typing import Dict

from ..files import write_text

LOSSES_FILE = "losses.csv"


class LossRecord:
    """Losses by iteration; written with each checkpoint, so that the file never is ahead of what training goes on from.

    Args:
        path: the file; what it holds up to iteration `last` is kept.
        last: iterations that are done.
    """

    def __init__(self, path: Path, last: int):
        self._path = path
        self._rows = {iteration: loss for iteration, loss in read_losses(path).items() if iteration <= last}

    def add(self, iteration: int, loss: float) -> None:
        self._rows[iteration] = loss

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        rows = "".join(f"{iteration},{loss!r}\n" for iteration, loss in sorted(self._rows.items()))
        write_text(self._path, f"iteration,loss\n{rows}")


def read_losses(path: Path) -> Dict[int, float]:
    """The losses in a file by iteration; none where there is no such file, or it is another."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        return {int(iteration): float(loss) for iteration, loss in rows[1:]}
    except (OSError, ValueError, csv.Error):
        return {}

