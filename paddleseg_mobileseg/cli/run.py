"""`mobileseg run`: an unmodified script of a PaddleSeg checkout, with this plugin registered."""

import argparse
import contextlib
import io
import os
import runpy
import sys
from pathlib import Path
from typing import List, Optional

from ..command_line import one_line, sigterm_raises
from ..config.reader import innermost, load_config
from ..errors import InputError, MobilesegError
from ..paths import PACKAGE

EXAMPLE = "mobileseg run PaddleSeg/tools/train.py --config my_config.yml --do_eval"

# The fresh interpreter: the script's folder first on the path, as `python SCRIPT` has it, then what PYTHONPATH
# says, and this plugin's own folder last, for a clone that is not installed.
_FRESH = (
    "import sys; _, sys.path[0], last, debug, *command = sys.argv; sys.path.append(last); "
    "from paddleseg_mobileseg.cli import run; sys.exit(run.run_script(command, debug == 'debug'))"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "script",
        metavar="SCRIPT",
        help="such as tools/train.py of a checkout of PaddleSeg; the checkpoints that it loads are read as data, and "
        "with MOBILESEG_TRUST_PICKLES=1 in the environment Paddle unpickles them, which is for your own files only",
    )
    parser.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER, help="the script's own arguments")


def run(args: argparse.Namespace) -> None:
    """Give this process over to a fresh interpreter, in which the checkout's own paddleseg is found first.

    Raises:
        InputError: there is no such script.
    """
    script = Path(args.script)
    if not script.is_file():
        raise InputError(f"there is no script {script}; give the path of one, such as PaddleSeg/tools/train.py")
    environment = dict(os.environ)
    checkout = checkout_of(script)
    if checkout is not None:
        paths = [str(checkout), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    debug = "debug" if args.debug or sys.argv[1:2] == ["--debug"] else ""
    folders = [str(script.resolve().parent), str(PACKAGE.parent)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(
        sys.executable, [sys.executable, "-c", _FRESH, *folders, debug, str(script), *args.arguments], environment
    )


def checkout_of(script: Path) -> Optional[Path]:
    """The checkout that `script` lies in: the nearest folder above it that holds the package paddleseg."""
    return next((each for each in script.resolve().parents if (each / "paddleseg" / "__init__.py").is_file()), None)


def run_script(command: List[str], debug: bool) -> int:
    """Run a script as `python SCRIPT ARGS` would, in this interpreter, where the plugin is already imported.

    Args:
        command: the script and its arguments.
        debug: let this plugin's errors through with their traceback.

    Returns:
        The exit status: of this plugin's error where there was one, after one line on stderr.
    """
    sys.argv = command
    problem = _config_problem(command[1:]) if checkout_of(Path(command[0])) else None
    if problem:
        print(f"warning: {one_line(problem)}", file=sys.stderr)
    try:
        with sigterm_raises():
            runpy.run_path(command[0], run_name="__main__")
    except Exception as error:
        ours = innermost(error) or problem
        if ours is None or debug:
            raise
        print(f"error: {one_line(ours)}", file=sys.stderr)
        return ours.exit_status
    return 0


def _config_problem(arguments: List[str]) -> Optional[MobilesegError]:
    """What is wrong with the config that a script is given by --config.

    Only a warning at first: a script may register components of its own, which are unknown here.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config")
    parser.add_argument("--opts", nargs="+")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            known, _ = parser.parse_known_args(arguments)
            if known.config is not None:
                load_config(known.config, opts=known.opts)
    except SystemExit:  # arguments of another kind; the script knows them
        return None
    except MobilesegError as error:
        return error
    return None
