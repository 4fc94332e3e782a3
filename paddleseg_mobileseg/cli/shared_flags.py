"""Flags that several commands have, spelt and explained once."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

from ..deploy import LIMITS, Limits

if TYPE_CHECKING:
    from ..deploy.runtime.metadata import Metadata


def add_input_shape(parser: argparse.ArgumentParser, when: str = "") -> None:
    """`--input-shape`; `when` says under which condition it counts."""
    parser.add_argument(
        "--input-shape",
        nargs=4,
        type=int,
        metavar=("N", "C", "H", "W"),
        help=f"{when}for a model that was exported without --input_shape",
    )


class Renamed(argparse.Action):
    """A flag that is gone: who types it is told what to type now."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: str):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=argparse.SUPPRESS)
        self.now = now

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        parser.error(f"{option_string} is {self.now} now")


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


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"takes a number of images of 1 or more, not {text!r}")
    return number


def add_limit(parser: argparse.ArgumentParser, when: str = "") -> None:
    """`--limit`; `when` says under which condition it counts."""
    parser.add_argument(
        "--limit", type=_count, metavar="N", help=f"{when}score the first N images of the validation set (default: all)"
    )


def by_format(limit: str) -> str:
    """A limit of `Limits` for each format, for people."""
    return ", ".join(f"{getattr(limits, limit):g} for {name}" for name, limits in LIMITS.items())


def add_least_agreement(parser: argparse.ArgumentParser, when: str = "") -> None:
    """`--min-agreement`; `when` says under which condition it counts."""
    parser.add_argument(
        "--min-agreement",
        type=float,
        help=f"{when}least share of pixels that must get the same class (default: {by_format('agreement')})",
    )


def limits_of(args: argparse.Namespace, metadata: "Metadata") -> Limits:
    """The limits of a converted model's format, those that flags give in their place."""
    flags = {"agreement": "min_agreement", "difference": "max_difference", "score": "max_miou_drop"}
    given = {name: getattr(args, flag, None) for name, flag in flags.items()}
    return replace(metadata.limits, **{name: value for name, value in given.items() if value is not None})
