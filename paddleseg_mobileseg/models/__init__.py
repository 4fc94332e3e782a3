"""Networks. PaddleSeg is loaded here first, so that `plugin` registers everything before a module is half there."""

import paddleseg  # noqa: F401
