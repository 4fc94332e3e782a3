"""Train a teacher, then a student of reduced images with it and without it, and time what the student saves."""

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from tqdm import tqdm

from paddleseg_mobileseg.errors import InputError, MobilesegError

from ..results_file import ResultsFile
from .latency import CASES, time_case
from .report import table
from .training import RUNS, TEACHER, checkpoint_of, train_and_score


def main(argv: Optional[List[str]] = None) -> int:
    """Measure what the results file does not hold yet, then print the tables.

    Returns:
        The exit status: 0, 2 for bad input, 1 for the failure of a tool.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distillation", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("output/distillation.jsonl"),
        help="JSON lines; what it holds is not repeated. Logs and checkpoints go into the folder of the same name",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the students (default: 0 1 2)")
    parser.add_argument("--repeats", type=int, default=100, help="timed runs of each network (default: 100)")
    args = parser.parse_args(argv)
    try:
        results = ResultsFile(args.output)
        _train(results, args.seeds)
        _time(results, args.repeats)
    except MobilesegError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    print(table(results.rows))
    return 0


def _train(results: ResultsFile, seeds: List[int]) -> None:
    known = {(row["run"], row.get("seed")) for row in results.rows}
    wanted = [(TEACHER, 0), *((run, seed) for seed in seeds for run in RUNS)]
    missing = [each for each in wanted if each not in known]
    folder = results.path.with_suffix("")
    teacher = checkpoint_of(folder / TEACHER).resolve()
    if missing and (TEACHER, 0) in known and not teacher.is_file():
        raise InputError(f"the teacher {teacher} of {results.path} is gone; give another --output to begin anew")
    with tqdm(missing, desc="train", unit="run", disable=None) as progress:
        for run, seed in progress:
            progress.set_postfix_str(f"{run}, seed {seed}")
            place = folder / (TEACHER if run == TEACHER else f"{run}_{seed}")
            results.append(train_and_score(run, seed, place, teacher))


def _time(results: ResultsFile, repeats: int) -> None:
    known = {row.get("case") for row in results.rows}
    for case in CASES:
        if case not in known:
            results.append(time_case(case, results.path.with_suffix("") / "lite", repeats))


if __name__ == "__main__":
    sys.exit(main())
