"""Functions that Paddle 3.2 and newer have in C++ only: an old program gives what they give at once."""

import numpy as np
import paddle
import pytest
from paddle.nn import functional

from paddleseg_mobileseg.patches import old_programs, registry
from paddleseg_mobileseg.patches.patch import APPLIED, HEALTHY

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(0.1, 0.9, (2, 3, 4)).astype("float32")
ARRAYS = {
    "x": X,
    "signed": (6 * X - 3).astype("float32"),
    "above": (1 + X).astype("float32"),
    "y": RANDOM.uniform(0.1, 0.9, (2, 3, 4)).astype("float32"),
    "odd": np.where(X > 0.7, np.inf, np.where(X < 0.3, np.nan, X)).astype("float32"),
    "truth": X > 0.5,
    "other": X[::-1] > 0.5,
    "whole": (10 * X).astype("int64"),
    "right": RANDOM.standard_normal((2, 4, 5)).astype("float32"),
    "turned": RANDOM.standard_normal((2, 5, 4)).astype("float32"),
    "row": X[:1, :1],
    "index": np.array([1, 0, 1]),
    "value": np.array([1, 2, 3], "float32").reshape(3, 1, 1) * np.ones((3, 3, 4), "float32"),
    "picture": RANDOM.standard_normal((1, 2, 5, 6)).astype("float32"),
    "grid": RANDOM.uniform(-1.1, 1.1, (1, 3, 4, 2)).astype("float32"),
}
REDUCED = [("{}", {}), ("{}", {"axis": 1}), ("{}", {"axis": [0, -1], "keepdim": True}), ("{}", {"axis": [0, 1, 2]})]


def of(variable, cases=({},)):
    return [(variable, each) for each in cases]


def reduced(variable):
    return [(name.format(variable), each) for name, each in REDUCED]


CALLS = {
    **{name: of("x") for name in "acos asin atanh log log10 log1p log2 rsqrt sqrt".split()},
    **{name: of("signed") for name in "abs asinh ceil cos cosh exp expm1 floor round".split()},
    **{name: of("signed") for name in "sigmoid sign sin sinh tanh".split()},
    "acosh": of("above"),
    **{name: of("odd") for name in ("isfinite", "isinf", "isnan")},
    "logical_not": of("truth"),
    **{f"logical_{name}": of("truth other") for name in ("and", "or", "xor")},
    **{name: of("x y") + of("x row") for name in ("greater_than", "maximum", "minimum", "multiply")},
    **{name: reduced("truth") for name in ("all", "any")},
    **{name: reduced("x") for name in ("amax", "amin", "logsumexp")},
    "sum": [*reduced("x"), *of("whole", [{"axis": -1}]), *of("truth"), *of("whole", [{"dtype": "float32"}])],
    **{
        name: of("x", [{}, {"axis": 1}, {"axis": -1, "keepdim": True, "dtype": "int32"}])
        for name in ("argmax", "argmin")
    },
    "matmul": [*of("x right"), *of("x turned", [{"transpose_y": True}])],
    "bmm": of("x right"),
    "gelu": of("signed", [{}, {"approximate": True}]),
    "softplus": of("signed", [{}, {"beta": 2, "threshold": 1}]),
    "expand_as": of("row x"),
    "roll": of("x", [{"shifts": 1}, {"shifts": [1, -2], "axis": [0, 2]}, {"shifts": 2, "axis": 1}]),
    "index_put": [("whole_index", {}), ("whole_index", {"accumulate": True})],
    "tril": of("x", [{}, {"diagonal": 1}]),
    "triu": of("x", [{}, {"diagonal": -1}]),
    "grid_sample": of("picture grid", [{}, {"mode": "nearest", "padding_mode": "border", "align_corners": False}]),
}


def test_every_function_of_the_table_is_tried():
    assert set(CALLS) == set(old_programs._WRITERS)


def public(name):
    return getattr(paddle, name, None) or getattr(functional, name)


def called(function, names, options, given):
    if names == "whole_index":
        return function(given["value"], (given["index"],), given["row"], **options)
    return function(*(given[name] for name in names.split()), **options)


def written(function_of):
    """An old program with every call, and the variable that each gives."""
    program, outputs = paddle.static.Program(), {}
    with paddle.static.program_guard(program):
        given = {name: paddle.static.data(name, array.shape, array.dtype) for name, array in ARRAYS.items()}
        for name, calls in CALLS.items():
            for number, (names, options) in enumerate(calls):
                outputs[name, number] = called(function_of(name), names, options, given)
    return program, outputs


def by_the_table(name):
    return old_programs.with_old_programs(name, public(name))


@pytest.fixture(scope="module")
def static():
    paddle.enable_static()
    yield {"table": written(by_the_table), "public": written(public)}
    paddle.disable_static()


@pytest.fixture(scope="module")
def eager():
    paddle.disable_static()
    given = {name: paddle.to_tensor(array) for name, array in ARRAYS.items()}
    return {
        (name, number): called(public(name), names, options, given).numpy()
        for name, calls in CALLS.items()
        for number, (names, options) in enumerate(calls)
    }


@pytest.mark.parametrize("which", ["table", "public"])
def test_old_programs_give_what_is_computed_at_once(eager, static, which):
    """By the public functions, patched or healthy, and by what the table would put in their place on any Paddle."""
    program, outputs = static[which]
    values = paddle.static.Executor(paddle.CPUPlace()).run(program, ARRAYS, list(outputs.values()))
    for (call, expected), value in zip(eager.items(), values):
        assert value.dtype == expected.dtype and value.shape == expected.shape, call
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6, err_msg=str(call))


def described(op):
    attributes = {name: op.attr(name) for name in op.attr_names if not name.startswith(("op_", "with_quant"))}
    if op.type == "reduce_sum":
        # 2.6 leaves it false where no axis is given; opt is told.
        del attributes["reduce_all"]
    return op.type, {slot: op.input(slot) for slot in op.input_names if op.input(slot)}, attributes


def test_the_table_writes_what_a_healthy_paddle_writes(static):
    """Paddle 2.6 is the model; where the functions are patched, the table is compared with itself."""
    assert registry.outcome_of("old_programs").state in (HEALTHY, APPLIED)
    ours, theirs = (
        {name: variable.op for name, variable in outputs.items()} for _, outputs in (static["table"], static["public"])
    )
    different = {call: (described(ours[call]), described(theirs[call])) for call in ours}
    assert {call: pair for call, pair in different.items() if pair[0] != pair[1]} == {}


def test_newer_names_of_arguments_are_taken(static):
    with paddle.static.program_guard(paddle.static.Program()):
        x = paddle.static.data("x", [2, 3, 4], "float32")
        assert by_the_table("sum")(input=x, dim=1, keepdims=True).shape == (2, 1, 4)
        assert by_the_table("maximum")(input=x, other=x).shape == (2, 3, 4)
