"""Flags that several commands have, spelt and explained once."""

import argparse
from pathlib import Path


def add_input_shape(parser: argparse.ArgumentParser, when: str = "") -> None:
    """`--input-shape`; `when` says under which condition it counts."""
    parser.add_argument(
        "--input-shape",
        nargs=4,
        type=int,
        metavar=("N", "C", "H", "W"),
        help=f"{when}for a model that was exported without --input_shape",
    )


def add_turns(parser: argparse.ArgumentParser, warmup: str) -> None:
    """What a benchmark feeds, and how many runs it takes in how many turns; `warmup` says when those do not count."""
    parser.add_argument(
        "--images", nargs="+", type=Path, help="images, and folders of images, to feed in turn (default: noise)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--warmup", type=int, default=20, help=f"runs that do not count, {warmup} (default: 20)")
    parser.add_argument("--repeats", type=int, default=50, help="measured runs of each model (default: 50)")
    parser.add_argument("--rounds", type=int, default=5, help="turns to take them in (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON lines, with every sample")
