"""PaddleSeg's losses: under Paddle 3, which refuses to multiply a float by a whole number, and beside each other."""

import functools
import threading
from typing import Any, Callable, Dict, List

import paddle
from paddleseg.cvlibs import manager

from ..patch import Patch, lookup, source_of

_OPERATORS = ("__add__", "__sub__", "__mul__", "__truediv__")
_MARK = "__mobileseg_unites_dtypes__"


def _refuses_mixed_dtypes() -> bool:
    try:
        paddle.ones([1], "float32") * paddle.ones([1], "int64")
    except TypeError:
        return True
    return False


class _RightAsLeft:
    """While a loss is computed, a right operand that is refused takes the dtype of the left one, as in Paddle 2.6.

    The operators are those of all tensors, so they are changed for no longer than that; losses may be in each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._losses = 0
        self._before: Dict[str, Callable] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._losses += 1
            if self._losses == 1:
                self._before = {name: getattr(paddle.Tensor, name) for name in _OPERATORS}
                for name, operator in self._before.items():
                    setattr(paddle.Tensor, name, _uniting(operator))

    def __exit__(self, *error: Any) -> None:
        with self._lock:
            self._losses -= 1
            if self._losses == 0:
                for name, operator in self._before.items():
                    setattr(paddle.Tensor, name, operator)


def _uniting(operator: Callable) -> Callable:
    def united(left: paddle.Tensor, right: Any) -> paddle.Tensor:
        try:
            return operator(left, right)
        except TypeError:
            if not isinstance(right, paddle.Tensor) or right.dtype == left.dtype:
                raise
        return operator(left, right.astype(left.dtype))

    return united


_right_as_left = _RightAsLeft()


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
        with _right_as_left:
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

_DICE = "paddleseg.models.losses.dice_loss"


def _writes_into_labels() -> bool:
    return "labels[labels == self.ignore_index] = 0" in source_of(lookup(_DICE, "DiceLoss.forward"))


def _copy_labels() -> None:
    loss = lookup(_DICE, "DiceLoss")
    compute = loss.forward

    @functools.wraps(compute)
    def forward(self, logits, labels):
        return compute(self, logits, labels.clone())

    loss.forward = forward


LABELS_WRITTEN_INTO = Patch(
    name="labels_written_into",
    what="beside DiceLoss other losses take ignored pixels for class 0, and under Paddle 3 training ends",
    upstream="paddleseg/models/losses/dice_loss.py sets ignored pixels to 0 in the labels that all losses share",
    detect=_writes_into_labels,
    apply=_copy_labels,
)

PATCHES = [MIXED_DTYPES, LABELS_WRITTEN_INTO]
