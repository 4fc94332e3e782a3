"""What to feed a network: images, preprocessed as its export says, or noise."""

from pathlib import Path
from typing import List, Optional, Sequence, Union

import numpy as np

from ...data.image_file import IMAGE_SUFFIXES, read_image
from ...errors import InputError
from ..ir.tensors import InputTensor

Source = Union[Path, int]
"""An image file, or the seed of noise."""


def noise(shape: Sequence[int], seed: int) -> np.ndarray:
    """Standard normal noise, float32: the range of normalised images."""
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def find_images(paths: Sequence[Union[str, Path]]) -> List[Path]:
    """The image files among `paths` and in the folders among them, folders sorted by name.

    Raises:
        InputError: a path does not exist, or a folder holds no image.
    """
    found: List[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.suffix.lower() in IMAGE_SUFFIXES)
            if not inside:
                raise InputError(f"the folder {path} holds no images ({', '.join(IMAGE_SUFFIXES)})")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"there is no image {path}")
    return found


def prepare_image(image: np.ndarray, tensor: InputTensor) -> np.ndarray:
    """An image as the network's input.

    Args:
        image: uint8 RGB [H, W, 3].
        tensor: the network's input; with a batch of several the image is repeated.

    Returns:
        float32 of the input's shape [N, 3, H, W].

    Raises:
        InputError: the model does not say how images become its input.
    """
    if tensor.preprocessing is None:
        raise InputError(
            "the exported model has no deploy.yaml, so its preprocessing is unknown; "
            "export it with `mobileseg export`, or use noise (--random) instead of images"
        )
    return np.repeat(tensor.preprocessing.apply(image), tensor.shape[0], axis=0)


def input_sources(images: Optional[Sequence[Union[str, Path]]], random: int, seed: int) -> List[Source]:
    """What to feed: the images of `images`, or without any the seeds of `random` inputs of noise.

    Raises:
        InputError: a path does not exist, or there is nothing to feed.
    """
    if images:
        return list(find_images(images))
    if random < 1:
        raise InputError(f"--random takes a number of inputs of 1 or more, not {random}")
    return list(range(seed, seed + random))


def source_name(source: Source) -> str:
    """How a record calls an input."""
    return f"noise, seed {source}" if isinstance(source, int) else str(source)


def load_input(source: Source, tensor: InputTensor) -> np.ndarray:
    """The network's input, float32 of its shape, from an image file or the seed of noise.

    Raises:
        InputError: the image cannot be read, or the model does not say how images become its input.
    """
    return noise(tensor.shape, source) if isinstance(source, int) else prepare_image(read_image(source), tensor)
