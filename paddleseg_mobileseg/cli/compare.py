"""`mobileseg compare`: the same inputs through Paddle and through an engine on this host, or through several."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Union

from ..deploy import ENGINES, LABEL_MAPS, PRECISIONS, WEIGHTS
from ..errors import InputError, ToolError
from .shared_flags import add_input_shape, add_least_agreement, by_format, limits_of
from .validation_set import add_validation_set, validation_set

if TYPE_CHECKING:
    from ..classes import Classes
    from ..deploy.lower import LoweredModel
    from ..deploy.runtime.metadata import Metadata
    from ..evaluation import Scores

EXAMPLE = "mobileseg compare output/export --weights int8 --images images/ --config my_config.yml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exported_dir", type=Path, help="the folder that an export wrote")
    parser.add_argument(
        "--nb", type=Path, help="its conversion, of any format that runs here (default: convert now, keep nothing)"
    )
    parser.add_argument("--engine", choices=ENGINES, default="lite", help="without --nb: what runs it (default: lite)")
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=(*ENGINES, "all"),
        help="a table of several engines, or of all: agreement, time of the conversion, size",
    )
    parser.add_argument("--images", nargs="+", type=Path, help="images, and folders of images, to feed")
    parser.add_argument(
        "--random", type=int, default=1, metavar="N", help="without --images: inputs of noise (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument(
        "--weights", choices=WEIGHTS, default="float32", help="without --nb: as of `convert` (default: float32)"
    )
    parser.add_argument(
        "--labels", choices=LABEL_MAPS, default="exact", help="without --nb: as of `convert` (default: exact)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="float32", help="without --nb: as of `convert` (default: float32)"
    )
    add_input_shape(parser, "without --nb: ")
    add_least_agreement(parser)
    parser.add_argument(
        "--max-difference",
        type=float,
        help="largest difference of logits allowed, over the largest logit "
        f"(default: {by_format('difference')})",
    )
    add_validation_set(parser)
    parser.add_argument(
        "--max-miou-drop",
        type=float,
        help=f"with --config: most that the mIoU may lose (default: {by_format('score')})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    from ..deploy.compare import compare, convert_to_compare
    from ..deploy.runtime.engines import engine_of
    from ..files import scratch_folder

    conversion = dict(
        input_shape=args.input_shape, weights=args.weights, labels=args.labels, precision=args.precision
    )
    if args.nb and conversion != dict(input_shape=None, weights="float32", labels="exact", precision="float32"):
        raise InputError(
            "--input-shape, --weights, --labels and --precision say how to convert, and --nb is converted: omit them"
        )
    if args.engines:
        _run_engines(args, conversion)
        return
    if args.precision == "int8":
        raise InputError(
            "--precision int8 needs pictures to calibrate with: `mobileseg convert --precision int8 --calibration "
            "FOLDER` says how it agrees"
        )
    # A config that cannot be used is found before anything takes long.
    data = validation_set(args)
    with scratch_folder() as scratch:
        exported, nb = args.exported_dir, args.nb
        if nb is None:
            converted = convert_to_compare(exported, scratch, args.engine, **conversion)
            exported, nb = converted.lowered, converted.path
        found = compare(exported, nb, images=args.images, random=args.random, seed=args.seed)
        scores = _scores(args, exported, nb, *data) if data else None
    limits = limits_of(args, found.model)
    if args.json:
        content = {**found.to_dict(), "limits": asdict(limits)}
        content["scores"] = scores and {when: each.to_dict() for when, each in zip(("before", "after"), scores)}
        print(json.dumps(content, indent=2), flush=True)
    else:
        print(found.table(), flush=True)
        if scores:
            print(_text(args, found.model, *scores), flush=True)
    fault = found.total.fault(limits) or (scores and score_fault(*scores, limits.score))
    if fault:
        engine = engine_of(found.model).title
        raise ToolError(f"{engine} and Paddle disagree on {args.exported_dir}: {fault} ({found.model.numbers})")
    if not args.json:
        print(f"within the limits of {found.model.numbers}: {limits}")


def _run_engines(args: argparse.Namespace, conversion: Dict[str, Any]) -> None:
    from ..deploy.compare_engines import compare_engines, engines_table

    if args.nb or args.config or conversion.pop("precision") != "float32":
        raise InputError("--engines converts anew, in float32 and without a data set: omit --nb, --config, --precision")
    names = ENGINES if "all" in args.engines else tuple(dict.fromkeys(args.engines))
    inputs = dict(images=args.images, random=args.random, seed=args.seed)
    rows = compare_engines(args.exported_dir, names, **inputs, **conversion)
    print(json.dumps([row.to_dict() for row in rows], indent=2) if args.json else engines_table(rows), flush=True)
    # Of all engines, those that are there are meant.
    failed = [row.title for row in rows if row.fault and (row.installed or "all" not in args.engines)]
    if failed:
        raise ToolError(f"{args.exported_dir} cannot be used in {', '.join(failed)}; the reasons stand above")


def _scores(
    args: argparse.Namespace, exported: "Union[Path, LoweredModel]", nb: Path, dataset: Any, classes: "Classes"
) -> "Tuple[Scores, Scores]":
    from ..evaluation import score_conversion, score_half

    if _simulated(args):
        return score_half(exported, dataset, classes)
    return score_conversion(args.exported_dir, nb, dataset, classes)


def _text(args: argparse.Namespace, model: "Metadata", before: "Scores", after: "Scores") -> str:
    from ..deploy.runtime.engines import engine_of

    engine = "the simulation of ARM" if _simulated(args) else engine_of(model).title
    return (
        f"mIoU {before.miou:.4f} in Paddle and {after.miou:.4f} in {engine}, {after.miou - before.miou:+.4f}, "
        f"on {len(after.images)} images of {args.config}"
    )


def _simulated(args: argparse.Namespace) -> bool:
    """Whether a `.nb` is converted for ARM's half precision, which this host cannot run."""
    return args.precision == "fp16" and args.engine == "lite"


def score_fault(before: "Scores", after: "Scores", most: float) -> Optional[str]:
    """Why a conversion scores too little, in words; None where it does not.

    Args:
        before, after: of the export and of its conversion.
        most: that the mIoU may lose.
    """
    lost = before.miou - after.miou
    return f"the mIoU falls by {lost:.4f}, more than {most:g}" if lost > most else None
