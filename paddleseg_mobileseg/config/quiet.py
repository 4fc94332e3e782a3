"""PaddleSeg tells of each part of a config that it builds: how to have it quiet meanwhile."""

import logging
from contextlib import contextmanager
from typing import Iterator

from paddleseg.utils import logger

_WARNINGS_ONLY = 1
"""PaddleSeg's level of logging."""


@contextmanager
def warnings_only() -> Iterator[None]:
    """Within the block PaddleSeg logs warnings and errors, and no more than it would without.

    Releases up to 2.9.1 have a level of their own; the develop branch has a logger of the standard library.
    """
    if hasattr(logger, "log_level"):
        level = logger.log_level
        logger.log_level = min(level, _WARNINGS_ONLY)
        try:
            yield
        finally:
            logger.log_level = level
    else:
        level = logger.logger.level
        logger.logger.setLevel(max(level, logging.WARNING))
        try:
            yield
        finally:
            logger.logger.setLevel(level)
