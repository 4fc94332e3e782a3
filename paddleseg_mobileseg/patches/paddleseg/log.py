"""PaddleSeg's messages, which go where `print` goes."""

import logging
import sys
from typing import Any, List, TextIO

from ..patch import Patch, lookup, replace_everywhere

_MODULE = "paddleseg.utils.logger"


class _ToStdout(logging.StreamHandler):
    """Writes to what `sys.stdout` is when there is something to write."""

    @property
    def stream(self) -> TextIO:
        return sys.stdout

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Nothing to keep."""


def _bound(logger: logging.Logger) -> List[logging.StreamHandler]:
    return [handler for handler in logger.handlers if type(handler) is logging.StreamHandler]


def _loggers() -> List[logging.Logger]:
    names = getattr(sys.modules.get(_MODULE), "logger_initialized", ())
    return [logging.getLogger(name) for name in names]


def _keeps_a_stream() -> bool:
    lookup(_MODULE, "info")
    return any(_bound(logger) for logger in _loggers())


def _follow_stdout() -> None:
    set_up = lookup(_MODULE, "setup_logger")

    def setup_logger(*args: Any, **kwargs: Any) -> logging.Logger:
        logger = set_up(*args, **kwargs)
        _let_follow(logger)
        return logger

    replace_everywhere(set_up, setup_logger)
    for logger in _loggers():
        _let_follow(logger)


def _let_follow(logger: logging.Logger) -> None:
    for handler in _bound(logger):
        following = _ToStdout()
        following.setFormatter(handler.formatter)
        logger.removeHandler(handler)
        logger.addHandler(following)


LOG_OF_ONE_STREAM = Patch(
    name="log_of_one_stream",
    what="messages of PaddleSeg get into the JSON that a command prints",
    upstream="paddleseg/utils/logger.py of the develop branch hands sys.stdout to a handler when it is imported, so "
    "that redirecting it later has no effect",
    detect=_keeps_a_stream,
    apply=_follow_stdout,
)

PATCHES = [LOG_OF_ONE_STREAM]
