"""Labels that are drawn from outlines or regions with names: which name is which class."""

from typing import Dict, List, Optional, Sequence, Tuple

from ..classes import Classes
from ..errors import InputError, near, shown
from .entries import Entry, classes_of, is_void, plain
from .layout import IGNORED, MOST_CLASSES, Wish

BACKGROUND = "background"


def number_names(
    names: Sequence[Entry], wish: Wish, background: bool, where: str
) -> Tuple[Classes, Dict[str, int], int, List[str]]:
    """The class of each name.

    Args:
        names: those that the data use, in their order.
        wish: `--classes` takes the place of that order, and `--void` and names such as `__ignore__` are not learnt.
        background: whether what nothing covers is a class of its own, the first; without it, it is not known.
        where: what the names come from, for messages.

    Returns:
        The classes; the number of each name, `IGNORED` for void; the number of what nothing covers; notes.

    Raises:
        InputError: a name is not among `--classes`, or fewer than two classes or too many are left.
    """
    entries = list(wish.entries or names)
    by_plain = {plain(entry.name): entry for entry in entries}
    unknown = [entry.name for entry in names if plain(entry.name) not in by_plain and not is_void(entry, wish.void)]
    if unknown:
        raise InputError(
            f"{where} holds the class {shown(unknown[0])}{near(unknown[0], [entry.name for entry in entries])}, which "
            f"is not among the classes; add it to --classes, or say --void {shown(unknown[0])}"
        )
    kept = [entry for entry in entries if not is_void(entry, wish.void)]
    ground = next((entry for entry in kept if plain(entry.name) == BACKGROUND), None)
    if background and ground is None and not is_void(Entry(BACKGROUND), wish.void):
        ground = Entry(BACKGROUND)
        kept.insert(0, ground)
    if not 2 <= len(kept) <= MOST_CLASSES:
        raise InputError(f"{where} has {len(kept)} classes; a network needs 2, and an index PNG holds {MOST_CLASSES}")
    place = {plain(entry.name): index for index, entry in enumerate(kept)}
    numbers = {entry.name: place.get(plain(entry.name), IGNORED) for entry in [*names, *entries]}
    empty = place[plain(ground.name)] if background and ground is not None else IGNORED
    notes = [f"what nothing covers is {'not learnt' if empty == IGNORED else 'class ' + ground.name}"]
    hidden = sorted({entry.name for entry in [*names, *entries] if is_void(entry, wish.void)})
    if hidden:
        notes.append(f"{', '.join(hidden)} is not learnt: it becomes {IGNORED}")
    return classes_of(kept), numbers, empty, notes


def same_names(first: Optional[Sequence[Entry]], second: Sequence[Entry], where: str) -> Sequence[Entry]:
    """`second`, which must list the names that `first` does where there is one.

    Raises:
        InputError: they differ.
    """
    if first is not None and [each.name for each in first] != [each.name for each in second]:
        raise InputError(f"{where} has other categories than the files before it; a data set has the same in all")
    return second
