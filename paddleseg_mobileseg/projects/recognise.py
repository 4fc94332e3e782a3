"""Which layout a folder has."""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple, Union

from ..errors import InputError
from .coco import coco
from .entries import found_entries
from .files import PARTS, Folder, look_into
from .label_images import LabelImages
from .labelme import labelme
from .layout import Layout, Sample, counted
from .lists import found_pairs, parts_by_name, read_pairs
from .pairing import pair_files
from .published import cityscapes, published_labels

LAYOUTS = (
    "pictures and labels in folders (images and labels, img and ann, train and trainannot, JPEGImages and "
    "SegmentationClass) or beside each other (X.jpg with X.png, X_mask.png or X_L.png), lists with a picture and its "
    "label a line, Cityscapes, ADE20K, CamVid, Pascal VOC, Labelme's JSON, COCO's JSON"
)


def recognise(path: Path) -> Layout:
    """The layout of a folder, or of a list file, with its samples.

    Raises:
        InputError: no layout fits, or a file of the one that fits cannot be used.
        ToolError: the layout needs a package that is not installed.
    """
    if path.is_file():
        return _listed(path)
    folder = look_into(path)
    recognisers: Sequence[Callable[[Folder], Optional[Layout]]] = (_lists, cityscapes, labelme, coco, _pairs)
    for recogniser in recognisers:
        layout = recogniser(folder)
        if layout is not None:
            return layout
    raise InputError(
        f"{path} holds {counted(len(folder.pictures), 'picture')} and no labels that belong to them by their names; "
        f"known layouts are: {LAYOUTS}"
    )


def _listed(path: Path) -> Layout:
    root = Path(os.path.abspath(path)).parent
    samples = read_pairs(Path(os.path.abspath(path)), root, "")
    if samples is None:
        raise InputError(f"{path} is no list with a picture and its label a line; give that, or a folder, as --data")
    folder = Folder(root, texts=[each for each in sorted(root.iterdir()) if each.is_file()])
    return _of_pictures("the list " + path.name, folder, samples, [])


def _lists(folder: Folder) -> Optional[Layout]:
    samples, names = found_pairs(folder)
    return _of_pictures(f"lists ({', '.join(names)})", folder, samples, []) if samples else None


def _pairs(folder: Folder) -> Optional[Layout]:
    samples, notes = pair_files(folder)
    if not samples:
        return None
    title = "pictures and labels"
    if not any(sample.part for sample in samples):
        samples, lists = parts_by_name(folder, samples)
        title += f", parts as of {', '.join(lists)}" if lists else ""
    return _of_pictures(title, folder, samples, notes)


def _of_pictures(title: str, folder: Folder, samples: List[Sample], notes: List[str]) -> Layout:
    published, labels = published_labels(folder, samples)
    listed, entries = found_entries(folder)
    if entries is not None and published is None:
        labels = LabelImages(entries, origin=listed.name)
    return Layout(published or title, samples, labels, notes)


def with_validation(layout: Layout, val: Union[Path, float, None], seed: int) -> Layout:
    """The layout with a part for each sample: those of the data, or drawn.

    Args:
        layout: as it was recognised.
        val: a folder or list whose samples are those of validation, the share of the samples to draw for it, or None:
            what the data say, else a fifth.
        seed: of the draw.

    Raises:
        InputError: fewer than two samples are left to train on, or none to validate.
    """
    samples, notes = layout.samples, list(layout.notes)
    if isinstance(val, Path):
        samples = [replace(sample, part="train") for sample in samples if sample.part in ("train", "")]
        other = recognise(val)
        if type(other.labels) is not type(layout.labels):
            raise InputError(f"--val {val} is laid out as {other.title} and --data as {layout.title}; they must agree")
        samples += [replace(sample, part="val") for sample in other.samples]
        notes += other.notes
    else:
        samples, drawn = _drawn(samples, val, seed)
        notes += drawn
    counts = {part: sum(sample.part == part for sample in samples) for part in PARTS}
    if counts["train"] < 2 or counts["val"] < 1:
        raise InputError(
            f"there are {counted(counts['train'], 'picture')} to train on and {counts['val']} to validate with; "
            "two and one are the least"
        )
    order = {part: place for place, part in enumerate(PARTS)}
    return replace(layout, samples=sorted(samples, key=lambda sample: order[sample.part]), notes=notes)


def _drawn(samples: Sequence[Sample], share: Optional[float], seed: int) -> Tuple[List[Sample], List[str]]:
    """The samples with those that have no part yet shared out, and with a validation part where there was none."""
    if share is None and any(sample.part == "val" for sample in samples):
        return [replace(sample, part=sample.part or "train") for sample in samples], []
    share = 0.2 if share is None else share
    taken_from = [index for index, sample in enumerate(samples) if sample.part != "test"]
    count = min(max(1, round(share * len(taken_from))), max(1, len(taken_from) - 2))
    chosen = set(random.Random(seed).sample(taken_from, min(count, len(taken_from))))
    found = [
        sample if sample.part == "test" else replace(sample, part="val" if index in chosen else "train")
        for index, sample in enumerate(samples)
    ]
    pictures = counted(len(taken_from), "picture")
    return found, [f"{len(chosen)} of {pictures} drawn for validation (seed {seed}; --val says otherwise)"]
