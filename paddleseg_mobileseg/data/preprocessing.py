"""How an image becomes the input of a network."""

from dataclasses import dataclass
from typing import Tuple


@dataclass
class Preprocessing:
    """How an image becomes the network's input: RGB, resized to it, then `(pixel / 255 - mean) / std` per channel."""

    mean: Tuple[float, ...]
    std: Tuple[float, ...]
