"""Scores of label maps that a test makes."""

from paddleseg_mobileseg.classes import unnamed
from paddleseg_mobileseg.evaluation import Tally, count_image


def scores_of(truth, predicted, num_classes, ignore_index=255):
    """`Scores` of arrays of one shape, taken as one image."""
    tally = Tally(unnamed(num_classes))
    tally.add(count_image(0, "an array", truth, predicted, num_classes, ignore_index))
    return tally.scores()
