"""Labels that are pictures: class numbers, palettes, black and white, grey levels or colours."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np

from ..classes import Colour
from ..errors import InputError, shown
from ..files import write_text
from .entries import Entry, classes_of, is_void, void_colours, void_numbers
from .layout import IGNORED, MOST_CLASSES, Labels, Plan, Sample, Wish
from .stored_labels import GREY, Look, look_at, read_stored

_NUMBERS = 1 << 16
_LISTED = 12


@dataclass
class _Survey:
    """What all the labels hold together."""

    pixels: Counter = field(default_factory=Counter)
    first: Dict[int, Path] = field(default_factory=dict)
    indexed: bool = True
    palette: Optional[np.ndarray] = None

    def share(self, value: int) -> float:
        return self.pixels[value] / sum(self.pixels.values())


@dataclass
class LabelImages(Labels):
    """Labels that are pictures.

    Attributes:
        entries: the classes that the layout itself tells, in the order of their numbers.
        void: what the layout itself does not count as a class, as `--void` would say it.
        class_of: the class of each number in the files where the layout fixes it, uint8 [65536].
        origin: where the entries come from, for a note.
    """

    entries: Optional[Tuple[Entry, ...]] = None
    void: Tuple[str, ...] = ()
    class_of: Optional[np.ndarray] = None
    origin: str = ""

    def look(self, sample: Sample) -> Tuple[Tuple[int, int], Look]:
        return look_at(sample.label)

    def plan(self, samples: Sequence[Sample], looks: Sequence[Any], wish: Wish) -> Plan:
        coloured = _are_coloured(looks)
        survey = _survey(samples, looks, coloured)
        notes = []
        if wish.entries is None and self.entries is not None and self.origin:
            notes.append(f"classes as of {self.origin}")
        wish = Wish(wish.entries or self.entries, wish.void or self.void, wish.template)
        if self.class_of is not None and not coloured:
            return _by_table(self.class_of, wish.entries or (), survey, notes)
        if coloured:
            return _by_colour(survey, wish, notes)
        if _are_grey_levels(survey, wish):
            return _by_colour(_as_colours(survey), wish, [*notes, "the labels are grey levels"])
        if _palette_disagrees(survey, wish):
            note = "the numbers in the labels are in another order than the classes: their palette's colours decide"
            return _by_colour(_as_colours(survey), wish, [*notes, note])
        return _by_number(survey, wish, notes)


def _are_coloured(looks: Sequence[Look]) -> bool:
    """Whether a label has colours; RGB files that hold nothing but grey hold numbers."""
    return any(code % GREY for look in looks if look.coloured for code in look.pixels)


def _survey(samples: Sequence[Sample], looks: Sequence[Look], coloured: bool) -> _Survey:
    survey = _Survey()
    for sample, look in zip(samples, looks):
        for value, count in look.pixels.items():
            if coloured and not look.coloured:
                value = value * GREY if look.palette is None else int(look.palette[value])
            elif look.coloured and not coloured:
                value //= GREY
            survey.pixels[value] += count
            survey.first.setdefault(value, sample.label)
        survey.indexed &= look.indexed
        survey.palette = look.palette if survey.palette is None else survey.palette
    return survey


def _as_colours(survey: _Survey) -> _Survey:
    """A survey of numbers as one of the colours that they are shown in."""
    found = _Survey(indexed=False)
    for value, count in survey.pixels.items():
        code = value * GREY if survey.palette is None else int(survey.palette[value])
        found.pixels[code] += count
        found.first[code] = survey.first[value]
    return found


def _are_grey_levels(survey: _Survey, wish: Wish) -> bool:
    """Whether numbers are shades to look at, such as 0, 85 and 170, rather than classes."""
    if survey.palette is not None:
        return False
    found = [value for value in survey.pixels if value != IGNORED]
    if wish.entries and all(entry.colour is not None for entry in wish.entries):
        greys = {entry.colour[0] for entry in wish.entries if len(set(entry.colour)) == 1}
        return len(greys) == len(wish.entries) and set(survey.pixels) <= greys | {IGNORED}
    numbers = set(void_numbers(wish.void))
    rest = [value for value in found if value not in numbers]
    many = len(wish.entries or ()) > max(rest, default=0)
    return not many and bool(rest) and 64 <= max(rest) <= 255 and len(rest) <= 16 and len(rest) < max(rest) / 4


def _palette_disagrees(survey: _Survey, wish: Wish) -> bool:
    """Whether the palette shows each number in the colour of another class than the one of that number."""
    if survey.palette is None or not wish.entries or any(entry.colour is None for entry in wish.entries):
        return False
    colours = [_code(entry.colour) for entry in wish.entries]
    shown_as = {value: int(survey.palette[value]) for value in survey.pixels if value != IGNORED}
    if len(set(colours)) < len(colours) or not set(shown_as.values()) <= set(colours):
        return False
    return any(value >= len(colours) or colours[value] != code for value, code in shown_as.items())


def _by_table(class_of: np.ndarray, entries: Sequence[Entry], survey: _Survey, notes: List[str]) -> Plan:
    """The numbers' classes are those of the layout."""
    classes = classes_of(entries)
    in_place = survey.indexed and all(class_of[value] == value for value in survey.pixels)
    return Plan(classes, lambda sample: class_of[_numbers(sample.label)], in_place, notes)


