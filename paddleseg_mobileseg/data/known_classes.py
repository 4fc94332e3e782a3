"""What the classes of a data set are called, and their colours: as the config says, or as the data set is known.

Each file of `class_lists` holds one data set, in the order of its label numbers: ADE20K's 150 (SceneParsing), the 19 of
Cityscapes, the 171 of COCO-Stuff, Pascal Context's 59 behind the background in the order of the numbers in its files,
which is that of the alphabet, and Pascal VOC's 21. The colours are those that mmsegmentation shows them in; COCO-Stuff
gives some colours twice.
"""

from pathlib import Path
from typing import Any, Optional, Tuple

from paddleseg.cvlibs import Config, manager

from ..classes import Classes, parse_classes, read_classes, unnamed
from ..errors import InputError

_LISTS = Path(__file__).with_name("class_lists")

_LIST_OF = {
    "ADE20K": "ade20k",
    "Cityscapes": "cityscapes",
    "COCOStuff10k": "coco_stuff",
    "COCOStuff164k": "coco_stuff",
    "CocoStuff": "coco_stuff",
    "PascalContext": "pascal_context",
    "PascalContext59": "pascal_context",
    "PascalVOC": "pascal_voc",
}
"""The file of each type of data set in the registry."""

_WITHOUT_BACKGROUND = ("PascalContext59",)


def known_classes(dataset: str) -> Optional[Classes]:
    """The classes of a type of data set, by its name in the registry; None where they are not known.

    A data set of another plugin says them by `CLASSES`, and perhaps `PALETTE`, on its class.
    """
    if dataset in _LIST_OF:
        classes = read_classes(_LISTS / f"{_LIST_OF[dataset]}.txt")
        first = 1 if dataset in _WITHOUT_BACKGROUND else 0
        return Classes(classes.names[first:], classes.colours[first:])
    kind = manager.DATASETS.components_dict.get(dataset)
    names, colours = getattr(kind, "CLASSES", None), getattr(kind, "PALETTE", None)
    if not names:
        return None
    items = names if not colours else [{"name": name, "colour": colour} for name, colour in zip(names, colours)]
    return parse_classes(list(items), dataset)


def classes_of(config: Config, dataset: Any = None, num_classes: Optional[int] = None) -> Classes:
    """The classes of a config: those of its section `classes`, else those of its data set, else numbers.

    Args:
        config: one that `load_config` read.
        dataset: one that was built from it, where there is one.
        num_classes: how many the network tells apart, where neither of the two says it.

    Raises:
        InputError: the config lists another number of classes, or nothing says how many there are.
    """
    classes, count = _named(config, dataset, num_classes)
    if classes is None and count is None:
        raise InputError("nothing says how many classes there are; give the network a num_classes")
    return classes or unnamed(count)


def named_classes(config: Config, dataset: Any = None) -> Optional[Classes]:
    """What `classes_of` gives, and None where that would be numbers.

    Raises:
        InputError: the config lists another number of classes than there are.
    """
    return _named(config, dataset)[0]


def _named(
    config: Config, dataset: Any = None, num_classes: Optional[int] = None
) -> Tuple[Optional[Classes], Optional[int]]:
    """The classes if anything names them, and how many there are if anything says it."""
    sections = [config.dic.get(name) or {} for name in ("model", "val_dataset", "train_dataset")]
    types = [section["type"] for section in sections[1:] if "type" in section]
    known = next(filter(None, map(known_classes, types)), None)
    counts = [getattr(dataset, "num_classes", None), num_classes, *(each.get("num_classes") for each in sections)]
    count = next((each for each in counts if each is not None), len(known) if known else None)
    given = config.dic.get("classes")
    if given is None:
        # A network of another number of classes was not made for the whole data set.
        return known if known is not None and len(known) == count else None, count
    classes = parse_classes(given, "classes")
    if count is not None and count != len(classes):
        raise InputError(f"the config's section classes lists {len(classes)}, and there are {count}")
    return classes, count
