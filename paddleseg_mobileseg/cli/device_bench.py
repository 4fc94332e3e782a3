"""`mobileseg device bench`: latency of converted models on phones."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import List

from ..deploy.runtime.records import Record, json_lines, markdown
from ..errors import InputError
from .device_options import add_program_arguments, run_settings, warn
from .shared_flags import add_turns

EXAMPLE = "mobileseg device bench tiny.nb base.nb --images images/ --output results.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.nb", help="models converted for arm")
    parser.add_argument(
        "--device", nargs="+", metavar="SERIAL", help="phones, as `adb devices` names them (default: the only one)"
    )
    add_turns(parser, "in each round")
    parser.add_argument("--cool-down", type=float, default=10, help="seconds to wait between turns (default: 10)")
    parser.add_argument(
        "--warmup-seconds", type=float, default=0, help="warm up at least so long in each round (default: 0)"
    )
    add_program_arguments(parser)
    parser.add_argument("--output", type=Path, help="append the JSON lines to this file, each when it is measured")


def run(args: argparse.Namespace) -> None:
    from ..deploy.android.bench import bench

    settings = run_settings(args)
    records: List[Record] = []
    with ExitStack() as opened:
        output = opened.enter_context(_append_to(args.output)) if args.output else None
        try:
            for record in bench(
                args.models,
                serials=args.device,
                images=args.images,
                seed=args.seed,
                warmup=args.warmup,
                repeats=args.repeats,
                rounds=args.rounds,
                cool_down=args.cool_down,
                warmup_seconds=args.warmup_seconds,
                settings=settings,
                warn=warn,
            ):
                records.append(record)
                if output:
                    _append(output, record)
                if args.json:
                    print(json_lines([record]), end="", flush=True)
        finally:
            # What was measured before a fault is a result too.
            if records and not args.json:
                print(markdown(records), flush=True)


def _append_to(path: Path):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --output") from error


def _append(file, record: Record) -> None:
    try:
        file.write(json_lines([record]))
        file.flush()
    except OSError as error:
        raise InputError(f"cannot write {file.name}: {error.strerror}; free some space") from error
