"""Time label maps of made-up logits: exact upsampling, interpolation and argmax, and VIM, all through Paddle-Lite."""

import argparse
import sys
from pathlib import Path
from typing import List, Optional

import numpy as np
from tqdm import tqdm

from paddleseg_mobileseg.errors import InputError, MobilesegError

from ..results_file import ResultsFile
from .logits import SIZE, cases
from .networks import network_cases
from .report import plot, table
from .tails import time_tails


def main(argv: Optional[List[str]] = None) -> int:
    """Measure what the results file does not hold yet, then print the tables and draw the plot.

    Returns:
        The exit status: 0, 2 for bad input, 1 for the failure of a tool.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--output", type=Path, default=Path("output/labels.jsonl"), help="JSON lines; what it holds is not repeated"
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way (default: 5)")
    parser.add_argument("--repeats", type=int, default=1, help="runs in a turn (default: 1)")
    parser.add_argument("--question", help="measure the cases of one curve only, such as noise")
    parser.add_argument(
        "--logits", nargs="+", type=Path, default=[], help=".npy files of logits [1, C, h, w] to add to the cases"
    )
    args = parser.parse_args(argv)
    try:
        results = ResultsFile(args.output)
        _measure(args, results)
    except MobilesegError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    print(table(results.rows))
    figure = args.output.with_suffix(".svg")
    plot(results.rows, figure)
    print(f"wrote {args.output} and {figure}", file=sys.stderr)
    return 0


def _measure(args: argparse.Namespace, results: ResultsFile) -> None:
    known = {row["name"] for row in results.rows}
    chosen = [*cases(), *network_cases()]
    wanted = [(case.name(), case) for case in chosen if args.question in (None, case.facts()["question"])]
    wanted += [(path.stem, path) for path in args.logits]
    wanted = [(name, source) for name, source in dict(wanted).items() if name not in known]
    for name, source in tqdm(wanted, desc="labels", unit="case", disable=None):
        given = isinstance(source, Path)
        logits = _read(source) if given else source.logits()
        facts = {"question": "networks", "classes": logits.shape[1]} if given else source.facts()
        found = time_tails(logits, (SIZE, SIZE), name, args.rounds, args.repeats)
        results.append({"name": name, **facts, **found})


def _read(path: Path) -> np.ndarray:
    try:
        logits = np.load(path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; give a .npy file") from error
    if logits.ndim != 4 or logits.dtype != np.float32 or len(logits) != 1:
        raise InputError(f"{path} holds {logits.dtype} of {list(logits.shape)}, not float32 of [1, classes, h, w]")
    return logits


if __name__ == "__main__":
    sys.exit(main())
