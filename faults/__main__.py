"""Damage every kind of file that the plugin reads, and see what it makes of them."""

import importlib
import sys
from typing import Dict, List, Optional

from paddleseg_mobileseg.command_line import Parser, exit_status
from paddleseg_mobileseg.errors import InputError, near

COMMANDS: Dict[str, str] = {
    "run": "damage files by seed and read them; exit status 1 if one ends in anything but a line or a result",
    "show": "make one case again and read it",
    "report": "write the table of the docs from results",
    "honest": "write the honest files anew, after a change of what the plugin writes",
    "cpp": "fuzz the C++ readers with libFuzzer",
    "kills": "kill trainings and see whether they go on as if nothing had been",
}
"""The module of each is `faults.NAME`, or `faults.commands.NAME`, with `add_arguments(parser)` and `run(args)`."""

_MODULES = {"kills": "faults.kills"}


def main(argv: Optional[List[str]] = None) -> int:
    """The command.

    Returns:
        The exit status: 0; 1 where the campaign finds a fault or a tool fails; 2 for bad input; 130 when interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        rows = "\n".join(f"  {name:8}{text}" for name, text in COMMANDS.items())
        print(f"usage: python -m faults COMMAND [ARGS]\n\n{__doc__}\n\ncommands:\n{rows}")
        return 0
    return exit_status(lambda: _run(*argv))


def _run(name: str, *arguments: str) -> Optional[int]:
    if name not in COMMANDS:
        raise InputError(f"there is no command '{name}'{near(name, COMMANDS)}: `python -m faults --help` lists them")
    module = importlib.import_module(_MODULES.get(name, f"faults.commands.{name}"))
    parser = Parser(prog=f"python -m faults {name}", description=COMMANDS[name])
    module.add_arguments(parser)
    return module.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
