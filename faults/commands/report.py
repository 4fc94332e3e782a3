"""`python -m faults report`."""

import argparse
from pathlib import Path

from paddleseg_mobileseg.files import write_text

from ..report import markdown
from ..results import read_campaign

RESULTS = Path(__file__).parents[1] / "results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=RESULTS / "long.json",
        help="of `run --json` (default: the long run that is committed)",
    )
    parser.add_argument("--markdown", type=Path, help="write the table here (default: print it)")


def run(args: argparse.Namespace) -> None:
    """Write the table."""
    table = markdown(read_campaign(args.results))
    if args.markdown:
        write_text(args.markdown, table)
    else:
        print(table, end="")