def _by_number(survey: _Survey, wish: Wish, notes: List[str]) -> Plan:
    found = sorted(survey.pixels)
    void = set(void_numbers(wish.void))
    if set(found) == {0, IGNORED} and IGNORED not in void and not void:
        values, entries = [0, IGNORED], _two_classes(wish.entries)
        notes.append("the labels hold 0 and 255 only: white is class 1")
    else:
        values, entries, found_void = _numbered(survey, wish, void | {IGNORED})
        void |= found_void
    _check_number(values, survey)
    outside = [value for value in found if value not in values and value not in void | {IGNORED}]
    if outside:
        listing = ", ".join(map(str, outside[:_LISTED])) + (", ..." if len(outside) > _LISTED else "")
        raise InputError(
            f"the labels hold {listing} (first in {survey.first[outside[0]]}), and the {len(values)} classes stand for "
            f"{values[0]} to {values[-1]}; name every class with --classes, or say --void {outside[0]}"
        )
    table = np.full(_NUMBERS, IGNORED, np.uint8)
    table[values] = np.arange(len(values))
    hidden = sorted(value for value in void if value in survey.pixels and value != IGNORED)
    if hidden:
        notes.append(f"{', '.join(map(str, hidden))} in the labels is not learnt: it becomes {IGNORED}")
    if any(value != place for place, value in enumerate(values)) and values != [0, IGNORED]:
        notes.append(f"the numbers above {min(hidden, default=0)} move down")
    unseen = [place for place, value in enumerate(values) if value not in survey.pixels]
    if 0 < len(unseen) < 50:
        notes.append(f"no label shows {_named(entries, unseen)}")
    in_place = survey.indexed and all(table[value] == value for value in found)
    return Plan(classes_of(entries), lambda sample: table[_numbers(sample.label)], in_place, notes)


def _two_classes(entries: Optional[Sequence[Entry]]) -> Sequence[Entry]:
    """The classes of black and of white; a single name is that of white."""
    if entries is None:
        return Entry("background"), Entry("foreground")
    return (Entry("background"), *entries) if len(entries) == 1 else entries


def _numbered(survey: _Survey, wish: Wish, void: Set[int]) -> Tuple[List[int], Sequence[Entry], Set[int]]:
    """The number of each class in the files, the classes, and numbers whose class is not to be learnt."""
    found = sorted(survey.pixels)
    if wish.entries is None:
        top = max((value for value in found if value not in void), default=-1)
        if top >= MOST_CLASSES + len(void):
            raise InputError(
                f"the labels hold numbers up to {top}; write at most {MOST_CLASSES} classes into a data set, or name "
                "the numbers that are not to be learnt with --void"
            )
        values = [value for value in range(top + 1) if value not in void]
        return values, _unnamed(values, survey.palette), set()
    values, kept, hidden = [], [], set()
    number = 0
    entries = wish.entries if set(found) - void - {0, 1} else _two_classes(wish.entries)
    for entry in entries:
        # A void number is passed over, unless the list has an entry for it that is void too.
        while number in void and not is_void(entry, wish.void):
            number += 1
        if is_void(entry, wish.void):
            hidden.add(number)
        else:
            values.append(number)
            kept.append(entry)
        number += 1
    return values, kept, hidden


def _unnamed(values: Sequence[int], palette: Optional[np.ndarray]) -> Sequence[Entry]:
    """Classes called by their numbers, in the colours that the files show them in."""
    codes = [] if palette is None or max(values, default=0) > 255 else palette[values].tolist()
    if len(set(codes)) < len(values):
        return [Entry(str(place)) for place in range(len(values))]
    return [Entry(str(place), (code >> 16, code >> 8 & 255, code & 255)) for place, code in enumerate(codes)]


