"""Engines that are extras: a test of one that is not installed is skipped, and says so."""

import pytest

from paddleseg_mobileseg.deploy.convert import require_converter
from paddleseg_mobileseg.deploy.runtime.engines import find_engine
from paddleseg_mobileseg.errors import InputError


def require_engine(name: str) -> None:
    """Skip a test where an engine, or what converts for it, is not installed."""
    engine = find_engine(name)
    try:
        engine.require()
        require_converter(engine.format)
    except InputError as error:
        pytest.skip(f"engine {name}: {error}")
