"""What lies in a folder that a user names: pictures, texts and JSON files, and the words in their names."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional, Set, Tuple

from ..errors import InputError, shown
from ..files import read_regular

RECORD = "init.json"
"""The file that marks a folder as a project of `mobileseg init`."""

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_TEXTS = (".txt", ".lst", ".list", ".csv")
_MOST_FILES = 2_000_000
_MOST_JSON = 1 << 30
_PARTS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tst"),
}
PARTS = tuple(_PARTS)
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass
class Folder:
    """The files below a folder, each kind sorted by name.

    Attributes:
        root: the folder, absolute.
        pictures, texts, jsons: absolute paths by suffix.
    """

    root: Path
    pictures: List[Path] = field(default_factory=list)
    texts: List[Path] = field(default_factory=list)
    jsons: List[Path] = field(default_factory=list)

    def below(self, path: Path) -> Path:
        """A path relative to the folder; its mere name where it lies outside of it."""
        try:
            return path.relative_to(self.root)
        except ValueError:
            return Path(path.name)


def look_into(path: Path) -> Folder:
    """Every file below a folder, hidden ones and projects of `mobileseg init` left out.

    Raises:
        InputError: there is no such folder, or it holds more than two million files.
    """
    root = Path(os.path.abspath(path))
    if not root.is_dir():
        raise InputError(f"there is no folder {path}; give the one that holds the pictures and labels as --data")
    folder = Folder(root)
    visited: Set[str] = set()
    count = 0
    # Data sets are often links to other disks; a link to a folder above would never end.
    for place, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in visited or (RECORD in names and "config.yml" in names):
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        count += len(names)
        if count > _MOST_FILES:
            raise InputError(f"{path} holds more than {_MOST_FILES} files; give the folder of one data set as --data")
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            kind = folder.pictures if suffix in PICTURES else folder.texts if suffix in _TEXTS else folder.jsons
            if not name.startswith(".") and (kind is not folder.jsons or suffix == ".json"):
                kind.append(Path(place, name))
    return folder


def words(name: str) -> List[str]:
    """The words of a file's or folder's name in small letters: "JPEGImages" -> jpeg, images."""
    return [word.lower() for word in _WORD.findall(name)]


def part_of_word(word: str) -> Optional[str]:
    """"train", "val" or "test" where a word means it."""
    return _PART_OF.get(word)


def part_of(path: Path) -> str:
    """The part of the data set that a path's folders and name speak of; "" where it is none or several."""
    parts = {_PART_OF[word] for piece in path.parts for word in words(piece) if word in _PART_OF}
    return parts.pop() if len(parts) == 1 else ""


def is_there(path: Path) -> bool:
    """Whether a path out of somebody's list names a file; one that no file system takes names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        InputError: it cannot be read, is no JSON, or has more than a gigabyte.
    """
    data = read_regular(path, _MOST_JSON)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {shown(error, 200)}") from error


def read_lines(path: Path) -> Tuple[str, ...]:
    """The lines of a list, without those that are empty; names may be made of any bytes.

    Raises:
        InputError: it cannot be read or has more than 256 megabytes.
    """
    text = os.fsdecode(read_regular(path, 1 << 28))
    return tuple(line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip())
