"""Pictures like those of use, by which models in fewer bits are set up and compared."""

from pathlib import Path
from typing import Callable, List, Optional, Sequence, Union

from .lower import LoweredModel
from .runtime.inputs import find_images
from .runtime.metadata import MeasuredAgreement

Pictures = Union[str, Path, Sequence[Union[str, Path]]]
"""A folder of image files, or several files and folders."""

Measure = Callable[[LoweredModel, LoweredModel], Optional[MeasuredAgreement]]
"""Compares a model in fewer bits (the second) with the one in float32."""


def pictures_of(calibration: Pictures) -> List[Path]:
    """The image files that are meant.

    Raises:
        InputError: a path does not exist, or a folder holds no image.
    """
    return find_images([calibration] if isinstance(calibration, (str, Path)) else calibration)


def evenly(items: Sequence[Path], most: int) -> List[Path]:
    """At most so many, from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]
