"""What to feed a network: images, preprocessed as its export says, or noise."""

from pathlib import Path
from typing import List, Optional, Sequence, Union

import cv2
import numpy as np

from ...data.samples import file_fault
from ...errors import InputError
from ..ir.tensors import InputTensor

Source = Union[Path, int]
"""An image file, or the seed of noise."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


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


def read_image(path: Union[str, Path], tensor: InputTensor) -> np.ndarray:
    """An image file as the network's input: RGB, resized to it, normalised.

    Args:
        path: the file.
        tensor: the network's input; with a batch of several the image is repeated.

    Returns:
        float32 of the input's shape [N, 3, H, W].

    Raises:
        InputError: the file cannot be read whole, or the model does not say how to normalise.
    """
    if tensor.mean is None or tensor.std is None:
        raise InputError(
            "the exported model has no deploy.yaml, so its mean and std are unknown; "
            "export it with `mobileseg export`, or use noise (--random) instead of images"
        )
    fault = file_fault(str(path), thorough=True)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if fault is None else None
    if image is None:
        raise InputError(f"{path} {fault or 'is not an image'}; replace it or leave it out")
    count, _, height, width = tensor.shape
    # PaddleSeg resizes in floating point, so that is what the network was evaluated with.
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.float32)
    scaled = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR) / np.float32(255)
    normalised = (scaled - np.array(tensor.mean, np.float32)) / np.array(tensor.std, np.float32)
    return np.ascontiguousarray(np.repeat(normalised.transpose(2, 0, 1)[np.newaxis], count, axis=0))


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
        InputError: the image cannot be read.
    """
    return noise(tensor.shape, source) if isinstance(source, int) else read_image(source, tensor)
