"""The two kinds of failure that a user can act on.

Both carry one line that says what is wrong, where, and how to mend it. The
command line prints that line and ends with `exit_status`; Python callers catch
`MobilesegError`.
"""


class MobilesegError(Exception):
    """Base of everything this plugin raises on purpose; bad input unless a subclass says otherwise."""

    exit_status = 2


class InputError(MobilesegError, ValueError):
    """A file, a flag, a config or an array that cannot be used as it is."""


class ToolError(MobilesegError, RuntimeError):
    """A program that this plugin drives (opt, a predictor, adb, a training process) failed."""

    exit_status = 1
