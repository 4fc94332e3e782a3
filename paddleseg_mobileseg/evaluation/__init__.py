"""Scoring whatever gives label maps on the images and labels of a data set, by PaddleSeg's own figures."""

from .scores import ImageCounts, ImageScore, Scores, Tally, count_image
from .scoring import score

__all__ = ["ImageCounts", "ImageScore", "Scores", "Tally", "count_image", "score"]
