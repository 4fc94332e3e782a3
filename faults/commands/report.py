"""`python -m faults report`."""

import argparse
from pathlib import Path

from paddleseg_mobileseg.files import write_text

from ..report import markdown
from ..results import read_campaign

RESULTS = Path(__file__).parents[1] / "results"
PAGE = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=RESULTS / "long.json",
        help="of `run --json` (default: the long run that is committed)",
    )
    parser.add_argument("--readme", action="store_true", help="write it into faults/README.md (default: print it)")


def run(args: argparse.Namespace) -> None:
    """Write the table."""
    table = markdown(read_campaign(args.results))
    if args.readme:
        before, after = PAGE.read_text(encoding="utf-8").split(BEGIN)[0], PAGE.read_text(encoding="utf-8").split(END)[1]
        write_text(PAGE, f"{before}{BEGIN}{table}{END}{after}")
    else:
        print(table, end="")
