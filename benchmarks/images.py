"""What networks are fed with: images of the built-in scenes, as files."""

from pathlib import Path
from typing import List

import numpy as np

from paddleseg_mobileseg.data.image_file import read_image
from paddleseg_mobileseg.data.preprocessing import Preprocessing
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.files import atomic_path
from paddleseg_mobileseg.opencv_files import write_pixels

from .cache import key_of, sources_key

MEAN, STD = [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]
TRANSFORMS = [{"type": "Normalize", "mean": MEAN, "std": STD}]
_SIZE = (512, 512)


def built_in_images(folder: Path, count: int) -> List[Path]:
    """PNG files of the first scenes of the built-in test set, 512x512, written where they are missing.

    Args:
        folder: gets a folder for the scenes as this version draws them.
        count: how many.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = folder / key_of(sources_key(__name__))
    scenes = SyntheticScenes(mode="test", size=_SIZE, count=count)
    paths = [folder / f"scene_{index}.png" for index in range(count)]
    for index, path in enumerate(paths):
        if not path.is_file():
            with atomic_path(path) as scratch:
                write_pixels(scratch, scenes.scene(index)[0][..., ::-1])
    return paths


def read_images(paths: List[Path], height: int, width: int) -> np.ndarray:
    """Images as networks get them, float32 [N, 3, height, width], normalised."""
    preprocessing = Preprocessing(height, width, MEAN, STD)
    return np.concatenate([preprocessing.apply(read_image(path)) for path in paths])
