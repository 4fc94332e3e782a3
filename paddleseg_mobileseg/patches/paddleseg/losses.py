"""PaddleSeg's losses under Paddle 3, which refuses to multiply a float by a whole number or a truth value."""

import functools
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

import paddle
from paddleseg.cvlibs import manager

from ..patch import Patch

_OPERATORS = ("__add__", "__sub__", "__mul__", "__truediv__")
_MARK = "__mobileseg_unites_dtypes__"


def _refuses_mixed_dtypes() -> bool:
    try:
        paddle.ones([1], "float32") * paddle.ones([1], "int64")
    except TypeError:
        return True
    return False


@contextmanager
def _right_as_left() -> Iterator[None]:
    """Let the right operand take the dtype of the left one, as it did in Paddle 2.6."""
    before = {name: getattr(paddle.Tensor, name) for name in _OPERATORS}
    for name, operator in before.items():
        setattr(paddle.Tensor, name, _uniting(operator))
    try:
        yield
    finally:
        for name, operator in before.items():
            setattr(paddle.Tensor, name, operator)


def _uniting(operator: Callable) -> Callable:
    def united(left: paddle.Tensor, right: Any) -> paddle.Tensor:
        if isinstance(right, paddle.Tensor) and right.dtype != left.dtype:
            right = right.astype(left.dtype)
        return operator(left, right)

    return united


def _losses() -> List[type]:
    return [loss for loss in manager.LOSSES.components_dict.values() if isinstance(loss, type)]


def _unite_dtypes() -> None:
    for loss in _losses():
        forward = loss.__dict__.get("forward")
        if forward is not None and not hasattr(forward, _MARK):
            loss.forward = _within(forward)


def _within(forward: Callable) -> Callable:
    @functools.wraps(forward)
    def united(*args: Any, **kwargs: Any) -> Any:
        with _right_as_left():
            return forward(*args, **kwargs)

    setattr(united, _MARK, True)
    return united


MIXED_DTYPES = Patch(
    name="mixed_dtypes",
    what="CrossEntropyLoss and other losses end training with TypeError",
    upstream="paddleseg/models/losses of 2.8.0 multiply float32 by int64 or bool, which Paddle 3 refuses; 2.9.1 has "
    "casts in some of them",
    detect=_refuses_mixed_dtypes,
    apply=_unite_dtypes,
)

PATCHES = [MIXED_DTYPES]
