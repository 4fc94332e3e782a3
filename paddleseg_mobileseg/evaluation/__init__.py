"""Scoring whatever gives label maps on the images and labels of a data set, by PaddleSeg's own figures."""

from .on_phone import PhoneScores, score_on_phone
from .scores import ImageCounts, ImageScore, Scores, Tally, count_image
from .scoring import check_classes, measure_precision, score, score_conversion, score_half

__all__ = [
    "ImageCounts",
    "ImageScore",
    "PhoneScores",
    "Scores",
    "Tally",
    "check_classes",
    "count_image",
    "measure_precision",
    "score",
    "score_conversion",
    "score_half",
    "score_on_phone",
]
