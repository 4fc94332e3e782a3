"""The `mobileseg` command: one module a subcommand, imported only when it is asked for.

A subcommand module has `EXAMPLE` (a command line that works), `add_arguments(parser)`
and `run(args)`, which returns an exit status or None for success; `args.command_line` is
what was typed. What takes long to load (Paddle, PaddleSeg) is imported by `run` wherever the flags do without.
"""

import importlib
import shlex
import sys
from typing import List, Optional

from ..command_line import Parser, exit_status
from ..errors import InputError, near

SUBCOMMANDS = {
    "demo": "train, evaluate, export, convert, compare and time on the built-in data, with a report",
    "init": "make a config, lists and index PNGs out of a folder of pictures and labels",
    "train": "train a model from a config (PaddleSeg's tools/train.py)",
    "val": "evaluate a checkpoint, an exported folder or a .nb (PaddleSeg's tools/val.py)",
    "predict": "segment images with a checkpoint, an exported folder or a .nb, and write overlays",
    "report": "make a page of a training run, or of several side by side",
    "export": "write the static graph of a checkpoint (PaddleSeg's tools/export.py)",
    "run": "run an unmodified script of a PaddleSeg checkout with this plugin registered",
    "check-data": "read every image and label of a data set before training does",
    "convert": "turn an exported model into a Paddle-Lite .nb",
    "compare": "run the same images through Paddle and Paddle-Lite and count the differences",
    "bench": "time .nb models on this host, one thread",
    "device": "find phones, time models, score them and segment images on them, over adb",
    "detection": "train, evaluate, use and export a detector of PaddleDetection on this plugin's backbones",
    "models": "list the models: parameters, multiply-adds, published figures",
    "import-weights": "rename a published checkpoint to this plugin's names, or back",
    "doctor": "show versions, faults found and patched, and what is missing",
}


def _usage() -> str:
    width = max(map(len, SUBCOMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in SUBCOMMANDS.items())
    return (
        "usage: mobileseg [--debug] COMMAND [ARGS]\n\n"
        "From a PaddleSeg config to a Paddle-Lite model on a phone.\n\n"
        f"commands:\n{rows}\n\n"
        "`mobileseg COMMAND --help` shows the flags of one command and an example.\n"
        "--debug shows the traceback of an error.\n"
    )


def _build_parser(name: str, module) -> Parser:
    parser = Parser(
        prog=f"mobileseg {name}", description=SUBCOMMANDS[name], epilog=f"example:\n  {module.EXAMPLE}"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    module.add_arguments(parser)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run one subcommand.

    Returns:
        0 for success, 2 for bad input, 1 for the failure of a tool, 130 after Ctrl-C.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = bool(argv) and argv[0] == "--debug"
    if debug:
        argv.pop(0)
    return exit_status(lambda: _run(argv), debug=debug or "--debug" in argv)


def _run(argv: List[str]) -> Optional[int]:
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage(), end="")
        return 0
    name, *arguments = argv
    if name not in SUBCOMMANDS:
        raise InputError(f"there is no command '{name}'{near(name, SUBCOMMANDS)}: `mobileseg --help` lists them")
    module = importlib.import_module("." + name.replace("-", "_"), __name__)
    args = _build_parser(name, module).parse_args(arguments)
    args.command_line = shlex.join(["mobileseg", *argv])
    return module.run(args)
