"""Images in one folder per class, as ImageNet is kept."""

import math
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import cv2
import numpy as np
import paddle

from ..data.image_file import IMAGE_SUFFIXES, read_image
from ..errors import InputError

MEAN = np.array([0.485, 0.456, 0.406], "float32")
STD = np.array([0.229, 0.224, 0.225], "float32")


class ImageFolder(paddle.io.Dataset):
    """Images and the numbers of their classes.

    Which crop an image gets depends on the seed, the epoch and the image alone, so that a resumed training
    sees what an uninterrupted one would, with any number of workers.

    Args:
        folder: holds a folder of images for each class.
        size: height and width of what the network gets.
        classes: names of the classes in their order; the folder's own, sorted, by default.
        augment: random crops and flips for training; otherwise the centre crop of 7/8.
        seed: of the crops and flips.

    Raises:
        InputError: there is no such folder, it holds no classes, unknown ones, or one without images.
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        classes: Optional[Sequence[str]] = None,
        augment: bool = False,
        seed: int = 0,
    ):
        super().__init__()
        self.size, self.augment, self.seed, self.epoch = size, augment, seed, 0
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; --data must hold train/CLASS/ and val/CLASS/ with images")
        found = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.classes: List[str] = list(classes) if classes is not None else found
        unknown = [name for name in found if name not in self.classes]
        if not found or unknown:
            what = f"classes that train/ lacks: {', '.join(unknown[:5])}" if unknown else "no folder per class"
            raise InputError(f"{folder} has {what}; give it a folder of images for each class")
        self.samples: List[Tuple[str, int]] = []
        for name in found:
            files = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
            if not files:
                raise InputError(f"{folder / name} holds no images ({', '.join(IMAGE_SUFFIXES)}); fill it or remove it")
            self.samples += [(str(path), self.classes.index(name)) for path in files]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Tuple[np.ndarray, np.int64]:
        """A normalised image [3, size, size], float32 RGB, and its class.

        Raises:
            InputError: the image cannot be read.
        """
        path, label = self.samples[index]
        image = read_image(path, thorough=False)
        if self.augment:
            random = np.random.default_rng((self.seed, self.epoch, index))
            image = random_crop(image, self.size, random)
            if random.random() < 0.5:
                image = image[:, ::-1]
        else:
            image = centre_crop(image, self.size)
        image = (image.astype("float32") / 255 - MEAN) / STD
        return np.ascontiguousarray(image.transpose(2, 0, 1)), np.int64(label)


def random_crop(image: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """A part of 8 % to 100 % of the area and of an aspect of 3:4 to 4:3, scaled to `size` squared."""
    height, width = image.shape[:2]
    for _ in range(10):
        area = height * width * random.uniform(0.08, 1.0)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = random.integers(height - h + 1), random.integers(width - w + 1)
            part = image[top:top + h, left:left + w]
            return cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)
    # A very long image may hold no such part.
    return centre_crop(image, size)


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The middle `size` squared of the image, whose short side is first scaled to 8/7 of it."""
    height, width = image.shape[:2]
    scale = size * 8 / 7 / min(height, width)
    height, width = max(size, round(height * scale)), max(size, round(width * scale))
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (height - size) // 2, (width - size) // 2
    return image[top:top + size, left:left + size]