def _check_number(values: Sequence[int], survey: _Survey) -> None:
    if len(values) < 2:
        raise InputError(
            f"the labels hold {', '.join(map(str, sorted(survey.pixels)[:_LISTED]))}, which leaves "
            f"{len(values)} class{'' if len(values) == 1 else 'es'} to tell apart; a network needs two or more"
        )
    if len(values) > MOST_CLASSES:
        raise InputError(f"there are {len(values)} classes; an index PNG of eight bits has numbers for {MOST_CLASSES}")


def _named(entries: Sequence[Entry], places: Sequence[int]) -> str:
    names = ", ".join(entries[place].name for place in places[:_LISTED])
    return f"class {names}{' and others' if len(places) > _LISTED else ''}"


def _numbers(path: Path) -> np.ndarray:
    stored = read_stored(path)
    return stored.values // GREY if stored.coloured else stored.values


def _code(colour: Colour) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _by_colour(survey: _Survey, wish: Wish, notes: List[str]) -> Plan:
    coloured = [entry for entry in wish.entries or () if entry.colour is not None]
    if len(coloured) < len(wish.entries or ()) or not coloured:
        raise InputError(_list_colours(survey, wish))
    places: Dict[int, int] = {_code(colour): IGNORED for colour in void_colours(wish.void)}
    kept = [entry for entry in coloured if not is_void(entry, wish.void)]
    places.update({_code(entry.colour): IGNORED for entry in coloured if is_void(entry, wish.void)})
    for place, entry in enumerate(kept):
        if _code(entry.colour) in places:
            raise InputError(f"the colour of {entry.name} belongs to another class too; give each a colour of its own")
        places[_code(entry.colour)] = place
    unknown = [code for code, _ in survey.pixels.most_common() if code not in places]
    if unknown:
        raise InputError(
            f"the labels hold colours that the classes have not: {_shares(survey, unknown[:_LISTED])} of the pixels "
            f"(first in {survey.first[unknown[0]]}); add them to the classes, or say --void '{_hex(unknown[0])}'"
        )
    _check_number(range(len(kept)), survey)
    hidden = [entry.name for entry in coloured if is_void(entry, wish.void)]
    if hidden:
        notes.append(f"{', '.join(hidden)} is not learnt: it becomes {IGNORED}")
    unseen = [place for place, entry in enumerate(kept) if _code(entry.colour) not in survey.pixels]
    if unseen:
        notes.append(f"no label shows {_named(kept, unseen)}")
    codes = np.array(sorted(places), np.uint32)
    numbers = np.array([places[code] for code in codes.tolist()], np.uint8)
    return Plan(classes_of(kept), lambda sample: _map_codes(sample.label, codes, numbers), False, notes)


def _map_codes(path: Path, codes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    stored = read_stored(path).codes()
    found = np.minimum(np.searchsorted(codes, stored), len(codes) - 1)
    return np.where(codes[found] == stored, numbers[found], IGNORED).astype(np.uint8)


def _list_colours(survey: _Survey, wish: Wish) -> str:
    """Write the colours of the labels for the user to name, and say so."""
    ranked = survey.pixels.most_common(MOST_CLASSES + 1)
    if len(ranked) > MOST_CLASSES:
        return (
            f"the labels hold {len(survey.pixels)} colours ({_shares(survey, [code for code, _ in ranked[:5]])}, ...), "
            f"more than the {MOST_CLASSES} classes there can be; were they smoothed, or saved as JPEG once?"
        )
    found = f"the labels hold {len(ranked)} colours: {_shares(survey, [code for code, _ in ranked[:_LISTED]])}"
    found += ", ..." if len(ranked) > _LISTED else ""
    if wish.template.exists():
        return f"{found}; --classes {wish.template} must give each of them a name, as `NAME #rrggbb`"
    lines = [
        "# The colours of the labels, the most frequent first. Give each the name of its class, put the lines in the",
        "# order that the classes shall have, and call what is not to be learnt void.",
    ]
    for place, (code, _) in enumerate(ranked):
        lines += [f"# {100 * survey.share(code):.2f} % of the pixels, first in {shown(survey.first[code], 500)}",
                  f"class_{place} {_hex(code)}"]  # fmt: skip
    write_text(wish.template, "\n".join(lines) + "\n")
    return f"{found}; name them in {wish.template}, which was written, and say --classes {wish.template}"


def _shares(survey: _Survey, codes: Sequence[int]) -> str:
    return ", ".join(f"{_hex(code)} {100 * survey.share(code):.2f} %" for code in codes)


def _hex(code: int) -> str:
    return f"#{code:06x}"
