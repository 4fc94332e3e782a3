"""Importing this puts every network of the plugin into PaddleSeg's registry, where configs find them by name."""

from . import backbones, distillation, heads, necks, segmentor  # noqa: F401
