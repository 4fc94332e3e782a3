"""`mobileseg compare`: the same inputs through Paddle and through Paddle-Lite on this host."""

import json
from dataclasses import asdict
from pathlib import Path

from ..deploy import LABEL_MAPS, WEIGHTS
from ..errors import InputError, ToolError
from .shared_flags import add_input_shape, add_least_agreement, by_format, limits_of

EXAMPLE = "mobileseg compare output/export --images images/"


def add_arguments(parser) -> None:
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
    add_input_shape(parser, "without --nb: ")
    add_least_agreement(parser)
    parser.add_argument(
        "--max-difference",
        type=float,
        help="largest difference of logits allowed, over the largest logit "
        f"(default: {by_format('difference')})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args) -> None:
    from ..deploy.compare import compare

    if args.nb and (args.input_shape or args.weights != "float32" or args.labels != "exact"):
        raise InputError(
            "--input-shape, --weights and --labels say how to convert, and --nb is converted: omit them"
        )
    found = compare(
        args.exported_dir,
        args.nb,
        images=args.images,
        random=args.random,
        seed=args.seed,
        input_shape=args.input_shape,
        weights=args.weights,
        labels=args.labels,
    )
    limits = limits_of(args, found.model)
    if args.json:
        print(json.dumps({**found.to_dict(), "limits": asdict(limits)}, indent=2), flush=True)
    else:
        print(found.table(), flush=True)
    fault = found.total.fault(limits)
    if fault:
        raise ToolError(f"Paddle-Lite and Paddle disagree on {args.exported_dir}: {fault} ({found.model.numbers})")
    if not args.json:
        print(f"within the limits of {found.model.numbers}: {limits}")
