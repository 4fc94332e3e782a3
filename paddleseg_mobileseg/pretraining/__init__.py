"""Pretraining of a backbone as a classifier of pictures: `python -m paddleseg_mobileseg.pretraining --help`."""
