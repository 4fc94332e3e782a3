"""Measure networks side by side, report what was measured, and compare two measurements."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from paddleseg_mobileseg.deploy.runtime.inputs import find_images
from paddleseg_mobileseg.errors import InputError, MobilesegError
from paddleseg_mobileseg.files import write_text

from .cases import ENGINES, SUITES, choose, find_network
from .comparison import MIN_PERCENT, compare_runs
from .images import built_in_images
from .measurements import read_measurements
from .models import ModelFolder
from .results_file import ResultsFile
from .runner import Settings, run_suite
from .training_speed import NETWORKS, SUITE, TrainingSettings, measure_training, read_speeds

FOLDER = Path("output/benchmarks")


def main(argv: Optional[List[str]] = None) -> int:
    """The command.

    Returns:
        The exit status: 0; 1 for the failure of a tool and where `compare-runs` finds something slower; 2 for bad
        input; 130 when interrupted.
    """
    args = _parser().parse_args(argv)
    try:
        return args.do(args)
    except MobilesegError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("error: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    suites = "\n".join(f"  {name:14} {suite.question}" for name, suite in SUITES.items())
    run = commands.add_parser(
        "run",
        help="measure a suite, or go on with it",
        description=f"Measure a suite, or go on with it where it was stopped. The suites:\n\n{suites}\n"
        "  training       images a second in training, beside PaddleSeg's own PP-MobileSeg",
        epilog="example: python -m benchmarks run ade20k --output output/benchmarks/ade20k.jsonl",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_run(run)
    report = commands.add_parser(
        "report",
        help="tables and plots of results files",
        epilog="example: python -m benchmarks report benchmarks/results/*.jsonl --html report.html",
        allow_abbrev=False,
    )
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS.jsonl")
    report.add_argument("--html", type=Path, help="write one page that loads nothing")
    report.add_argument("--markdown", type=Path, help="write the tables here (default: print them)")
    report.set_defaults(do=_report)
    compare = commands.add_parser(
        "compare-runs",
        help="say what became slower; exit status 1 if something did",
        epilog="example: python -m benchmarks compare-runs old.jsonl new.jsonl",
        allow_abbrev=False,
    )
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    compare.add_argument(
        "--min-percent", type=float, default=MIN_PERCENT, help=f"least change that counts (default: {MIN_PERCENT:g})"
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(do=_compare_runs)
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    defaults = Settings()
    run.add_argument("suite", choices=[*SUITES, SUITE], metavar="SUITE")
    run.add_argument("--output", type=Path, help=f"results, JSON lines (default: {FOLDER}/SUITE.jsonl)")
    run.add_argument("--models", type=Path, default=FOLDER / "models", help="folder of the converted networks")
    run.add_argument("--networks", nargs="+", metavar="NAME", help="measure these only")
    run.add_argument("--label-maps", nargs="+", choices=("exact", "argmax", "vim"), help="measure these only")
    run.add_argument("--sizes", nargs="+", type=_size, metavar="WxH", help="measure these sizes of the suite only")
    run.add_argument("--engine", choices=ENGINES, help="instead of the suite's own")
    run.add_argument("--serial", help="of the phone, for --engine phone")
    run.add_argument("--cool-down", type=float, default=defaults.cool_down, help="seconds a phone rests before a turn")
    for number in ("int16", "int8"):
        run.add_argument(f"--{number}", action="store_true", help=f"also with weights stored as {number}")
    run.add_argument("--fp16", action="store_true", help="also in half precision, on a phone")
    run.add_argument("--images", nargs="+", type=Path, help="images and folders of them (default: built-in scenes)")
    run.add_argument("--scenes", type=int, default=3, help="how many of the built-in scenes (default: 3)")
    run.add_argument("--rounds", type=int, default=defaults.rounds, help="turns of each case (default: %(default)s)")
    run.add_argument("--repeats", type=int, default=defaults.repeats, help="runs in a turn (default: %(default)s)")
    run.add_argument("--warmup", type=int, default=defaults.warmup, help="runs before them (default: %(default)s)")
    run.add_argument("--core", type=int, help="bind to this core (default: this host's last; a phone's choice)")
    run.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default=defaults.clock,
        help="cpu: count the time that a process had its core, on a machine with other work (default: %(default)s)",
    )
    run.set_defaults(do=_run)


def _size(text: str) -> Tuple[int, int]:
    """WxH as height and width."""
    width, _, height = text.partition("x")
    return int(height), int(width)


def _run(args: argparse.Namespace) -> int:
    output = args.output or FOLDER / f"{args.suite}.jsonl"
    for name in args.networks or []:
        find_network(name)
    if args.suite == SUITE:
        settings = TrainingSettings(
            rounds=args.rounds, steps=args.repeats, warmup=args.warmup, core=_host_core(args), clock=args.clock
        )
        measure_training(ResultsFile(output), settings, args.networks or NETWORKS)
        print(f"wrote {output}", file=sys.stderr)
        return 0
    if args.scenes < 1:
        raise InputError(f"--scenes takes a number of 1 or more, not {args.scenes}")
    formats = [name for name, wanted in (("int16", args.int16), ("int8", args.int8), ("float16", args.fp16)) if wanted]
    cases = choose(
        SUITES[args.suite].cases(), args.networks, args.label_maps, args.sizes, args.engine, formats
    )
    core = args.core if args.engine == "phone" else _host_core(args)
    settings = Settings(args.rounds, args.repeats, args.warmup, core, args.serial, args.cool_down, args.clock)
    settings.check()
    images = find_images(args.images) if args.images else built_in_images(FOLDER / "images", args.scenes)
    models = ModelFolder(args.models, images)
    results = ResultsFile(output)
    models.make_all(cases, processes=len(os.sched_getaffinity(0)))
    run_suite(args.suite, cases, models, results, settings)
    print(f"wrote {output}", file=sys.stderr)
    return 0


def _host_core(args: argparse.Namespace) -> int:
    """The last core is the one that a system gives the least of its own work."""
    return max(os.sched_getaffinity(0)) if args.core is None else args.core


def _report(args: argparse.Namespace) -> int:
    from .report import html, markdown, sections, write_markdown

    measurements = [each for path in args.results for each in read_measurements(path)]
    speeds = [speed for path in args.results for speed in read_speeds(path)]
    parts = sections(measurements, speeds)
    if args.html:
        write_text(args.html, html(parts))
    if args.markdown:
        write_markdown(parts, args.markdown)
    if not args.html and not args.markdown:
        print(markdown(parts), end="")
    return 0


def _compare_runs(args: argparse.Namespace) -> int:
    old, new = read_measurements(args.old), read_measurements(args.new)
    comparison = compare_runs(old, new, args.min_percent)
    if not comparison.changes:
        raise InputError(f"{args.old} and {args.new} have no case in common")
    print(json.dumps(comparison.to_dict()) if args.json else comparison.table())
    return 1 if comparison.slower else 0


if __name__ == "__main__":
    sys.exit(main())
