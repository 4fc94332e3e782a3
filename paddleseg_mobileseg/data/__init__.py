"""Data sets, their check, preprocessing. PaddleSeg is loaded here first, as in `models`."""

import paddleseg  # noqa: F401
