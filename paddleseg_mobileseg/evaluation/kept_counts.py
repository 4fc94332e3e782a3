"""Counts of scored images in a file, so that a long evaluation goes on where it was interrupted."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, List, Sequence, Set

import numpy as np

from ..errors import InputError, shown
from ..files import cannot_write, read_regular
from ..schema import check_schema, from_dict
from .scores import ImageCounts

SCHEMA = 1
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Subject:
    """What the counts of a file are of; those of anything else are of no use.

    Attributes:
        model: checksum of the model's file.
        data: of the data set.
        phone: what ran it.
        num_classes: of the data set.
    """

    model: str
    data: str
    phone: str
    num_classes: int
    schema: int = SCHEMA


@dataclass(frozen=True)
class _Row:
    """One image, without what is 0: `confusion` as [true class, class, pixels], `true_pixels` as [class, pixels]."""

    index: int
    image: str
    confusion: List[List[int]]
    true_pixels: List[List[int]]


class KeptCounts:
    """A file of JSON lines: the subject, and then a line for each image.

    A line that was cut off, as a killed process leaves it, is taken away.

    Args:
        path: the file; it is made if there is none.
        subject: that it must be of.
        images: how many there are.
        on_counts: called with the counts of each image, those of the file first and then those that `add` gets.

    Attributes:
        found: the numbers of the images.

    Raises:
        InputError: it is damaged or of something else, or cannot be written.
    """

    def __init__(self, path: Path, subject: Subject, images: int, on_counts: Callable[[ImageCounts], Any]):
        self.path, self._subject, self._images, self._on_counts = path, subject, images, on_counts
        self.found: Set[int] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._read()
            if not self.found:
                path.write_text(json.dumps(asdict(subject)) + "\n", encoding="utf-8")
        except OSError as error:
            raise cannot_write(path, error) from error

    def _read(self) -> None:
        data = read_regular(self.path, _MOST_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.decode("utf-8", "replace").splitlines()
        if not lines:
            return
        again = "remove it to score all images again"
        try:
            content = json.loads(lines[0])
            check_schema(content, SCHEMA, str(self.path), again)
            if from_dict(Subject, content) != self._subject:
                raise InputError("it is of another model, data set or phone")
            for line in lines[1:]:
                self._take(self._counts(json.loads(line)))
        except (InputError, ValueError, RecursionError) as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path} is damaged: {shown(error)}; {again}") from error
        if len(whole) != len(data):
            os.truncate(self.path, len(whole))

    def _counts(self, content: Any) -> ImageCounts:
        row, count = from_dict(_Row, content), self._subject.num_classes
        if not 0 <= row.index < self._images:
            raise InputError(f"there is no image {row.index}")
        confusion, true_pixels = np.zeros((count, count), np.int64), np.zeros(count, np.int64)
        for cells, into in ((row.confusion, confusion), (row.true_pixels, true_pixels)):
            for *place, pixels in cells:
                if len(place) != into.ndim or not all(0 <= each < count for each in place) or not 0 < pixels < 2**40:
                    raise InputError(f"image {row.index} has counts that cannot be")
                into[tuple(place)] = pixels
        return ImageCounts(row.index, row.image, confusion, true_pixels)

    def add(self, rows: Sequence[ImageCounts]) -> None:
        """Write the counts of some images, and wait until they are on the disk.

        Raises:
            InputError: they cannot be written.
        """
        lines = [json.dumps(asdict(_row(counts))) + "\n" for counts in rows]
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        for counts in rows:
            self._take(counts)

    def _take(self, counts: ImageCounts) -> None:
        if counts.index not in self.found:
            self.found.add(counts.index)
            self._on_counts(counts)


def _row(counts: ImageCounts) -> _Row:
    def cells(array: np.ndarray) -> List[List[int]]:
        return [[*map(int, place), int(array[tuple(place)])] for place in np.argwhere(array)]

    return _Row(counts.index, counts.image, cells(counts.confusion), cells(counts.true_pixels))
