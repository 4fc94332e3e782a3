"""Random numbers that depend on nothing but the test that draws them."""

import random
import zlib
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import paddle
from paddle import nn
from paddleseg.models.backbones.transformer_utils import DropPath


def seed_all(name: str) -> None:
    """Seed Python's, NumPy's and Paddle's global generators from a name: the same on every machine, in any order."""
    number = zlib.crc32(name.encode())
    random.seed(number)
    np.random.seed(number)
    paddle.seed(number)


@contextmanager
def seeded(number: int) -> Iterator[None]:
    """Paddle's generator seeded, and afterwards as it was.

    For what is made once and kept: whichever test asks first must draw the same numbers afterwards as one that finds
    it made.
    """
    before = paddle.get_rng_state()
    paddle.seed(number)
    try:
        yield
    finally:
        paddle.set_rng_state(before)


def without_chance(network: nn.Layer) -> nn.Layer:
    """Switch off dropout and stochastic depth, which draw anew at each step.

    They hide what one step does to the loss, and a path that was dropped has no gradient.
    """
    for layer in network.sublayers(include_self=True):
        if isinstance(layer, (nn.Dropout, nn.Dropout2D)):
            layer.p = 0.0
        elif isinstance(layer, DropPath):
            layer.drop_prob = 0.0
    return network
