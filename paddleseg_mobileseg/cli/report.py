"""`mobileseg report`: the page of a training run, or of several side by side."""

import argparse
import json
import sys
from pathlib import Path

from ..deploy.runtime.records import read_records
from ..errors import InputError
from ..run_report.page import write_report
from ..run_report.runs import read_runs
from . import paddleseg_tools as tools
from .shared_flags import add_limit

EXAMPLE = "mobileseg report output/my"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="FOLDER", help="the --save_dir of a training")
    parser.add_argument("--output", type=Path, help="the page (default: report.html in the first folder)")
    parser.add_argument("--config", type=Path, help="of runs whose folder has no config.yml")
    parser.add_argument(
        "--exported", nargs="+", type=Path, default=[], metavar="FOLDER",
        help="what was exported of the run (default: what lies in its folder)",
    )  # fmt: skip
    parser.add_argument(
        "--nb", nargs="+", type=Path, default=[], metavar="MODEL.nb",
        help="what was converted of the run (default: what lies in its folder)",
    )  # fmt: skip
    parser.add_argument(
        "--records", type=Path, help="JSON lines of `bench` or `device bench`, instead of timing the models here"
    )
    parser.add_argument(
        "--repeats", type=int, default=50, help="timed runs of each model for this host; 0 times none (default: 50)"
    )
    parser.add_argument("--pictures", type=int, default=3, help="of the best and of the worst to show (default: 3)")
    add_limit(parser)
    parser.add_argument("--json", action="store_true", help="print every number of the page as JSON")


def run(args: argparse.Namespace) -> None:
    for name in ("pictures", "repeats"):
        if getattr(args, name) < 0:
            raise InputError(f"--{name} takes a number of 0 or more, not {getattr(args, name)}")
    output = args.output or args.runs[0] / "report.html"
    with tools.logs_to_stderr():
        records = read_records(args.records) if args.records else None
        runs = read_runs(args.runs, args.config, args.exported, args.nb)
        result = write_report(
            runs,
            output,
            pictures=args.pictures,
            limit=args.limit,
            repeats=args.repeats,
            records=records,
            command=args.command_line,
        )
    for each in result["runs"]:
        for note in each["notes"]:
            print(f"note: {note}", file=sys.stderr)
    print(json.dumps(result) if args.json else output)
