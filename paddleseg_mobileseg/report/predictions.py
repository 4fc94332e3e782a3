"""Predicted label maps as files: what PaddleSeg's predict writes of an image."""

from pathlib import Path
from typing import List, Optional, Union

import numpy as np
from PIL import Image

from ..classes import Classes
from ..errors import InputError
from ..files import atomic_path
from ..opencv_files import write_pixels

ADDED, PSEUDO = "added_prediction", "pseudo_color_prediction"


def palette_image(labels: np.ndarray, classes: Classes, name: str) -> Image.Image:
    """A label map as an image whose pixels are class numbers, with the classes' colours as its palette.

    Args:
        labels: class numbers [H, W].
        classes: of the labels; a number beyond them is black.
        name: of the image, for the message.

    Raises:
        InputError: there are numbers that such an image cannot hold.
    """
    if labels.max() > 255:
        raise InputError(f"{name} got class {labels.max()}, and images hold 256 classes")
    image = Image.fromarray(labels.astype(np.uint8), "P")
    image.putpalette([part for colour in classes.colours[:256] for part in colour])
    return image


def write_prediction(
    name: Union[str, Path], labels: np.ndarray, classes: Classes, folder: Path, drawn: Optional[np.ndarray] = None
) -> List[Path]:
    """Write the overlay and the label map of an image into the folders that PaddleSeg uses.

    Args:
        name: of the image, relative to both; its suffix is that of the overlay too.
        labels: class numbers [H, W].
        classes: of the labels.
        folder: gets the two folders.
        drawn: the overlay, uint8 RGB; None writes the label map alone.

    Returns:
        added_prediction/NAME, with the classes in colour over the image, and pseudo_color_prediction/NAME.png, whose
        pixels are class numbers with a palette.

    Raises:
        InputError: they cannot be written.
    """
    shown = palette_image(labels, classes, str(name))
    written = []
    if drawn is not None:
        written.append(folder / ADDED / name)
        with atomic_path(written[0]) as scratch:
            if not write_pixels(scratch, drawn[..., ::-1]):
                raise InputError(f"cannot write {written[0]}; is the disk full?")
    written.append(folder / PSEUDO / Path(name).with_suffix(".png"))
    with atomic_path(written[-1]) as scratch:
        shown.save(str(scratch))
    return written
