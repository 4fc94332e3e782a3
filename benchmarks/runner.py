"""Runs the cases of a suite, taking turns, and keeps every turn as soon as it is taken."""

import sys
from typing import Dict, List, Optional

from tqdm import tqdm

from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.errors import InputError

from .results import Result, ResultsFile
from .suite import Measuring, Turn

HOST = "host"
"""The device of an environment that is the machine this runs on."""


def run_suite(name: str, measuring: Measuring, rounds: int, results: ResultsFile) -> None:
    """Measure what the results file does not hold yet, and leave one line a case in it.

    A suite can be stopped and taken up again after any turn, and needs no more memory than its largest case.

    Args:
        name: of the suite.
        measuring: what takes its turns.
        rounds: turns of each case.
        results: gets a line a turn, and in the end a line a case.

    Raises:
        InputError: the file holds results of other suites, models, settings or machines, or a number is out of range.
        ToolError: what is measured failed.
    """
    if rounds < 1:
        raise InputError(f"--rounds takes a number of 1 or more, not {rounds}")
    _check_continues(name, measuring, results.results)
    measuring.prepare()
    _check_models(measuring, results.results)
    done = {(result.case, number) for result in results.results for number in result.rounds}
    turns: List[Turn] = [
        (case, number)
        for number in range(rounds)
        for case in measuring.cases
        if number < measuring.rounds_of(case, rounds) and (case, number) not in done
    ]
    with tqdm(total=len(turns), desc=name, unit="turn", disable=None, leave=False) as progress:
        for result in measuring.measure(turns, progress.set_postfix_str):
            results.append(result)
            progress.update(len(result.rounds))
    results.join()


def warn(message: str) -> None:
    """Print a warning beside a progress bar."""
    tqdm.write(f"warning: {message}", file=sys.stderr)


def _check_continues(name: str, measuring: Measuring, known: List[Result]) -> None:
    """Refuse to go on with a file of other measurements.

    Raises:
        InputError: the file's and the user's do not go together.
    """
    cpu = host_environment({}).cpu
    for result in known:
        if result.suite != name:
            _refuse(f"of the suite {result.suite}")
        other = _differing(result.settings, measuring.settings)
        if other:
            _refuse(f"with other settings ({other})")
        if result.environment.device == HOST and result.environment.cpu != cpu:
            _refuse(f"of another machine ({result.environment.cpu})")


def _check_models(measuring: Measuring, known: List[Result]) -> None:
    for result in known:
        if result.case in measuring.cases:
            why = measuring.conflict(result)
            if why:
                _refuse(f"of {why}")


def _differing(known: Dict, chosen: Dict) -> Optional[str]:
    return ", ".join(key for key in {**known, **chosen} if known.get(key) != chosen.get(key))


def _refuse(why: str) -> None:
    raise InputError(f"the results file holds measurements {why}: choose another --output")
