"""`mobileseg bench`: latency of converted models on this host."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any, List, Sequence

from ..deploy import ENGINES, FORMATS
from ..files import write_text
from .shared_flags import add_turns

EXAMPLE = "mobileseg bench tiny.nb tiny.onnx --images images/"


def add_arguments(parser) -> None:
    parser.add_argument(
        "models",
        nargs="+",
        type=Path,
        metavar="MODEL",
        help="converted models, each run by its own engine: .nb for x86, .onnx and so on; and exported folders, which "
        "--engine converts",
    )
    parser.add_argument(
        "--engine", nargs="+", choices=ENGINES, default=("lite",), help="what runs exported folders (default: lite)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each network (default: 1)")
    add_turns(parser, "before the measurement")
    parser.add_argument("--output", type=Path, help="also write the JSON lines to this file")


def _converted(model: Path, engines: Sequence[str], scratch: Path) -> List[Path]:
    """A converted model itself; of an exported folder, a conversion for each engine."""
    if not model.is_dir():
        return [model]
    from ..deploy.convert import convert_for_host
    from ..deploy.runtime.engines import find_engine

    lowered: Any = model
    files = []
    for name in dict.fromkeys(engines):
        format = find_engine(name).format
        # Exports may have equal names, and a record has that of the file.
        folder = Path(mkdtemp(dir=scratch))
        done = convert_for_host(lowered, folder / f"{model.resolve().name}{FORMATS[format]}", format)
        lowered = done.lowered
        files.append(done.path)
    return files


def run(args) -> None:
    from ..deploy.runtime.bench import bench
    from ..deploy.runtime.records import json_lines, markdown
    from ..files import scratch_folder

    with scratch_folder() as scratch:
        records = bench(
            [each for model in args.models for each in _converted(model, args.engine, scratch)],
            images=args.images,
            seed=args.seed,
            warmup=args.warmup,
            repeats=args.repeats,
            rounds=args.rounds,
            threads=args.threads,
        )
    print(json_lines(records) if args.json else markdown(records), end="" if args.json else "\n", flush=True)
    if args.output:
        write_text(args.output, json_lines(records))
