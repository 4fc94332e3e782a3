"""The classes of a data set: what each is called, and the colour that shows it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

from .errors import InputError, shown
from .files import read_regular

Colour = Tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

CLASSES_FILE = "classes.txt"
"""Where a training leaves them, in its folder and in that of each checkpoint."""

MOST = 65536
_MOST_BYTES = 1 << 22
_MOST_LETTERS = 200
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Classes:
    """Names and colours of class 0, 1 and so on.

    Attributes:
        names: of the classes; not empty.
        colours: red, green and blue of each.

    Raises:
        InputError: a name is empty or no text, a colour is none, or there are not as many of the one as of the other.
    """

    names: Tuple[str, ...]
    colours: Tuple[Tuple[int, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "colours", tuple(map(tuple, self.colours)))
        if not 0 < len(self.names) <= MOST:
            raise InputError(f"classes: there are {len(self.names)}, and a network has 1 to {MOST}")
        if len(self.names) != len(self.colours):
            raise InputError(f"classes: there are {len(self.names)} names and {len(self.colours)} colours")
        for index, name in enumerate(self.names):
            if not isinstance(name, str) or not name.strip() or len(name) > _MOST_LETTERS or not name.isprintable():
                raise InputError(f"classes: class {index} has no name of up to {_MOST_LETTERS} letters: {shown(name)}")
        for name, colour in zip(self.names, self.colours):
            if len(colour) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in colour):
                raise InputError(f"classes: the colour of {name} is {shown(colour)} and not three numbers, 0 to 255")

    def __len__(self) -> int:
        return len(self.names)


def default_colours(count: int) -> Tuple[Colour, ...]:
    """The colours that PaddleSeg's `predict` gives `count` classes: those of Pascal VOC without its black."""
    return tuple(_voc_colour(index + 1) for index in range(count))


def _voc_colour(index: int) -> Colour:
    """Each third bit of the number goes to one of the three, the lowest one first into the highest place."""
    parts = [0, 0, 0]
    for place in range(8):
        for part in range(3):
            parts[part] |= (index >> (3 * place + part) & 1) << (7 - place)
    return parts[0], parts[1], parts[2]


def unnamed(count: int) -> Classes:
    """Classes of which nothing is known: called by their numbers, in PaddleSeg's colours."""
    return Classes(tuple(map(str, range(count))), default_colours(count))


def parse_classes(given: Any, where: str) -> Classes:
    """The classes that a config lists.

    Args:
        given: a list; each item is a name, or a mapping with "name" and perhaps "colour" (or "color"), which is three
            numbers or text such as "#804080". A class without a colour gets that of `default_colours`.
        where: it stands, for messages.

    Raises:
        InputError: it is no such list.
    """
    if not isinstance(given, (list, tuple)):
        raise InputError(f"{where}: classes must be a list of names or the name of a text file, not {shown(given)}")
    names: List[str] = []
    colours: List[Sequence[int]] = []
    for index, (item, default) in enumerate(zip(given, default_colours(len(given)))):
        colour: Any = default
        if isinstance(item, dict):
            unknown = [key for key in item if key not in ("name", "colour", "color")]
            if unknown or "name" not in item:
                raise InputError(f"{where}: class {index} has 'name' and 'colour', not {shown(item)}")
            colour = item.get("colour", item.get("color", default))
            item = item["name"]
        # YAML reads a class called `1` as a number, and one called `no` as a truth value.
        if isinstance(item, bool) or not isinstance(item, (str, int)):
            raise InputError(f"{where}: class {index} is {shown(repr(item))} and not a name; write it in quotes")
        names.append(str(item).strip())
        colours.append(_colour(colour, f"{where}: class {index}"))
    try:
        return Classes(tuple(names), tuple(map(tuple, colours)))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def read_classes(path: Union[str, Path]) -> Classes:
    """The classes of a text file: a line each, in their order.

    A line is a name, a name and a colour as `#rrggbb` behind it, or three numbers and a name behind them, as CamVid
    has it. Empty lines and those that begin with `# ` are passed over.

    Raises:
        InputError: it cannot be read, or a line is of no such form.
    """
    try:
        lines = read_regular(path, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8; it lists one class a line") from error
    lines = [line.strip() for line in lines]
    return parse_classes([_item(line) for line in lines if line and not line.startswith("# ")], str(path))


def classes_text(classes: Classes) -> str:
    """The content of a text file that `read_classes` reads."""
    return "".join("{name} {colour}\n".format(**item) for item in classes_list(classes))


def classes_list(classes: Classes) -> List[Dict[str, str]]:
    """The classes as a list that `parse_classes` reads: "name" and "colour" of each, the colour as `#rrggbb`."""
    return [{"name": name, "colour": html_colour(colour)} for name, colour in zip(classes.names, classes.colours)]


def html_colour(colour: Sequence[int]) -> str:
    """Red, green and blue as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _item(line: str) -> Any:
    words = line.split()
    if len(words) > 1 and _HEX.fullmatch(words[-1]):
        return {"name": line[: -len(words[-1])].strip(), "colour": words[-1]}
    if len(words) > 3 and all(word.isascii() and word.isdigit() and int(word) < 256 for word in words[:3]):
        return {"name": line.split(maxsplit=3)[3], "colour": [int(word) for word in words[:3]]}
    return line


def _colour(given: Any, where: str) -> Sequence[int]:
    if isinstance(given, str) and _HEX.fullmatch(given):
        return [int(given[start:start + 2], 16) for start in (1, 3, 5)]
    if isinstance(given, (list, tuple)) and len(given) == 3 and all(type(part) is int for part in given):
        return given
    raise InputError(f"{where} has the colour {shown(given)}: write three numbers, or text such as '#804080'")
