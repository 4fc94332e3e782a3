"""The two kinds of failure that a user can act on.

Both carry one line that says what is wrong, where, and how to fix it. The
command line prints that line and ends with `exit_status`; Python callers catch
`MobilesegError`.
"""

import difflib
from typing import Any, Iterable


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


def shown(text: Any, limit: int = 80) -> str:
    """A name from a file that may be anybody's, as a message may repeat it: short, on one line, without escape codes.

    Args:
        text: what `str` gives of it is shown, but bytes are decoded as UTF-8.
        limit: most characters of the result, three dots for what was cut off among them.

    Returns:
        Printable characters only; another is written as Python escapes it, such as `\\x1b`.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "backslashreplace")
    text = str(text)
    # What is cut off is not escaped first: a name may be megabytes long.
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text[: limit + 1]
    )
    return escaped if len(escaped) <= limit else escaped[: limit - 3] + "..."
