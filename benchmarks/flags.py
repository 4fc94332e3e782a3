"""Flags that several suites have, and the settings that they are."""

import argparse
import os
from dataclasses import dataclass
from typing import Any, Dict

from paddleseg_mobileseg.errors import InputError


@dataclass(frozen=True)
class Timing:
    """How a suite is timed, unless the user says otherwise.

    Attributes:
        rounds: turns of each case.
        repeats: recorded runs in a turn.
        warmup: runs before them.
    """

    rounds: int = 5
    repeats: int = 3
    warmup: int = 1


CLOCKS = {
    "wall": "Times are wall-clock times.",
    "cpu": "Times are those that the process had its core, since the machine had other work beside it.",
}


def add_rounds(parser: argparse.ArgumentParser, rounds: int, what: str) -> None:
    """Add "--rounds", of which there must be 1 or more."""
    parser.add_argument("--rounds", type=int, default=rounds, help=f"{what} (default: %(default)s)")


def add_timing(parser: argparse.ArgumentParser, defaults: Timing) -> None:
    """Add the flags that `timing_settings` reads."""
    add_rounds(parser, defaults.rounds, "turns of each case")
    parser.add_argument("--repeats", type=int, default=defaults.repeats, help="runs in a turn (default: %(default)s)")
    parser.add_argument("--warmup", type=int, default=defaults.warmup, help="runs before them (default: %(default)s)")
    parser.add_argument("--core", type=int, help="bind to this core (default: this host's last; a phone's choice)")
    parser.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default="wall",
        help="cpu: count the time that a process had its core, on a machine with other work (default: %(default)s)",
    )


def add_networks(parser: argparse.ArgumentParser) -> None:
    """Add "--networks"."""
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="measure these only")


def timing_settings(args: argparse.Namespace, on_host: bool = True) -> Dict[str, Any]:
    """The user's "warmup", "repeats", "core" and "clock".

    On this host, the last core unless told otherwise: it is the one that a system gives the least of its own work.

    Raises:
        InputError: a number is out of range.
    """
    for name, least in (("repeats", 1), ("warmup", 0)):
        if getattr(args, name) < least:
            raise InputError(f"--{name} takes a number of {least} or more, not {getattr(args, name)}")
    core, own = args.core, sorted(os.sched_getaffinity(0))
    if on_host:
        core = own[-1] if core is None else core
        if core not in own:
            cores = ", ".join(map(str, own))
            raise InputError(f"--core {core} is none of those that this process may use ({cores})")
    return {"warmup": args.warmup, "repeats": args.repeats, "core": core, "clock": args.clock}
