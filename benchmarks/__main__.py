"""Run suites of benchmarks, report what was measured, and compare two measurements."""

import argparse
import json
import sys
from pathlib import Path
from typing import List, Optional

from paddleseg_mobileseg.command_line import Parser, exit_status
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import scratch_folder, write_text

from .comparison import MIN_PERCENT, compare_runs
from .report import html, make_report, markdown, write_markdown
from .results import Result, ResultsFile
from .runner import run_suite
from .suite import Places
from .suites.registry import CASE_TYPES, SUITES, read_file

FOLDER = Path("output/benchmarks")


def main(argv: Optional[List[str]] = None) -> int:
    """The command.

    Returns:
        The exit status: 0; 1 for the failure of a tool and where `compare-runs` finds something worse; 2 for bad
        input; 130 when interrupted.
    """
    args, unknown = _parser().parse_known_args(argv)
    if unknown:
        # The outermost parser would look for what may have been meant among its own flags.
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return exit_status(lambda: args.do(args), interrupted="interrupted; the same command goes on from here")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    width = max(map(len, SUITES))
    listed = "\n".join(f"  {name:{width}}  {suite.question}" for name, suite in SUITES.items())
    run = commands.add_parser(
        "run",
        help="measure a suite, or go on with it",
        description=f"Measure a suite, or go on with it where it was stopped. The suites:\n\n{listed}",
        epilog="`run SUITE --help` lists what a suite takes\n"
        "example: python -m benchmarks run ade20k --output output/benchmarks/ade20k.jsonl",
    )
    _add_suites(run)
    report = commands.add_parser(
        "report",
        help="tables and plots of results files",
        epilog="example: python -m benchmarks report benchmarks/results/*.jsonl --html report.html",
    )
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS")
    report.add_argument("--html", type=Path, help="write one page that loads nothing")
    report.add_argument("--markdown", type=Path, help="write the tables here (default: print them)")
    report.set_defaults(do=_report, parser=report)
    compare = commands.add_parser(
        "compare-runs",
        help="say what became slower or scores less; exit status 1 if something did",
        epilog="example: python -m benchmarks compare-runs old.jsonl new.jsonl",
    )
    compare.add_argument("old", type=Path, metavar="OLD")
    compare.add_argument("new", type=Path, metavar="NEW")
    compare.add_argument(
        "--min-percent", type=float, default=MIN_PERCENT, help=f"least change that counts (default: {MIN_PERCENT:g})"
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(do=_compare_runs, parser=compare)
    return parser


def _add_suites(run: argparse.ArgumentParser) -> None:
    suites = run.add_subparsers(metavar="SUITE", required=True)
    for name, suite in SUITES.items():
        parser = suites.add_parser(name, description=suite.asked)
        parser.add_argument(
            "--output",
            type=Path,
            default=FOLDER / f"{name}.jsonl",
            help="results, JSON lines; what it holds is not repeated, and the folder of the same name gets logs and "
            "checkpoints (default: %(default)s)",
        )
        parser.add_argument(
            "--models",
            type=Path,
            default=FOLDER / "models",
            help="folder of exports and conversions, kept for other runs (default: %(default)s)",
        )
        suite.add_arguments(parser)
        parser.set_defaults(do=_run, suite=name, parser=parser)


def _run(args: argparse.Namespace) -> int:
    suite = SUITES[args.suite]
    with scratch_folder() as scratch:
        measuring = suite.measuring(args, Places(args.models, args.output.with_suffix(""), scratch))
        results = ResultsFile(args.output, CASE_TYPES)
        run_suite(suite.name, measuring, args.rounds, results)
    print(f"wrote {args.output}", file=sys.stderr)
    return 0


def _read(path: Path) -> List[Result]:
    if not path.is_file():
        raise InputError(f"there is no results file {path}; `python -m benchmarks run SUITE --output {path}` makes one")
    return read_file(path)


def _report(args: argparse.Namespace) -> int:
    report = make_report([result for path in args.results for result in _read(path)], SUITES)
    if args.html:
        write_text(args.html, html(report))
    if args.markdown:
        write_markdown(report, args.markdown)
    if not args.html and not args.markdown:
        print(markdown(report), end="")
    return 0


def _compare_runs(args: argparse.Namespace) -> int:
    comparison = compare_runs(_read(args.old), _read(args.new), SUITES, args.min_percent)
    if not comparison.changes:
        raise InputError(f"{args.old} and {args.new} have no case in common")
    print(json.dumps(comparison.to_dict()) if args.json else comparison.markdown())
    return 1 if comparison.worse else 0


if __name__ == "__main__":
    sys.exit(main())
