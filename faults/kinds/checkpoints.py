"""Checkpoints that Paddle writes."""

from pathlib import Path
from random import Random
from typing import Any, Mapping, Tuple

import numpy as np
import paddle
from paddle import nn

from paddleseg_mobileseg.checkpoints.loading import load_weights
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint, read_pickle

from ..case import Files, Kind, Wrong, honest_files
from ..damage import damage_bytes
from ..pickles import damage_pickle


def small_network() -> nn.Layer:
    """The network that the honest checkpoints are of."""
    return nn.Sequential(nn.Conv2D(3, 2, 1), nn.BatchNorm2D(2))


def check_tensors(tensors: Mapping[str, Any]) -> None:
    """Read every byte of what is said to be a table of tensors.

    Raises:
        Wrong: it is none.
    """
    for name, array in tensors.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise Wrong(f"a {type(array).__name__} under a {type(name).__name__} among the tensors")
        if array.dtype.kind not in "biuf" or array.dtype.hasobject:
            raise Wrong(f"an array of {array.dtype}")
        array.tobytes()


class Paddle(Kind):
    """`.pdparams`, read as for loading weights."""

    file = "small.pdparams"
    mentions = (file,)

    def __init__(self) -> None:
        self.network = small_network()

    def honest(self) -> Files:
        return dict(honest_files(self.file))

    def damage(self, random: Random) -> Tuple[str, Files]:
        data = honest_files(self.file)[self.file]
        if random.random() < 0.3:
            others = list(honest_files("small.pdopt", "small.pth", "small.pdparams").values())
            what, data = damage_bytes(random, data, others)
        else:
            what, data = damage_pickle(random, data)
        return what, {self.file: data}

    def attempt(self, folder: Path) -> None:
        check_tensors(read_checkpoint(folder / self.file))
        load_weights(self.network, folder / self.file)


class Optimizer(Paddle):
    """`.pdopt`, which holds numbers and tables beside arrays."""

    file = "small.pdopt"
    mentions = (file,)

    def attempt(self, folder: Path) -> None:
        _look(read_pickle(folder / self.file))


class PaddleLoad(Optimizer):
    """The same through `paddle.load`, which PaddleSeg's own code calls and the plugin guards."""

    def attempt(self, folder: Path) -> None:
        paddle.load(str(folder / self.file))


def _look(content: Any, depth: int = 0) -> None:
    if isinstance(content, dict) and depth < 50:
        for value in content.values():
            _look(value, depth + 1)
    elif isinstance(content, np.ndarray):
        check_tensors({"": content})
