"""The labelled images of a config, on which a command says what a conversion costs."""

import argparse
from typing import TYPE_CHECKING, Any, Optional, Tuple

from ..errors import InputError
from .shared_flags import add_limit

if TYPE_CHECKING:
    from ..classes import Classes


def add_validation_set(parser: argparse.ArgumentParser) -> None:
    """Flags --config, --opts and --limit."""
    parser.add_argument("--config", help="say the mIoU before and after too, on the val_dataset of this .yml file")
    parser.add_argument("--opts", nargs="+", metavar="KEY=VALUE", help="with --config: replace values of it")
    add_limit(parser, "with --config: ")


def validation_set(args: argparse.Namespace) -> "Optional[Tuple[Any, Classes]]":
    """The data set of --config and its classes; None without.

    Raises:
        InputError: the config cannot be used, or --opts or --limit are given without it.
    """
    from ..config.reader import build, load_config
    from ..data.known_classes import classes_of
    from ..data.samples import first_samples
    from .paddleseg_tools import logs_to_stderr

    if not args.config:
        if args.opts or args.limit:
            raise InputError("--opts and --limit are of the data set that --config names: give it, or omit them")
        return None
    with logs_to_stderr():
        config = load_config(args.config, opts=args.opts, needs=("val_dataset",))
        dataset = first_samples(build(config, "val_dataset", path=args.config), args.limit)
        return dataset, classes_of(config, dataset)
