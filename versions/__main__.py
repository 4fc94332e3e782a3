"""Try combinations of CPython, Paddle, NumPy, OpenCV and PaddleSeg, each in an environment of its own."""

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from tqdm import tqdm

from paddleseg_mobileseg.command_line import Parser, exit_status
from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.errors import InputError, MobilesegError, near
from paddleseg_mobileseg.files import write_text

from .combinations import COMBINATIONS, REFERENCE, REGISTRY_PADDLESEG, Combination
from .environments import ROOT, environment_of
from .results import NOT_TRIED, Cell, Results, page, read_results
from .server import Server
from .steps import STEPS
from .trial import Trial

RESULTS = ROOT / "versions" / "results.json"
PAGE = ROOT / "docs" / "versions.md"


def main(argv: Optional[List[str]] = None) -> int:
    """The command.

    Returns:
        The exit status: 0; 1 where a cell failed, or a tool; 2 for bad input; 130 when interrupted.
    """
    parser = Parser(prog="python -m versions", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="try combinations, or go on with that where it was stopped")
    run.add_argument("--only", nargs="+", metavar="WORD", help="combinations whose names have all of these words")
    run.add_argument("--steps", nargs="+", metavar="STEP", help="these columns only (default: all)")
    run.add_argument("--again", action="store_true", help="try again what succeeded before")
    run.add_argument("--list", action="store_true", help="print the combinations and steps, and try nothing")
    run.add_argument("--json", action="store_true", help="print the cells as JSON")
    run.add_argument("--results", type=Path, default=RESULTS, help="what was found, kept (default: %(default)s)")
    run.add_argument("--cache", type=Path, default=Path("output/versions"),
                     help="environments and logs; about 1.5 GB each (default: %(default)s)")
    run.add_argument("--discard", action="store_true", help="delete an environment when its row is done")
    run.add_argument("--paddleseg", nargs="+", default=[], metavar="VERSION=FOLDER",
                     help="checkouts of PaddleSeg; that of 2.8.0 is used for its tools only")
    run.set_defaults(do=_run)
    made = commands.add_parser("page", help=f"write {PAGE.relative_to(ROOT)} from the results")
    made.set_defaults(do=lambda args: write_text(PAGE, page(read_results(RESULTS))))
    args = parser.parse_args(argv)
    return exit_status(lambda: args.do(args), interrupted="interrupted; the same command goes on from here")


def _run(args: argparse.Namespace) -> int:
    chosen = [each for each in COMBINATIONS if all(word in each.name for word in args.only or [])]
    names = [step.name for step in STEPS]
    for name in args.steps or []:
        if name not in names:
            raise InputError(f"there is no step '{name}'{near(name, names)}: `--list` prints them")
    if not chosen:
        raise InputError(f"no combination has {' and '.join(args.only)} in its name: `--list` prints them")
    if args.list:
        print("\n".join([*(each.name for each in chosen), "", *(f"{step.name}: {step.meaning}" for step in STEPS)]))
        return 0
    checkouts = _checkouts(args.paddleseg)
    cpu = host_environment({})
    host = f"{cpu.cores} cores of {cpu.cpu}"
    results = read_results(args.results) if args.results.exists() else Results(host)
    results.host = host
    cache = args.cache.resolve()
    with tqdm(chosen, unit="combination", disable=None) as progress:
        reference = _reference(cache)
        for combination in progress:
            progress.set_postfix_str(combination.name)
            _try(combination, reference, checkouts, cache, args, results)
            if args.discard and combination != REFERENCE:
                shutil.rmtree(cache / combination.environment, ignore_errors=True)
    tried = {each.name: results.cells.get(each.name, {}) for each in chosen}
    if args.json:
        print(json.dumps({name: {step: asdict(cell) for step, cell in row.items()} for name, row in tried.items()}))
    else:
        print(page(Results(host, tried)), end="")
    return 0 if all(cell.ok for row in tried.values() for cell in row.values()) else 1


def _checkouts(given: List[str]) -> Dict[str, Path]:
    """Checkouts by version."""
    found: Dict[str, Path] = {}
    for pair in given:
        version, _, folder = pair.partition("=")
        if not (Path(folder) / "tools" / "train.py").is_file():
            raise InputError(f"--paddleseg {pair}: there is no {Path(folder) / 'tools' / 'train.py'}")
        found[version] = Path(folder).resolve()
    return found


def _reference(cache: Path) -> Trial:
    """The reference's results that others are compared with, made once for all in its folder."""
    folder = cache / "reference"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    environment = environment_of(REFERENCE, cache, folder / "log.txt")
    trial = Trial(REFERENCE, Server(environment, folder), folder, folder / "task")
    if not done.exists():
        trial.probe("task", trial.task)
        trial.train("run")
        weights = trial.task / "rebuilt.pdparams"
        trial.val(weights)
        trial.predict(weights)
        trial.export(weights)
        for target in ("arm", "x86"):
            trial.convert(target)
        done.touch()
    return trial


def _try(combination: Combination, reference: Trial, checkouts: Dict[str, Path], cache: Path,
         args: argparse.Namespace, results: Results) -> None:
    """Fill the cells of a combination; each is written as soon as it is known."""
    folder = cache / f"{combination.name}.run"
    cells = results.cells.setdefault(combination.name, {})
    if args.again or not folder.exists():
        # What a step left is needed by those after it.
        shutil.rmtree(folder, ignore_errors=True)
        if not args.steps:
            cells.clear()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [step for step in STEPS if step.name in (args.steps or [step.name])]
    missing = [step for step in wanted if args.again or step.name not in cells or not cells[step.name].ok]
    if not missing:
        return
    own = combination.paddleseg == REGISTRY_PADDLESEG
    trial: Optional[Trial] = None
    for step in missing:
        start = time.perf_counter()
        try:
            if not own and combination.paddleseg not in checkouts:
                raise InputError(f"--paddleseg {combination.paddleseg}=FOLDER is missing")
            before = cells.get(step.after)
            if before is not None and not before.ok:
                raise InputError(f"{NOT_TRIED}, since {step.after} failed")
            if trial is None:
                environment = environment_of(combination, cache, folder / "log.txt")
                checkout = checkouts.get(combination.paddleseg)
                server = Server(environment, folder, None if own else checkout)
                trial = Trial(combination, server, folder, reference.task, checkout)
            ok, text = True, step.attempt(trial, reference)
        except (MobilesegError, ValueError, KeyError, OSError) as error:
            ok, text = False, _without_places(str(error), [(folder, "."), (cache, "CACHE"), (ROOT, "CHECKOUT")])
        date = datetime.now(timezone.utc).isoformat(timespec="seconds")
        cells[step.name] = Cell(ok, text, round(time.perf_counter() - start, 1), date)
        results.write(args.results)
        tqdm.write(f"{combination.name}  {step.name}: {'ok, ' if ok else 'FAILED: '}{text}", file=sys.stderr)
    if trial is not None:
        trial.server.close()


def _without_places(text: str, places: List[Tuple[Path, str]]) -> str:
    """A message that says the same on every machine."""
    for place, word in places:
        text = text.replace(str(place), word)
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
