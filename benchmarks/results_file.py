"""Results as JSON lines, one a measurement: an interrupted run keeps what it has and goes on where it stopped."""

import json
from pathlib import Path
from typing import Any, Dict, List, Union

from paddleseg_mobileseg.errors import InputError


def read_results(path: Union[str, Path]) -> List[Dict[str, Any]]:
    """The results that a file holds; none where there is no file. A last line that was cut off is left out.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; give a file of JSON lines") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    try:
        rows = [json.loads(line) for line in lines]
    except ValueError as error:
        raise InputError(f"{path} holds something else than JSON lines ({error}); choose another file") from error
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} holds something else than JSON objects; choose another file")
    return rows


class ResultsFile:
    """Appends results to what a file already holds.

    Args:
        path: the file; made with its folder where it is missing.

    Attributes:
        rows: everything that it holds.

    Raises:
        InputError: the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Union[str, Path]):
        self.path = Path(path)
        self.rows = read_results(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Written anew: what is appended must not follow the rest of a line that was cut off.
            self.path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror}; choose another file") from error

    def append(self, row: Dict[str, Any]) -> None:
        """Add one result; it is in the file when this returns.

        Raises:
            InputError: it cannot be written.
        """
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror}; free some space") from error
        self.rows.append(row)
