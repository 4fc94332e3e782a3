"""Checkpoints in and out: published ones too, read as data. PaddleSeg is loaded here first, as in `models`."""

import paddleseg  # noqa: F401
