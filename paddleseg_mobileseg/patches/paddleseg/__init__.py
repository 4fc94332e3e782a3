"""PaddleSeg, loaded here first, so that `plugin` registers everything before a module of this room is half there."""

import paddleseg  # noqa: F401
