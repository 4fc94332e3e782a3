"""The command line of the pretraining."""

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import List, Optional

import paddle

from ..command_line import Parser, exit_status
from ..errors import InputError
from .train import BEST, Recipe, Training

_HELP = {
    "epochs": "passes over the training images",
    "batch_size": "images an iteration",
    "learning_rate": "after the warm-up",
    "warmup_epochs": "epochs of linear warm-up",
    "weight_decay": "of convolutions and linear layers",
    "label_smoothing": "share of the target that all classes have in common",
    "dropout": "before the classifier",
    "image_size": "height and width of the crops",
    "num_workers": "processes that read images",
    "seed": "of weights, order, crops and dropout",
}


def build_parser() -> Parser:
    parser = Parser(
        prog="python -m paddleseg_mobileseg.pretraining",
        description="Pretrain a backbone as a classifier; the result goes under a segmentor as backbone.pretrained.",
        epilog="example:\n  python -m paddleseg_mobileseg.pretraining --backbone StrideFormer_Tiny --data imagenet",
    )
    parser.add_argument("--backbone", required=True, help="its type in a config, such as SeaFormer_Tiny")
    parser.add_argument("--data", type=Path, required=True, help="folder with train/CLASS/ and val/CLASS/")
    parser.add_argument("--save_dir", type=Path, default=Path("output/pretraining"), help="for the checkpoints")
    parser.add_argument("--resume", type=Path, help="the folder `last` of an earlier training to go on from")
    parser.add_argument("--pretrained", help="weights of the backbone to start from")
    for field in fields(Recipe):
        parser.add_argument(
            f"--{field.name}", type=field.type, default=field.default,
            help=f"{_HELP[field.name]} (default: {field.default})",
        )
    parser.add_argument("--json", action="store_true", help="print a row for every epoch as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def run(args: argparse.Namespace) -> None:
    if paddle.distributed.ParallelEnv().nranks > 1:
        raise InputError("pretraining runs on one process; start it without paddle.distributed.launch")
    recipe = Recipe(**{field.name: getattr(args, field.name) for field in fields(Recipe)})
    training = Training(args.backbone, args.data, args.save_dir, recipe, args.pretrained)
    if args.resume is not None:
        training.resume(args.resume)
    history = training.run()
    checkpoint = args.save_dir / BEST / "model.pdparams"
    if args.json:
        print(json.dumps({"checkpoint": str(checkpoint), "epochs": history}))
    else:
        print(checkpoint)


def main(argv: Optional[List[str]] = None) -> int:
    """Returns 0 for success, 2 for bad input, 1 for a failed training, 130 after Ctrl-C."""
    args = build_parser().parse_args(argv)
    return exit_status(lambda: run(args), args.debug, "interrupted; --resume goes on from the last epoch")


if __name__ == "__main__":
    sys.exit(main())
