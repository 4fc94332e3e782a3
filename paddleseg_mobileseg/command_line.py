"""What every command line of this project has in common: errors of one line, exit statuses, suggestions."""

import argparse
import re
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, NoReturn, Optional

from .errors import MobilesegError, near


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with what may have been meant instead of the whole usage."""

    def __init__(self, **options: Any):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print the error and end with status 2."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        unknown = re.match(r"unrecognized arguments: (-\S+)", message)
        hint = near(unknown.group(1).partition("=")[0], flags) if unknown else ""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice:
            hint = near(choice.group(1), re.findall(r"'([^']+)'", choice.group(2)))
        self.exit(2, f"error: {message}{hint}: `{self.prog} --help` lists what it takes\n")


def one_line(error: BaseException) -> str:
    """A message without its line breaks, as every error is printed."""
    return " ".join(str(error).split())


class Terminated(SystemExit):
    """SIGTERM, as an exception: what is open is closed on its way up, and the exit status is 143."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` within the block, so that children and scratch files go; a second one kills."""
    # Only the main thread may; and who ignores the signal goes on ignoring it.
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def terminate(number: int, frame: Any) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def exit_status(run: Callable[[], Optional[int]], debug: bool = False, interrupted: str = "interrupted") -> int:
    """Run a command, and print the error of this plugin that ends it.

    Args:
        run: the command; it returns an exit status, or None for success.
        debug: let errors through with their traceback.
        interrupted: what to print after Ctrl-C.

    Returns:
        0 for success, 2 for bad input, 1 for the failure of a tool, 130 after Ctrl-C, 143 after SIGTERM, or what `run`
        returns.
    """
    try:
        with sigterm_raises():
            return run() or 0
    except Terminated as end:
        print("error: ended by SIGTERM", file=sys.stderr)
        return end.code
    except KeyboardInterrupt:
        print(f"error: {interrupted}", file=sys.stderr)
        return 130
    except MobilesegError as error:
        if debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        return error.exit_status
