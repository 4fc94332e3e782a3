"""`mobileseg bench`: latency of converted models on this host."""

from pathlib import Path

from ..files import write_text
from .shared_flags import add_turns

EXAMPLE = "mobileseg bench tiny.nb base.nb --images images/"


def add_arguments(parser) -> None:
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.nb", help="models converted for x86")
    add_turns(parser, "before the measurement")
    parser.add_argument("--output", type=Path, help="also write the JSON lines to this file")


def run(args) -> None:
    from ..deploy.runtime.bench import bench
    from ..deploy.runtime.records import json_lines, markdown

    records = bench(
        args.models,
        images=args.images,
        seed=args.seed,
        warmup=args.warmup,
        repeats=args.repeats,
        rounds=args.rounds,
    )
    print(json_lines(records) if args.json else markdown(records), end="" if args.json else "\n", flush=True)
    if args.output:
        write_text(args.output, json_lines(records))
