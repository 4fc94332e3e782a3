"""PaddleSeg configs, read and checked. PaddleSeg is loaded here first, as in `models`."""

import paddleseg  # noqa: F401
