"""`mobileseg init`: a config, lists and index PNGs out of a folder of pictures and labels."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any, List, Union

from ..errors import InputError, shown

EXAMPLE = "mobileseg init my_project --model pp_mobileseg_tiny --data photos"

_SHOWN_FAULTS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="PROJECT", help="folder to make")
    parser.add_argument("--model", required=True, help="the network, one of those that `mobileseg models` lists")
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of pictures and labels, or a list of them; it is only read"
    )
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME", help="the classes in the order of their numbers, or a text file of them"
    )
    parser.add_argument(
        "--void", nargs="+", default=[], metavar="VALUE",
        help="numbers, colours (#rrggbb) or names in the labels that are not to be learnt; they become 255",
    )  # fmt: skip
    parser.add_argument(
        "--val", type=_folder_or_share, metavar="FOLDER|SHARE",
        help="data to validate with, or the share of --data to draw for that (default: what --data says, else 0.2)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("H", "W"),
        help="height and width that the network sees (default: by the pictures)",
    )  # fmt: skip
    parser.add_argument("--batch-size", type=int, help="pictures an iteration (default: by the size)")
    parser.add_argument("--iters", type=int, help="iterations of the training (default: by the number of pictures)")
    parser.add_argument(
        "--pretrained", default="imagenet",
        help="weights to start from: imagenet (of the backbone), none, published ones by name (`mobileseg models "
        "--pretrained`), a file or an address (default: imagenet)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the draw of --val (default: 0)")
    parser.add_argument("--skip-faulty", action="store_true", help="leave out samples that cannot be used")
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier init of this project")
    parser.add_argument("--json", action="store_true", help="print what was found, proposed and written as JSON")


def _folder_or_share(text: str) -> Union[Path, float]:
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if Path(text).exists():
        return Path(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is no folder, and no share between 0 and 1")
    return share


def run(args: argparse.Namespace) -> None:
    for name, value in (("size", min(args.size or [64])), ("batch-size", args.batch_size), ("iters", args.iters)):
        least = 32 if name == "size" else 1
        if value is not None and value < least:
            raise InputError(f"--{name} must be at least {least}, not {value}")
    from ..projects.project import FaultySamples, Request, make_project, next_commands

    classes = args.classes
    # `road,sky` is how many other programs take a list.
    if classes and len(classes) == 1 and "," in classes[0] and not Path(classes[0]).exists():
        classes = [name.strip() for name in classes[0].split(",")]
    request = Request(
        args.folder, args.model, args.data, classes, args.void, args.val, args.size and tuple(args.size),
        args.batch_size, args.iters, args.pretrained, args.seed, args.skip_faulty, args.force,
    )  # fmt: skip
    try:
        project = make_project(request)
    except FaultySamples as error:
        _print_faults(error.faults)
        raise
    _print_faults(project.faults)
    commands = [shlex.join(command) for command in next_commands(project)]
    if args.json:
        print(json.dumps({**project.as_json(), "next": commands}))
    else:
        print("\n".join([*_summary(project), "", "next:", *(f"  {command}" for command in commands)]))


def _print_faults(faults: List[str]) -> None:
    for fault in faults[:_SHOWN_FAULTS]:
        print(f"  {shown(fault, 1000)}", file=sys.stderr)
    if len(faults) > _SHOWN_FAULTS:
        print(f"  and {len(faults) - _SHOWN_FAULTS} more", file=sys.stderr)


def _summary(project: Any) -> List[str]:
    """What was found, written and proposed, a line each."""
    proposal = project.proposal
    counts = ", ".join(f"{count} {part}" for part, count in project.samples.items())
    names = ", ".join(shown(name) for name in project.classes.names[:20])
    labels = f"{project.converted} written to {project.folder / 'labels'}" if project.converted else "used as they are"
    schedule = {
        "size": "{1}x{0}".format(*proposal.size),
        "resize": " and ".join(step["type"] for step in proposal.resize) or "none",
        "batch_size": proposal.batch_size,
        "iters": proposal.iters,
        "warmup_iters": proposal.warmup_iters,
        "learning_rate": f"{proposal.learning_rate:g}",
        "save_interval": proposal.save_interval,
    }
    rows = {
        "data": f"{project.layout}: {counts}",
        "classes": f"{len(project.classes)}: {names}{', ...' if len(project.classes) > 20 else ''}",
        "labels": labels,
        **{name: f"{value} ({proposal.why[name]})" for name, value in schedule.items()},
        "config": str(project.config),
    }
    width = max(map(len, rows))
    return [*(f"{name:<{width}}  {text}" for name, text in rows.items()), *(f"note: {note}" for note in project.notes)]
