"""Looking at every picture and label of a project before anything is written."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple, TypeVar

from PIL import Image
from tqdm import tqdm

from ..data.samples import file_fault, header_size
from ..errors import InputError
from .layout import Labels, Sample

_ORIENTATION = 274

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Finding:
    """What was seen of one sample.

    Attributes:
        sample: it.
        size: height and width of the picture as it is read; None where it cannot be.
        look: what the labels' `look` gave.
        fault: a line that says why it cannot be used; None where it can.
        orientation: how the picture is turned when it is read, as EXIF numbers it; 1 for not.
    """

    sample: Sample
    size: Optional[Tuple[int, int]] = None
    look: Any = None
    fault: Optional[str] = None
    orientation: int = 1


def in_threads(work: Callable[[_Item], _Result], items: Sequence[_Item], title: str) -> List[_Result]:
    """What `work` gives for each item, in order, by as many threads as there are processors, with a progress bar."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results: Iterable[_Result] = pool.map(work, items)
        return list(tqdm(results, total=len(items), desc=title, unit="label", delay=2, disable=None, leave=False))


def survey(samples: Sequence[Sample], labels: Labels) -> List[Finding]:
    """Look at every sample."""
    return in_threads(lambda sample: _find(sample, labels), samples, "look")


def _find(sample: Sample, labels: Labels) -> Finding:
    fault = file_fault(str(sample.image), thorough=False)
    size = header_size(str(sample.image)) if fault is None else None
    if size is None:
        return Finding(sample, fault=f"{sample.image} {fault or 'is not an image'}")
    try:
        label_size, look = labels.look(sample)
    except InputError as error:
        return Finding(sample, size, fault=str(error))
    orientation = _orientation(sample.image)
    differ = None if label_size == size else _sizes_differ(sample, size, label_size, orientation)
    return Finding(sample, size, look, differ, orientation)


def _sizes_differ(sample: Sample, size: Tuple[int, int], label_size: Tuple[int, int], orientation: int) -> str:
    picture, label = ("{1}x{0}".format(*each) for each in (size, label_size))
    if label_size == size[::-1] and orientation != 1:
        return (
            f"{sample.image} says by EXIF that the camera was turned (orientation {orientation}) and is read"
            f" as {picture}; its label {sample.label} is {label}, drawn on the picture as it lies in the "
            "file: turn the label, or remove that tag from the picture"
        )
    return f"{sample.image} is {picture} and its label {sample.label} is {label}; they must be of one size"


def _orientation(path: Path) -> int:
    """How EXIF says that a JPEG is turned, 1 to 8; OpenCV turns no other format."""
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return 1
    try:
        with Image.open(path) as image:
            value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data raise nearly anything, and OpenCV passes over them
        return 1
    return value if value in range(1, 9) else 1


def turned_note(findings: Sequence[Finding]) -> List[str]:
    """What to say of pictures that are turned where it cannot be seen whether their labels are."""
    turned = [finding for finding in findings if finding.orientation != 1]
    if not turned:
        return []
    has = "picture is" if len(turned) == 1 else "pictures are"
    return [f"{len(turned)} {has} turned by EXIF when read, such as {turned[0].sample.image.name}: see that labels fit"]


def faults_named(findings: Sequence[Finding]) -> List[str]:
    """The faults of a survey, in the order of the samples."""
    return [finding.fault for finding in findings if finding.fault is not None]


def sizes_of(findings: Sequence[Finding]) -> "Counter[Tuple[int, int]]":
    """How many pictures there are of each height and width."""
    return Counter(finding.size for finding in findings if finding.size is not None)
