"""Lists of samples: a picture and its label a line, or names that say which part of the data set a picture is of."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from ..errors import InputError, shown
from .files import PARTS, PICTURES, Folder, is_there, part_of, read_lines
from .layout import Sample

_PLACES = ("", "ImageSets/Segmentation", "ImageSets", "splits", "lists")


def read_pairs(path: Path, root: Path, part: str) -> Optional[List[Sample]]:
    """The samples of a list of pictures and labels; None where its lines are no such pairs.

    A path is looked for as it stands, below the data set, and there without its first folders: the lists that data
    sets are published with hold the paths of their authors' machines.

    Raises:
        InputError: a file that it names is not there.
    """
    lines = [line for line in read_lines(path) if not line.startswith("#")]
    pairs = [_columns(line) for line in lines]
    if not pairs or any(pair is None for pair in pairs):
        return None
    finder = _Finder(root, path)
    return [Sample(finder.find(image), finder.find(label), part) for image, label in pairs]


def _columns(line: str) -> Optional[Tuple[str, str]]:
    for separator in ("\t", ",", ";", " "):
        cells = [cell.strip() for cell in line.strip(";, \t").split(separator)]
        if len(cells) == 2 and all(Path(cell).suffix.lower() in PICTURES for cell in cells):
            return cells[0], cells[1]
    return None


class _Finder:
    """Finds the files of a list; how many folders were to be left out is tried first for the next."""

    def __init__(self, root: Path, path: Path):
        self.bases = list(dict.fromkeys((root, path.parent, root.parent)))
        self.path = path
        self.last: Tuple[Path, int] = (root, 0)

    def find(self, name: str) -> Path:
        parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
        ways = [self.last, *((base, drop) for drop in range(len(parts)) for base in self.bases)]
        if Path(name).is_absolute() and is_there(Path(name)):
            return Path(name)
        for base, drop in ways:
            if drop < len(parts) and is_there(base.joinpath(*parts[drop:])):
                self.last = (base, drop)
                return base.joinpath(*parts[drop:])
        raise InputError(f"{self.path} lists {shown(name, 500)}, which is not in {self.bases[0]}; correct the list")


def found_pairs(folder: Folder) -> Tuple[List[Sample], List[str]]:
    """The samples of the lists at the top of a folder, and the lists' names; none where there are no such lists.

    Raises:
        InputError: a file that a list names is not there, or two lists are of one part.
    """
    samples: Dict[str, List[Sample]] = {}
    names: Dict[str, str] = {}
    for path in folder.texts:
        part = part_of(Path(path.stem))
        if path.parent != folder.root or not part:
            continue
        found = read_pairs(path, folder.root, part)
        if found is None:
            continue
        if part in samples:
            raise InputError(
                f"{folder.root} has two lists for {part}, {names[part]} and {path.name}; give --data one of them"
            )
        samples[part], names[part] = found, path.name
    parts = [part for part in PARTS if part in samples]
    return [sample for part in parts for sample in samples[part]], [names[part] for part in parts]


def parts_by_name(folder: Folder, samples: Sequence[Sample]) -> Tuple[List[Sample], List[str]]:
    """The samples with the part that lists of names give them, as Pascal VOC's ImageSets do; all of them without lists.

    What no list names is left out.
    """
    stems = {sample.image.stem for sample in samples}
    names = {sample.image.name for sample in samples}
    texts = set(folder.texts)
    for place in _PLACES:
        part_of_name: Dict[str, str] = {}
        used = []
        for part in PARTS:
            path = folder.root / place / f"{part}.txt"
            listed = [Path(line.split()[0]).name for line in read_lines(path)] if path in texts else []
            known = [name for name in listed if name in names or name in stems or Path(name).stem in stems]
            if listed and 2 * len(known) >= len(listed):
                part_of_name.update((name, part) for name in known)
                part_of_name.update((Path(name).stem, part) for name in known if name not in stems)
                used.append(str(folder.below(path)))
        if used:
            found = [
                replace(sample, part=part_of_name.get(sample.image.name) or part_of_name[sample.image.stem])
                for sample in samples
                if sample.image.name in part_of_name or sample.image.stem in part_of_name
            ]
            return found, used
    return list(samples), []
