"""`mobileseg device`: phones, found, timed and used through adb. Each action is a module like a subcommand's."""

import argparse
from typing import Optional

from . import device_bench, device_list, device_predict, device_val

ACTIONS = {
    "list": (device_list, "show the phones that adb knows, and what of them bears on a measurement"),
    "bench": (device_bench, "time .nb models on phones, taking turns"),
    "val": (device_val, "score a model on the validation set of a config on a phone; goes on where it was interrupted"),
    "predict": (device_predict, "segment images on a phone and write overlays; compare the labels with Paddle's"),
}

EXAMPLE = device_bench.EXAMPLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    for name, (module, text) in ACTIONS.items():
        action = actions.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example:\n  {module.EXAMPLE}",
        )
        # Without a default of its own, so that the flag counts before the action too.
        action.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        module.add_arguments(action)
        action.set_defaults(run_action=module.run)


def run(args: argparse.Namespace) -> Optional[int]:
    return args.run_action(args)
