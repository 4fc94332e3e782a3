"""`python -m faults run`."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Dict

from tqdm import tqdm

from paddleseg_mobileseg.errors import InputError, near

from ..kinds import KINDS
from ..pool import read_all
from ..report import markdown
from ..results import Campaign, Tally

SECONDS = 10
MEMORY = 1 << 30


def add_limits(parser: argparse.ArgumentParser) -> None:
    """The flags that `run` and `show` share."""
    parser.add_argument("--seed", type=int, default=1, help="what all chance follows from (default: 1)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="processor time of a case (default: 10)")
    parser.add_argument(
        "--memory", type=int, default=MEMORY >> 20, help="MB of a case beyond the idle child (default: 1024)"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_limits(parser)
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--cases", type=int, default=200, help="of each kind (default: 200)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="children (default: one a processor)")
    parser.add_argument("--json", type=Path, help="write the results here, for `report`")


def check_kinds(names: Any) -> None:
    """Refuse names of no kind.

    Raises:
        InputError: there is one.
    """
    for name in names:
        if name not in KINDS:
            raise InputError(f"there is no kind '{name}'{near(name, KINDS)}; choose from {', '.join(KINDS)}")


def run_campaign(
    names: Any, cases: int, seed: int, jobs: int, seconds: int = SECONDS, memory: int = MEMORY, first: int = 0
) -> Campaign:
    """Try cases of each kind called so, and count how they end; progress and faults go to standard error.

    Raises:
        ToolError: a child cannot be started.
    """
    campaign = Campaign(seed, {"seconds": seconds, "memory": memory})
    campaign.tallies = {name: Tally() for name in names}
    with tqdm(total=len(names) * cases, unit="case", disable=None) as progress:

        def ended(name: str, case: int, answer: Dict[str, Any]) -> None:
            fault = campaign.tallies[name].add(case, answer)
            if fault is not None:
                with progress.external_write_mode(sys.stderr):
                    print(f"{name} {case}: {fault.outcome}: {fault.detail} [{fault.what}]", file=sys.stderr)
            progress.update()

        numbered = [(name, case) for name in names for case in range(first, first + cases)]
        read_all(numbered, seed, jobs, memory, seconds, ended)
    return campaign


def run(args: argparse.Namespace) -> int:
    """Run, print the table, and say whether all went well."""
    names = args.kinds or list(KINDS)
    check_kinds(names)
    if args.cases < 1 or args.jobs < 1 or args.seconds < 1 or args.memory < 1:
        raise InputError("--cases, --jobs, --seconds and --memory take numbers of 1 or more")
    campaign = run_campaign(names, args.cases, args.seed, args.jobs, args.seconds, args.memory << 20)
    if args.json:
        campaign.write(args.json)
    print(markdown(campaign), end="")
    return 1 if any(tally.faults for tally in campaign.tallies.values()) else 0
