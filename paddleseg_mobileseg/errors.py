"""The two kinds of failure that a user can act on.

Both carry one line that says what is wrong, where, and how to fix it. The
command line prints that line and ends with `exit_status`; Python callers catch
`MobilesegError`.
"""

import difflib
from typing import Iterable


class MobilesegError(Exception):
    """Base of everything this plugin raises on purpose; bad input unless a subclass says otherwise."""

    exit_status = 2


class InputError(MobilesegError, ValueError):
    """A file, a flag, a config or an array that cannot be used as it is."""


class ToolError(MobilesegError, RuntimeError):
    """A program that this plugin drives (opt, a predictor, adb, a training process) failed."""

    exit_status = 1


def near(name: str, names: Iterable[str]) -> str:
    """' (did you mean ...?)' for names close to `name`, or an empty string."""
    names = list(names)
    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(by_lower[each] for each in close)}?)" if close else ""
