"""Paddle 3.2 and newer: functions that are in C++ only write the old kind of program again, which opt reads."""

import functools
import inspect
import sys
from types import BuiltinFunctionType
from typing import Any, Callable, Dict, List, Tuple

from .patch import Patch, lookup, replace_everywhere

Slots = Dict[str, List[Any]]
Writer = Callable[..., Tuple[str, Slots, Dict[str, Any], Any]]
"""Takes the arguments of a public function; gives an op's type, inputs, attributes, and the dtype of its output."""


def _of_one(kind: str, dtype: Any = None) -> Writer:
    def write(x, name=None):
        return kind, {"X": [x]}, {}, dtype or x.dtype

    return write


def _of_two(kind: str, dtype: Any = None) -> Writer:
    def write(x, y, name=None):
        return kind, {"X": [x], "Y": [y]}, {"axis": -1}, dtype or x.dtype

    return write


def _reduction(kind: str) -> Writer:
    def write(x, axis=None, keepdim=False, name=None):
        return kind, {"X": [x]}, _axes(x, axis, keepdim), x.dtype

    return write


def _axes(x: Any, axis: Any, keepdim: bool) -> Dict[str, Any]:
    given = [] if axis is None else list(axis) if isinstance(axis, (list, tuple)) else [axis]
    reduce_all = not given or len(given) == len(x.shape)
    return {"dim": given, "keep_dim": keepdim, "reduce_all": reduce_all}


def _logsumexp(x, axis=None, keepdim=False, name=None):
    axes = _axes(x, axis, keepdim)
    attributes = {"axis": axes["dim"], "keepdim": keepdim, "reduce_all": axes["reduce_all"]}
    return "logsumexp", {"X": [x]}, attributes, x.dtype


def _sum(x, axis=None, dtype=None, keepdim=False, name=None):
    attributes = _axes(x, axis, keepdim)
    if dtype is not None:
        convert = lookup("paddle.base.framework", "convert_np_dtype_to_dtype_")
        attributes.update(in_dtype=x.dtype, out_dtype=convert(dtype))
    return "reduce_sum", {"X": [x]}, attributes, attributes.get("out_dtype", x.dtype)


def _extreme_index(kind: str) -> Writer:
    def write(x, axis=None, keepdim=False, dtype="int64", name=None):
        dtype = lookup("paddle.base.framework", "convert_np_dtype_to_dtype_")(dtype)
        attributes = {"axis": 0 if axis is None else axis, "flatten": axis is None, "keepdims": keepdim, "dtype": dtype}
        return kind, {"X": [x]}, attributes, dtype

    return write


def _matmul(x, y, transpose_x=False, transpose_y=False, name=None):
    return "matmul_v2", {"X": [x], "Y": [y]}, {"trans_x": transpose_x, "trans_y": transpose_y}, x.dtype


def _bmm(x, y, name=None):
    return "bmm", {"X": [x], "Y": [y]}, {}, x.dtype


def _gelu(x, approximate=False, name=None):
    return "gelu", {"X": [x]}, {"approximate": approximate in (True, "tanh")}, x.dtype


def _softplus(x, beta=1, threshold=20, name=None):
    return "softplus", {"X": [x]}, {"beta": float(beta), "threshold": float(threshold)}, x.dtype


def _expand_as(x, y, name=None):
    return "expand_as_v2", {"X": [x], "Y": [y]}, {"target_shape": list(y.shape)}, x.dtype


def _roll(x, shifts, axis=None, name=None):
    shifts, axis = ([each] if isinstance(each, int) else list(each or []) for each in (shifts, axis))
    return "roll", {"X": [x]}, {"shifts": shifts, "axis": axis}, x.dtype


def _index_put(x, indices, value, accumulate=False, name=None):
    return "index_put", {"x": [x], "indices": list(indices), "value": [value]}, {"accumulate": accumulate}, x.dtype


def _grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True, name=None):
    attributes = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners, "use_cudnn": False}
    return "grid_sampler", {"X": [x], "Grid": [grid]}, attributes, x.dtype


def _triangle(lower: bool) -> Writer:
    def write(x, diagonal=0, name=None):
        return "tril_triu", {"X": [x]}, {"diagonal": diagonal, "lower": lower}, x.dtype

    return write


