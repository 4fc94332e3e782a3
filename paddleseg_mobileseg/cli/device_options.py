"""Flags that the actions of `mobileseg device` share."""

import argparse
import sys
from pathlib import Path
from typing import List

from ..deploy import POWER_MODES
from ..deploy.android.bench_binary import RunSettings
from ..errors import InputError

_A_DAY = 86400


def _core_numbers(text: str) -> List[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0:
        raise argparse.ArgumentTypeError(f"takes numbers with commas, such as 4,5, not {text!r}")
    return numbers


def add_program_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags about mobileseg_bench: where it is, and how it runs."""
    parser.add_argument(
        "--program", type=Path, help="mobileseg_bench for the phone (default: what deploy/android/build.sh built here)"
    )
    parser.add_argument("--library", type=Path, help="Paddle-Lite's library (default: that beside the program)")
    parser.add_argument("--lite", type=Path, help="or an unpacked release of Paddle-Lite that holds it")
    parser.add_argument("--threads", type=int, default=1, help="of the network and of the label map (default: 1)")
    parser.add_argument("--power-mode", choices=POWER_MODES, help="which cores Paddle-Lite runs on (default: high)")
    parser.add_argument("--cores", type=_core_numbers, metavar="4,5", help="bind to these cores instead")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds that one run of the program may take (default: 600)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the files on the phone, to send them only once")


def run_settings(args: argparse.Namespace) -> RunSettings:
    """The flags of `add_program_arguments`.

    Raises:
        InputError: a number is out of range, or two flags exclude each other.
    """
    if args.threads < 1:
        raise InputError(f"--threads takes a number of 1 or more, not {args.threads}")
    if not 0 < args.timeout <= _A_DAY:
        raise InputError(f"--timeout takes seconds above 0 and up to {_A_DAY}, not {args.timeout:g}")
    if args.cores and args.power_mode not in (None, "no_bind"):
        raise InputError("--power-mode chooses cores and so does --cores: omit one")
    return RunSettings(
        program=args.program,
        library=args.library,
        lite=args.lite,
        threads=args.threads,
        power_mode=args.power_mode,
        cores=args.cores,
        timeout=args.timeout,
        keep=args.keep,
    )


def warn(message: str) -> None:
    """A warning for the reader of a measurement."""
    print(f"warning: {message}", file=sys.stderr, flush=True)
