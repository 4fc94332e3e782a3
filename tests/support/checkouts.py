"""Checkouts of PaddleSeg, which no package holds: its tools and configs as they are in its repository."""

import os
from pathlib import Path

import pytest

_CHECKOUTS = [Path(path) for path in os.environ.get("PADDLESEG_CHECKOUTS", "").split(":") if path]

_MISSING = pytest.param(
    None,
    id="none",
    marks=pytest.mark.skip(
        reason="no checkouts of PaddleSeg: `git clone --branch v2.8.0` its repository (v2.9.1 too), and name the"
        " folders in PADDLESEG_CHECKOUTS, with : between them"
    ),
)

every_checkout = pytest.mark.parametrize("checkout", _CHECKOUTS or [_MISSING], ids=lambda path: path and path.name)
"""Runs a test with the argument `checkout`, the path of one; skips it where there is none."""
