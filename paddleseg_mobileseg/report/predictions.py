"""Predicted label maps as files: what PaddleSeg's predict writes of an image."""

from pathlib import Path
from typing import List

import numpy as np
from paddleseg.utils.visualize import get_color_map_list, get_pseudo_color_map

from ..errors import InputError
from ..files import atomic_path
from ..opencv_files import write_pixels
from .overlays import overlay

_STRENGTH = 0.6
"""Share of the class colour in an overlay, that of PaddleSeg's predict."""


def write_prediction(name: str, image: np.ndarray, labels: np.ndarray, folder: Path) -> List[Path]:
    """Write the overlay and the label map of an image into the folders that PaddleSeg uses.

    Args:
        name: of the files, without a suffix.
        image: uint8 RGB [H, W, 3].
        labels: class numbers [H, W].
        folder: gets the two folders.

    Returns:
        added_prediction/NAME.png, with the classes in colour over the image, and
        pseudo_color_prediction/NAME.png, whose pixels are class numbers with a palette.

    Raises:
        InputError: they cannot be written.
    """
    if labels.max() > 255:
        raise InputError(f"{name} got class {labels.max()}, and images hold 256 classes")
    labels = labels.astype(np.uint8)
    colours = get_color_map_list(256)
    name = f"{name}.png"
    added, pseudo = folder / "added_prediction" / name, folder / "pseudo_color_prediction" / name
    mixed = overlay(image, labels, np.reshape(colours, (-1, 3)), _STRENGTH)
    with atomic_path(added) as scratch:
        if not write_pixels(scratch, mixed[..., ::-1]):
            raise InputError(f"cannot write {added}; is the disk full?")
    with atomic_path(pseudo) as scratch:
        get_pseudo_color_map(labels, colours).save(str(scratch))
    return [added, pseudo]
