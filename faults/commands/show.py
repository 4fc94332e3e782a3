"""`python -m faults show`."""

import argparse
from pathlib import Path

from paddleseg_mobileseg.errors import InputError

from ..case import make_case, write_files
from ..judge import FAULTS
from ..kinds import load
from ..pool import read_all
from .run import add_limits, check_kinds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", help="of file")
    parser.add_argument("--case", type=int, required=True, help="its number")
    parser.add_argument("--keep", type=Path, help="write its files into this new folder")
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """Read the case in a child as `run` does, and print what was done to it and how it ended."""
    check_kinds([args.kind])
    if args.keep:
        if args.keep.exists():
            raise InputError(f"--keep {args.keep} is there already; name a new folder")
        args.keep.mkdir(parents=True)
        write_files(make_case(load(args.kind), args.kind, args.seed, args.case)[1], args.keep)
    answers = []
    read_all(
        [(args.kind, args.case)],
        args.seed,
        1,
        args.memory << 20,
        args.seconds,
        lambda kind, case, answer: answers.append(answer),
    )
    answer = answers[0]
    print(f"{args.kind} {args.case}, {answer['what']}: {answer['outcome']}")
    print(f"{answer['seconds']:.3f} s, {answer['peak_bytes'] >> 20} MB; {answer['detail']}")
    return 1 if answer["outcome"] in FAULTS else 0