_SAME_NAME = (
    "abs acos acosh asin asinh atanh ceil cos cosh exp expm1 floor log log10 log1p log2 round rsqrt sigmoid sign sin "
    "sinh sqrt tanh"
)
_WRITERS: Dict[str, Writer] = {
    **{name: _of_one(name) for name in _SAME_NAME.split()},
    **{f"is{what}": _of_one(f"is{what}_v2", "bool") for what in ("finite", "inf", "nan")},
    "logical_not": _of_one("logical_not", "bool"),
    **{f"logical_{what}": _of_two(f"logical_{what}", "bool") for what in ("and", "or", "xor")},
    "greater_than": _of_two("greater_than", "bool"),
    "maximum": _of_two("elementwise_max"),
    "minimum": _of_two("elementwise_min"),
    "multiply": _of_two("elementwise_mul"),
    **{name: _reduction(f"reduce_{name}") for name in ("all", "any", "amax", "amin")},
    "sum": _sum,
    "argmax": _extreme_index("arg_max"),
    "argmin": _extreme_index("arg_min"),
    "matmul": _matmul,
    "bmm": _bmm,
    "gelu": _gelu,
    "softplus": _softplus,
    "expand_as": _expand_as,
    "roll": _roll,
    "index_put": _index_put,
    "tril": _triangle(True),
    "triu": _triangle(False),
    "logsumexp": _logsumexp,
    "grid_sample": _grid_sample,
}
"""By public name; as the functions of Paddle 2.6 put them into a program.

What else is moved, and is in no network that opt reads, ends in `deploy.export.NoOldProgram`.
"""
_SLOTS = {"index_put": "out", "grid_sampler": "Output"}
"""Where an op leaves its output, if not in `Out`."""
_OTHER_WORDS = {"input": "x", "other": "y", "dim": "axis", "keepdims": "keepdim"}
"""What newer versions call an argument beside what 2.6 called it."""


_WRAPPERS = "paddle.base.dygraph.generated_tensor_methods_patch"
"""Its functions hand what they are given to `paddle._C_ops`."""


def _moved() -> Dict[str, Callable]:
    """The functions of the table that this Paddle has in C++ only."""
    places = sys.modules["paddle"], lookup("paddle.nn", "functional"), lookup("paddle.static", "Variable")
    publics = {name: [getattr(place, name, None) for place in places] for name in _WRITERS}
    return {
        name: getattr(lookup("paddle", "_C_ops"), name)
        for name, functions in publics.items()
        if any(isinstance(each, BuiltinFunctionType) or each.__module__ == _WRAPPERS for each in functions if each)
    }


def _some_refuse() -> bool:
    return bool(_moved())


def _put_them_in_again() -> None:
    ops, variable = lookup("paddle", "_C_ops"), lookup("paddle.static", "Variable")
    for name, function in _moved().items():
        both = with_old_programs(name, function)
        setattr(ops, name, both)
        if getattr(variable, name, None) is function:
            setattr(variable, name, both)
        replace_everywhere(function, both, ("paddle", "paddleseg"))


def with_old_programs(name: str, function: Callable) -> Callable:
    """`function`, which writes the op `name` of the table where a program of the old kind is written."""
    helper_type, write = lookup("paddle.base.layer_helper", "LayerHelper"), _WRITERS[name]
    takes_values = lookup("paddle.base.framework", "in_dynamic_or_pir_mode")
    signature = inspect.signature(write)

    @functools.wraps(function)
    def both(*args: Any, **kwargs: Any) -> Any:
        if takes_values():
            return function(*args, **kwargs)
        words = {_OTHER_WORDS.get(word, word): value for word, value in kwargs.items()}
        given = signature.bind(*args, **words)
        kind, inputs, attributes, dtype = write(*given.args, **given.kwargs)
        helper = helper_type(kind)
        out = helper.create_variable_for_type_inference(dtype)
        helper.append_op(type=kind, inputs=inputs, outputs={_SLOTS.get(kind, "Out"): [out]}, attrs=attributes)
        return out

    return both


OLD_PROGRAMS = Patch(
    name="old_programs",
    what="networks with matmul, sigmoid, sum and other ops cannot be exported as .pdmodel",
    upstream="paddle/_C_ops.py and base/dygraph/generated_tensor_methods_patch.py of Paddle 3.2: functions moved into "
    "C++ take values of the new kind of program only (\"must be Value, but got Variable\")",
    detect=_some_refuse,
    apply=_put_them_in_again,
)

PATCHES = [OLD_PROGRAMS]
