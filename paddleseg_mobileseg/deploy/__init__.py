"""From a trained network to a model that runs and is timed through Paddle-Lite, here and on phones.

The choices that the steps offer stand here, where a command line can name them without loading Paddle.
"""

TARGETS = ("arm", "x86")
"""Processors that a model is converted for."""

LABEL_MAPS = ("exact", "argmax", "vim", "none")
"""What can make the label map of a converted model; "none" leaves the output as it was exported."""

WEIGHTS = ("float32", "int16", "int8")
"""What the weights of a converted model are stored in."""

OUTPUT_OPS = ("argmax", "softmax", "none")
"""What an export may append to a network."""

POWER_MODES = ("high", "low", "full", "no_bind", "rand_high", "rand_low")
"""How Paddle-Lite chooses cores on a phone."""

MIN_AGREEMENT = 0.9999
"""Least share of pixels that must get the same class for two outputs to agree."""

MAX_DIFFERENCE = 1e-4
"""Largest difference of logits over the largest logit for two outputs to agree."""
