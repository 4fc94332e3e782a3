"""Scenes as files, and as images for the report."""

from pathlib import Path
from typing import Iterable, List

from ..data.synthetic import SyntheticScenes
from ..errors import InputError
from ..files import atomic_path
from ..opencv_files import write_pixels


def write_images(scenes: SyntheticScenes, indices: Iterable[int], folder: Path) -> List[Path]:
    """Write scenes as PNG files.

    Raises:
        InputError: the folder cannot be written.
    """
    paths = []
    for index in indices:
        image, _ = scenes.scene(index)
        paths.append(folder / f"scene_{index:03d}.png")
        with atomic_path(paths[-1]) as scratch:
            if not write_pixels(scratch, image[..., ::-1]):
                raise InputError(f"cannot write {paths[-1]}; is the disk full?")
    return paths


