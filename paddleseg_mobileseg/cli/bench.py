"""`mobileseg bench`: latency of converted models on this host."""

from pathlib import Path

from ..files import write_text

EXAMPLE = "mobileseg bench tiny.nb base.nb --images images/"


def add_arguments(parser) -> None:
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.nb", help="models converted for x86")
    parser.add_argument(
        "--images", nargs="+", type=Path, help="images, and folders of images, to feed in turn (default: noise)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--warmup", type=int, default=20, help="runs before the measurement (default: 20)")
    parser.add_argument("--repeats", type=int, default=50, help="measured runs of each model (default: 50)")
    parser.add_argument("--rounds", type=int, default=5, help="turns to take them in (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON lines, with every sample")
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
