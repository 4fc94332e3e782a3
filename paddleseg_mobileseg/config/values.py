"""Values that no component of a config can use: sizes of 0, text for a number, lists of the wrong length.

Most are told by the argument's name, since neither PaddleSeg's signatures nor Paddle's say what they take. What
becomes of others is the component's own business.
"""

import inspect
import math
import re
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from ..errors import shown

MAX_CLASSES = 1 << 16
"""As many as a label image of 16 bits can name."""
_MAX_SIDE = 1 << 15
_MAX_PIXELS = 1 << 27
_MAX_INT = (1 << 31) - 1


class _Rule(NamedTuple):
    """What an argument must be: the words for it, and the test."""

    words: str
    holds: Callable[[Any], bool]


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(least: int, most: int = _MAX_INT) -> _Rule:
    words = f"a whole number from {least} to {most}"
    if most == _MAX_INT and least in (0, 1):
        words = "a whole number above 0" if least else "a whole number, not below 0"
    return _Rule(words, lambda value: is_number(value) and isinstance(value, int) and least <= value <= most)


def _number(least: float, words: str, most: float = math.inf) -> _Rule:
    return _Rule(words, lambda value: is_number(value) and least <= value <= most)


def _list(of: _Rule, words: str) -> _Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(of.holds, value))

    return _Rule(words, holds)


def _is_size(value: Any) -> bool:
    sides = value if isinstance(value, (list, tuple)) else ()
    return len(sides) == 2 and all(map(_SIDE.holds, sides)) and sides[0] * sides[1] <= _MAX_PIXELS


_SIDE = _whole(1, _MAX_SIDE)
_POSITIVE = _Rule("a number above 0", lambda value: is_number(value) and value > 0)
_NOT_NEGATIVE = _number(0, "a number, not below 0")
_ANY_NUMBER = _Rule("a number", is_number)
_TEXT = _Rule("text", lambda value: isinstance(value, str) and "\0" not in value)
SIZE = _Rule(f"two whole numbers above 0, width and height, of {_MAX_PIXELS} pixels together at most", _is_size)
SCALES = _Rule(
    "a number above 0 or a list of them",
    lambda value: _POSITIVE.holds(value) or _list(_POSITIVE, "").holds(value),
)
COEFFICIENTS = _list(_ANY_NUMBER, "a list of numbers, one a loss")
ITERATIONS = _whole(1)
CLASSES = _whole(1, MAX_CLASSES)

# PaddleSeg evaluates these as Python: models/backbones/vision_transformer.py and cae.py, models/mobileseg.py and
# pp_liteseg.py.
_NAME = _Rule(
    "a name such as nn.LayerNorm",
    lambda value: value is None or isinstance(value, str) and re.fullmatch(r"[A-Za-z_][\w.]*", value) is not None,
)

EVERYWHERE: Dict[str, _Rule] = {
    "num_classes": CLASSES, "ignore_index": _whole(-_MAX_INT), **dict.fromkeys(("norm_layer", "arm_type"), _NAME)
}

OF_MODELS = {"pretrained": _Rule("text or nothing", lambda value: value is None or _TEXT.holds(value))}

OF_DATASETS = {
    **dict.fromkeys(("dataset_root", "train_path", "val_path", "test_path"), _TEXT),
    "separator": _Rule("text of one character or more", lambda value: isinstance(value, str) and bool(value)),
    "transforms": _Rule("a list of transforms", lambda value: isinstance(value, list)),
}

OF_TRANSFORMS = {
    **dict.fromkeys(("crop_size", "target_size", "size"), SIZE),
    **dict.fromkeys(("long_size", "max_long", "min_long", "size_divisor"), _SIDE),
    "short_size": _Rule(
        f"{_SIDE.words} or a list of them", lambda value: _SIDE.holds(value) or _list(_SIDE, "").holds(value)
    ),
    **dict.fromkeys(("min_value", "max_value"), _SIDE),
    **dict.fromkeys(("min_scale_factor", "max_scale_factor", "min_scale", "max_size"), _POSITIVE),
    "mean": _list(_ANY_NUMBER, "a list of numbers, one a channel"),
    "std": _list(_POSITIVE, "a list of numbers above 0, one a channel"),
    "prob": _number(0, "a number from 0 to 1", 1),
}

OF_OPTIMIZERS = {
    **dict.fromkeys(("learning_rate", "end_lr", "warmup_start_lr", "lr_mult"), _NOT_NEGATIVE),
    **dict.fromkeys(("weight_decay", "weight_decay_mult"), _NOT_NEGATIVE),
    **dict.fromkeys(("power", "momentum"), _ANY_NUMBER),
    "warmup_iters": _whole(0),
    "clip_norm": _POSITIVE,
    "name": _Rule("text of one character or more", lambda value: isinstance(value, str) and bool(value)),
}

OF_TESTS = {"crop_size": SIZE, "stride": SIZE, "scales": SCALES}


def fault(value: Any, rule: _Rule) -> Optional[str]:
    """What is wrong with a value, None if nothing is."""
    return None if rule.holds(value) else f"must be {rule.words}, it is {shown(repr(value), 60)}"


def first_fault(
    given: Mapping[str, Any], rules: Mapping[str, _Rule], function: Optional[Callable] = None
) -> Optional[Tuple[str, str]]:
    """The first argument that cannot be used, and why; None if there is none.

    Args:
        given: the arguments.
        rules: those of the argument names that have one.
        function: what takes them; it may take None for what has None as default.
    """
    defaults = {} if function is None else {
        name: each.default for name, each in inspect.signature(function).parameters.items()
    }
    for name, value in given.items():
        default = defaults.get(name, inspect.Parameter.empty)
        if value is None and default is None:
            continue
        rule = {**EVERYWHERE, **rules}.get(name)
        if rule is None and isinstance(value, str) and is_number(default):
            rule = _ANY_NUMBER
        if rule is None and isinstance(value, float) and math.isnan(value):
            rule = _ANY_NUMBER
        wrong = rule and fault(value, rule)
        if wrong:
            return name, wrong
    return None
