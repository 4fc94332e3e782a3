"""PaddleSeg is quiet while it builds, whichever kind of logger it has."""

import logging
from types import SimpleNamespace

import pytest

from paddleseg_mobileseg.config import quiet


@pytest.mark.parametrize("level, within", [(2, 1), (0, 0)])
def test_a_level_of_the_module_is_lowered_and_put_back(monkeypatch, level, within):
    module = SimpleNamespace(log_level=level)
    monkeypatch.setattr(quiet, "logger", module)
    with pytest.raises(KeyError), quiet.warnings_only():
        assert module.log_level == within
        raise KeyError
    assert module.log_level == level


@pytest.mark.parametrize("level, within", [(logging.DEBUG, logging.WARNING), (logging.ERROR, logging.ERROR)])
def test_so_is_that_of_a_standard_logger(monkeypatch, level, within):
    """As the develop branch has it."""
    own = logging.Logger("own", level)
    monkeypatch.setattr(quiet, "logger", SimpleNamespace(logger=own, info=own.info))
    with pytest.raises(KeyError), quiet.warnings_only():
        assert own.level == within
        raise KeyError
    assert own.level == level
