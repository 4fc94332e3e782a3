"""Paddle's tensors beside a NumPy that turns arrays without axes alone into numbers."""

import functools
import warnings
from typing import Any, Callable

import numpy as np

from .patch import Patch, lookup, source_of

_CONVERSIONS = ("__float__", "__int__", "__long__", "__index__", "__complex__")


def _refuses_one_element() -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            float(np.ones(1))
    except TypeError:
        return "float(np.array(var))" in source_of(lookup("paddle", "Tensor.__float__"))
    return False


def _take_one_element() -> None:
    tensor = lookup("paddle", "Tensor")
    for name in _CONVERSIONS:
        if hasattr(tensor, name):
            setattr(tensor, name, _of_no_axis(getattr(tensor, name)))


def _of_no_axis(convert: Callable) -> Callable:
    @functools.wraps(convert)
    def converted(tensor: Any) -> Any:
        return convert(tensor.reshape([]) if tensor.ndim and tensor.size == 1 else tensor)

    return converted


ONE_ELEMENT = Patch(
    name="numbers_of_one_element",
    what="training ends at its start in `paddle.flops`: a tensor of shape [1] cannot be made a number",
    upstream="paddle/base/dygraph/math_op_patch.py: float(np.array(var)), which NumPy 2.4 and newer refuse for an "
    "array that has an axis",
    detect=_refuses_one_element,
    apply=_take_one_element,
)

PATCHES = [ONE_ELEMENT]
