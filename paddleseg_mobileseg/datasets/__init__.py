"""The built-in synthetic data set, and the check of a data set before training."""

from .synthetic import SyntheticScenes

__all__ = ["SyntheticScenes"]
