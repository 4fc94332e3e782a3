"""Numbers of one-element tensors under a strict NumPy, and messages of PaddleSeg where stdout was redirected."""

import contextlib
import io
import logging
import sys
from types import ModuleType

import numpy as np
import paddle
import pytest

from paddleseg_mobileseg.patches import numbers
from paddleseg_mobileseg.patches.paddleseg import log
from paddleseg_mobileseg.patches.patch import APPLIED, HEALTHY, carry_out


def strict(kind):
    """What Paddle does with its tensors, under NumPy 2.4 and newer."""

    def convert(var):
        assert np.prod(var.shape) == 1, "only one element variable can be converted"
        array = np.array(var)
        if array.ndim:
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return kind(array)

    return convert


KINDS = {"__float__": float, "__int__": int, "__long__": int, "__index__": int, "__complex__": complex}


def test_tensors_of_one_element_are_numbers_under_a_strict_numpy(monkeypatch):
    for name in numbers._CONVERSIONS:
        monkeypatch.setattr(paddle.Tensor, name, strict(KINDS[name]), raising=False)
    with pytest.raises(TypeError, match="0-dimensional"):
        float(paddle.full([1], 2.5))
    numbers._take_one_element()
    assert float(paddle.full([1], 2.5)) == float(paddle.to_tensor(2.5)) == 2.5
    assert int(paddle.full([1, 1], 3, "int64")) == 3 and "abcd"[paddle.full([1], 2, "int64")] == "c"
    assert complex(paddle.full([1], 2.5)) == 2.5
    with pytest.raises(AssertionError, match="only one element"):
        float(paddle.ones([2]))


def test_the_numpy_that_is_here_makes_numbers_of_tensors():
    assert float(paddle.full([1], 2.5)) == 2.5 and int(paddle.full([1], 3, "int64")) == 3


class Kept(ModuleType):
    """The logger of PaddleSeg's develop branch, which keeps the stdout that there was when it was imported."""

    def __init__(self):
        super().__init__("paddleseg.utils.logger")
        self.logger_initialized, self.setup_logger = {}, self._set_up
        self.info = self.setup_logger("kept_of_import").info

    def _set_up(self, name):
        logger = logging.getLogger(name)
        if name not in self.logger_initialized:
            handler = logging.StreamHandler(stream=sys.stdout)
            handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            self.logger_initialized[name] = True
        return logger


def said(module, later):
    """What reaches stdout at import, and what a redirected one gets afterwards."""
    redirected = io.StringIO()
    with contextlib.redirect_stdout(redirected):
        module.info("of the import")
        later.info("set up later")
    return redirected.getvalue().splitlines()


def test_messages_follow_a_redirected_stdout(monkeypatch, capsys):
    module = Kept()
    monkeypatch.setitem(sys.modules, "paddleseg.utils.logger", module)
    assert said(module, module.setup_logger("kept_as_it_is")) == []
    assert "INFO: of the import" in capsys.readouterr().out
    assert carry_out(log.LOG_OF_ONE_STREAM).state == APPLIED
    later = sys.modules["paddleseg.utils.logger"].setup_logger("kept_of_later")
    assert said(module, later) == ["INFO: of the import", "INFO: set up later"]
    module.info("again")
    assert capsys.readouterr().out == "INFO: again\n"
    assert carry_out(log.LOG_OF_ONE_STREAM).state == HEALTHY
