"""Pretraining of a backbone as a classifier of images: `python -m paddleseg_mobileseg.pretraining --help`."""
