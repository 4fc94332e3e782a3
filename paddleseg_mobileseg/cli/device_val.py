"""`mobileseg device val`: a network on a phone, scored on the validation set of a config."""

import argparse
import json
import sys
from pathlib import Path

from .device_options import add_program_arguments, run_settings, warn
from .shared_flags import add_limit

EXAMPLE = "mobileseg device val model.nb --config my_config.yml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.nb", help="a model converted for arm")
    parser.add_argument("--config", required=True, help="the config whose val_dataset is scored on, a .yml file")
    parser.add_argument("--opts", nargs="+", metavar="KEY=VALUE", help="replace values of the config")
    parser.add_argument("--device", metavar="SERIAL", help="as `adb devices` names it (default: the only one)")
    add_limit(parser)
    parser.add_argument(
        "--save_dir",
        type=Path,
        default=Path("output/device_val"),
        help="where the counts of each image are kept, to go on from there after an interruption "
        "(default: output/device_val)",
    )
    add_program_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> None:
    from ..config.reader import build, load_config
    from ..data.known_classes import classes_of
    from ..data.samples import first_samples
    from ..evaluation import score_on_phone
    from .paddleseg_tools import logs_to_stderr
    from .val import text_of

    settings = run_settings(args)
    with logs_to_stderr():
        config = load_config(args.config, opts=args.opts, needs=("val_dataset",))
        dataset = first_samples(build(config, "val_dataset", path=args.config), args.limit)
        found = score_on_phone(
            args.model,
            dataset,
            args.save_dir,
            classes_of(config, dataset),
            serial=args.device,
            settings=settings,
            warn=warn,
        )
    print(f"the counts of each image are in {found.kept}", file=sys.stderr)
    result = {
        "scored": {"file": str(args.model), "kind": "nb", "engine": "lite", "phone": found.phone},
        **found.scores.to_dict(),
    }
    print(json.dumps(result) if args.json else text_of(result))
