"""Lists of classes as users and data sets keep them: names, colours, and which of them are not to be learnt."""

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple

from ..classes import Classes, Colour, default_colours, read_classes
from ..errors import InputError, shown
from ..files import read_regular
from .files import Folder

_VOID_NAMES = ("void", "ignore", "ignored", "unlabelled", "unlabeled")
_FILES = (
    "class_dict.csv", "label_colors.txt", "label_colours.txt", "labelmap.txt", "classes.txt", "class_names.txt",
    "labels.txt", "codes.txt",
)  # fmt: skip
_CVAT = re.compile(r"(.+):(\d{1,3}),(\d{1,3}),(\d{1,3}):.*")
_MOST_BYTES = 1 << 22


@dataclass(frozen=True)
class Entry:
    """One class of a list; without a colour where the list has none."""

    name: str
    colour: Optional[Colour] = None


def plain(name: str) -> str:
    """A name as it is compared: `__ignore__` and `Ignore` are the same."""
    return name.strip().strip("_").lower()


def is_void(entry: Entry, void: Sequence[str]) -> bool:
    """Whether a class is not to be learnt: by its name, or since `--void` says so."""
    named = plain(entry.name)
    return named in _VOID_NAMES or named in map(plain, void) or entry.colour in void_colours(void)


def void_numbers(void: Iterable[str]) -> List[int]:
    """The numbers among what `--void` names."""
    return [int(each) for each in void if each.isascii() and each.isdigit()]


def void_colours(void: Iterable[str]) -> List[Colour]:
    """The colours among what `--void` names."""
    found = [each for each in void if re.fullmatch("#[0-9a-fA-F]{6}", each)]
    return [(int(each[1:3], 16), int(each[3:5], 16), int(each[5:7], 16)) for each in found]


def wished_entries(given: Optional[Sequence[str]]) -> Optional[Tuple[Entry, ...]]:
    """What `--classes` says: names, or the file that lists them.

    Raises:
        InputError: the file cannot be read, or a name is there twice.
    """
    if not given:
        return None
    # A name with a suffix or a folder in it was meant to be a file, and is read so that its absence is said.
    is_file = len(given) == 1 and (os.path.isfile(given[0]) or re.search(r"[/\\]|\.(txt|csv)$", given[0]))
    entries = read_entries(Path(given[0])) if is_file else tuple(Entry(name) for name in given)
    return _unique(entries, "--classes")


def read_entries(path: Path) -> Tuple[Entry, ...]:
    """The classes of a list: a text as of `read_classes`, `class_dict.csv` (name,r,g,b), or CVAT's `labelmap.txt`.

    Raises:
        InputError: it cannot be read, or is no such list.
    """
    text = read_regular(path, _MOST_BYTES).decode("utf-8-sig", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if path.suffix.lower() == ".csv":
        return _unique(_csv_entries(lines, path), path)
    matches = [_CVAT.fullmatch(line) for line in lines if not line.startswith("#")]
    if matches and all(matches):
        return _unique([_entry(match[1], match.groups()[1:], path) for match in matches], path)
    classes = read_classes(path)
    if classes.colours == default_colours(len(classes)):
        return _unique([Entry(name) for name in classes.names], path)
    return _unique([Entry(name, colour) for name, colour in zip(classes.names, classes.colours)], path)


def _csv_entries(lines: List[str], path: Path) -> List[Entry]:
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    if rows and not any(cell.isdigit() for cell in rows[0][1:]):
        rows = rows[1:]
    wrong = next((row for row in rows if len(row) < 4), None)
    if wrong is not None or not rows:
        raise InputError(f"{path} lists classes as name,r,g,b, one a line; {shown(wrong)} is no such line")
    return [_entry(row[0], row[1:4], path) for row in rows]


def _entry(name: str, parts: Sequence[str], path: Path) -> Entry:
    if not all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts):
        raise InputError(f"{path}: the colour of {shown(name)} is {shown(parts)} and not three numbers, 0 to 255")
    return Entry(name, (int(parts[0]), int(parts[1]), int(parts[2])))


def _unique(entries: Sequence[Entry], where: object) -> Tuple[Entry, ...]:
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{where} lists the class {shown(twice)} twice; give each a name of its own")
    return tuple(entries)


def found_entries(folder: Folder) -> Tuple[Optional[Path], Optional[Tuple[Entry, ...]]]:
    """The list of classes that lies at the top of a data set, and what it says.

    Raises:
        InputError: there is one, and it cannot be read.
    """
    at_top = {path.name.lower(): path for path in folder.texts if path.parent == folder.root}
    path = next((at_top[name] for name in _FILES if name in at_top), None)
    return path, None if path is None else read_entries(path)


def classes_of(entries: Sequence[Entry]) -> Classes:
    """Classes of the entries; those without a colour get the default one of their place.

    Raises:
        InputError: a name is empty or too long, or there is none.
    """
    defaults = default_colours(len(entries))
    colours = tuple(entry.colour or default for entry, default in zip(entries, defaults))
    return Classes(tuple(entry.name for entry in entries), colours)
