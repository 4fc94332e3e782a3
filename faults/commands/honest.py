"""`python -m faults honest`."""

import argparse

from ..make_honest import make_honest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> None:
    """Write them."""
    make_honest()
