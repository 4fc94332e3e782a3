"""The built-in data set: outdoor scenes drawn on the fly, in PaddleSeg's data set interface."""

from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import paddle
from paddleseg.cvlibs import manager
from paddleseg.transforms import Compose

from ..errors import InputError
from .scenes import CLASSES, PALETTE, draw_scene

_STREAMS = {"train": 0, "val": 1, "test": 2}
"""The part of the seed that keeps the scenes of the three modes apart."""


@manager.DATASETS.add_component
class SyntheticScenes(paddle.io.Dataset):
    """Outdoor scenes of nine classes, drawn from a seed; nothing is read from disk.

    A scene depends on (seed, mode, index) and the size alone: neither the number of worker processes nor the
    order of reading changes it, and the modes share no scene.

    Args:
        transforms: PaddleSeg transforms, applied to every sample.
        mode: "train", "val" (to choose a checkpoint by) or "test" (to score it on).
        size: height and width of a scene in pixels; PP-MobileSeg wants multiples of 32.
        count: number of scenes.
        seed: another seed gives other scenes.

    Raises:
        InputError: an argument is out of its range.
    """

    CLASSES = CLASSES
    PALETTE = PALETTE
    NUM_CLASSES = len(CLASSES)
    IGNORE_INDEX = 255
    IMG_CHANNELS = 3

    def __init__(
        self,
        transforms: Optional[List[Any]] = None,
        mode: str = "train",
        size: Tuple[int, int] = (192, 256),
        count: int = 4096,
        seed: int = 0,
    ):
        if mode not in _STREAMS:
            raise InputError(f"SyntheticScenes: mode must be 'train', 'val' or 'test', it is {mode!r}")
        if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(_is_count(side, 32) for side in size):
            raise InputError(f"SyntheticScenes: size must be [height, width] of at least 32 pixels, it is {size!r}")
        if not _is_count(count, 1):
            raise InputError(f"SyntheticScenes: count must be a whole number above 0, it is {count!r}")
        if not _is_count(seed, 0):
            raise InputError(f"SyntheticScenes: seed must be a whole number of at least 0, it is {seed!r}")
        self.transforms = Compose(transforms or [], img_channels=self.IMG_CHANNELS)
        self.mode = mode
        self.height, self.width = size
        self.seed = seed
        # PaddleSeg's --repeats multiplies this list, so it is what indices and length refer to.
        self.file_list = list(range(count))
        self.num_classes = self.NUM_CLASSES
        self.ignore_index = self.IGNORE_INDEX
        self.edge = False

    def scene(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """One scene before any transform.

        Returns:
            The image, uint8 RGB, [H, W, 3], and its labels, uint8, [H, W].
        """
        rng = np.random.default_rng((self.seed, _STREAMS[self.mode], self.file_list[index]))
        return draw_scene(rng, self.height, self.width)

    def __getitem__(self, index: int) -> Dict[str, Any]:
        """The transformed sample: "img" float32 [3, H, W], "label" [H, W] in training and [1, H, W] in evaluation."""
        image, label = self.scene(index)
        # Like an image read by OpenCV: blue first. Labels take part in the transforms of training only.
        sample = {
            "trans_info": [],
            "img": np.ascontiguousarray(image[..., ::-1], dtype=np.float32),
            "label": label,
            "gt_fields": ["label"] if self.mode == "train" else [],
        }
        sample = self.transforms(sample)
        if self.mode != "train":
            sample["label"] = sample["label"][np.newaxis]
        return sample

    def __len__(self) -> int:
        return len(self.file_list)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
