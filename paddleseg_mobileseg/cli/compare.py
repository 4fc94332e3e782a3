"""`mobileseg compare`: the same inputs through Paddle and through Paddle-Lite on this host."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Union

from ..deploy import LABEL_MAPS, PRECISIONS, WEIGHTS
from ..errors import InputError, ToolError
from .shared_flags import add_input_shape, add_least_agreement, by_format, limits_of
from .validation_set import add_validation_set, validation_set

if TYPE_CHECKING:
    from ..classes import Classes
    from ..deploy.convert import Conversion
    from ..deploy.lower import LoweredModel
    from ..evaluation import Scores

EXAMPLE = "mobileseg compare output/export --weights int8 --images images/ --config my_config.yml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exported_dir", type=Path, help="the folder that an export wrote")
    parser.add_argument("--nb", type=Path, help="its conversion for x86 (default: convert now, keep nothing)")
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
    from ..deploy.compare import compare
    from ..files import scratch_folder

    conversion = dict(
        input_shape=args.input_shape, weights=args.weights, labels=args.labels, precision=args.precision
    )
    if args.nb and conversion != dict(input_shape=None, weights="float32", labels="exact", precision="float32"):
        raise InputError(
            "--input-shape, --weights, --labels and --precision say how to convert, and --nb is converted: omit them"
        )
    if args.precision == "int8":
        raise InputError(
            "--precision int8 runs on ARM alone; `mobileseg convert --precision int8 --calibration FOLDER` says how it "
            "agrees, and with --config its mIoU"
        )
    # A config that cannot be used is found before anything takes long.
    data = validation_set(args)
    with scratch_folder() as scratch:
        exported, nb = args.exported_dir, args.nb
        if nb is None:
            converted = _converted(exported, scratch / "model.nb", conversion)
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
            print(_text(args, *scores), flush=True)
    fault = found.total.fault(limits) or (scores and score_fault(*scores, limits.score))
    if fault:
        raise ToolError(f"Paddle-Lite and Paddle disagree on {args.exported_dir}: {fault} ({found.model.numbers})")
    if not args.json:
        print(f"within the limits of {found.model.numbers}: {limits}")


def _converted(exported: Path, nb: Path, options: Dict[str, Any]) -> "Conversion":
    from ..deploy.compare import convert_for_simulation
    from ..deploy.convert import convert
    from ..deploy.runtime.predictor import HOST_TARGET

    if options["precision"] == "fp16":
        return convert_for_simulation(exported, nb, **{name: options[name] for name in options if name != "precision"})
    return convert(exported, nb, HOST_TARGET, **options)


def _scores(
    args: argparse.Namespace, exported: "Union[Path, LoweredModel]", nb: Path, dataset: Any, classes: "Classes"
) -> "Tuple[Scores, Scores]":
    from ..evaluation import score_conversion, score_half

    if args.precision == "fp16":
        return score_half(exported, dataset, classes)
    return score_conversion(args.exported_dir, nb, dataset, classes)


def _text(args: argparse.Namespace, before: "Scores", after: "Scores") -> str:
    engine = "the simulation of ARM" if args.precision == "fp16" else "Paddle-Lite"
    return (
        f"mIoU {before.miou:.4f} in Paddle and {after.miou:.4f} in {engine}, {after.miou - before.miou:+.4f}, "
        f"on {len(after.images)} images of {args.config}"
    )


def score_fault(before: "Scores", after: "Scores", most: float) -> Optional[str]:
    """Why a conversion scores too little, in words; None where it does not.

    Args:
        before, after: of the export and of its conversion.
        most: that the mIoU may lose.
    """
    lost = before.miou - after.miou
    return f"the mIoU falls by {lost:.4f}, more than {most:g}" if lost > most else None
