"""What every command line of this project has in common: errors of one line, exit statuses, suggestions."""

import argparse
import codecs
import errno
import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, NoReturn, Optional, TextIO, Tuple, Union

from .errors import MobilesegError, ToolError, near, shown
from .installation import lacking

_LONGEST_ERROR = 4000
_ANY_BYTES = "mobileseg-any-bytes"


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
    """A message as every error is printed: without line breaks and escape codes, and of bounded length."""
    return shown(" ".join(str(error).split()), _LONGEST_ERROR)


def _as_bytes_or_escaped(error: UnicodeError) -> Tuple[Union[str, bytes], int]:
    """Characters that a stream cannot take: bytes of a file's name as they are, others as Python escapes them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start:error.end]
    written = b"".join(
        bytes([ord(each) - 0xDC00]) if 0xDC80 <= ord(each) <= 0xDCFF else each.encode("ascii", "backslashreplace")
        for each in characters
    )
    return written, error.end


codecs.register_error(_ANY_BYTES, _as_bytes_or_escaped)


def take_any_text(stream: TextIO) -> None:
    """Let a stream take names of any bytes and, where its encoding is that of the C locale, any text."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_ANY_BYTES)


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
        0 for success, 2 for bad input, 1 for the failure of a tool, 130 after Ctrl-C, 143 after SIGTERM, 141 where
        nobody reads the result any longer (`| head -1`), or what `run` returns.
    """
    take_any_text(sys.stdout)
    try:
        with sigterm_raises():
            status = _flushed(run) or 0
    except Terminated as end:
        print("error: ended by SIGTERM", file=sys.stderr)
        return end.code
    except BrokenPipeError:
        _abandon(sys.stdout)
        return 141
    except KeyboardInterrupt:
        print(f"error: {interrupted}", file=sys.stderr)
        return 130
    except MobilesegError as error:
        if debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        return error.exit_status
    return status


def _flushed(run: Callable[[], Optional[int]]) -> Optional[int]:
    """What `run` returns, with all that it printed written while an error of that can still be told."""
    try:
        try:
            status = run()
        except ImportError as error:
            raise lacking(error) from error
        except SystemExit:  # the end of --help
            _flush()
            raise
        _flush()
        return status
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _abandon(sys.stdout)
        raise ToolError(f"cannot write the result: {error.strerror}") from error


def _flush() -> None:
    if sys.stdout is not None:  # it may be closed
        sys.stdout.flush()


def _abandon(stream: TextIO) -> None:
    """Let go what a stream could not write: Python tries it once more when it ends, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
