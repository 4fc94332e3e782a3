"""Training that survives: checkpoints that are whole, resuming that forgets nothing, an end that loses nothing."""

import paddleseg  # noqa: F401
