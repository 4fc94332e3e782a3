"""Label maps from low-resolution logits: against float64, Paddle and NumPy, on x86 and on aarch64."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import paddle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paddle.nn.functional import interpolate

from paddleseg_mobileseg import InputError, labels, upsample_labels
from support.bench_program import need

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "deploy" / "cpp" / "include"
SOURCE = ROOT / "tests" / "cpp" / "upsample_labels_test.cc"
BOUND = 2.0**-23
PADDLE_BOUND = 2.0**-20


def interpolated(logits, size, align_corners):
    """[C, h, w] to [C, H, W] in float64, with the float32 weights that Paddle's rule gives."""
    for axis, out_size in ((1, size[0]), (2, size[1])):
        low, high, weight = locate(logits.shape[axis], out_size, align_corners)
        shape = [1, -1, 1] if axis == 1 else [1, 1, -1]
        below, above = logits.take(low, axis).astype(np.float64), logits.take(high, axis).astype(np.float64)
        complement = (np.float32(1) - weight).astype(np.float64)
        logits = below * complement.reshape(shape) + above * weight.astype(np.float64).reshape(shape)
    return logits


def locate(in_size, out_size, align_corners):
    one, half, zero = np.float32(1), np.float32(0.5), np.float32(0)
    lows, weights = [], []
    for sample in range(out_size):
        if align_corners:
            ratio = np.float32(in_size - 1) / np.float32(out_size - 1) if out_size > 1 else zero
            position = ratio * np.float32(sample)
        else:
            position = np.float32(in_size) / np.float32(out_size) * (np.float32(sample) + half) - half
        position = max(position, zero)
        lows.append(min(int(position), in_size - 1))
        weights.append(position - np.float32(lows[-1]) if lows[-1] + 1 < in_size else one - one)
    return np.array(lows), np.minimum(np.array(lows) + 1, in_size - 1), np.array(weights, np.float32)


def assert_exact(logits, found, align_corners):
    """Every label is within the stated bound of the best class."""
    limited = np.clip(logits, -labels._LARGEST, labels._LARGEST)
    values = interpolated(limited, found.shape, align_corners)
    chosen = np.take_along_axis(values, found[np.newaxis].astype(np.int64), axis=0)[0]
    assert (values.max(axis=0) - chosen <= BOUND * np.abs(limited).max()).all()


@st.composite
def cases(draw, kinds=("noise", "ties", "constant", "planes", "infinities", "one wins")):
    classes = draw(st.sampled_from([1, 2, 3, 7, 19, 150, 1000]))
    side = st.integers(1, 24 if classes < 150 else 6)
    height, width = draw(side), draw(side)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(kinds))
    shape = (classes, height, width)
    if kind == "noise":
        logits = random.standard_normal(shape) * 10.0 ** random.integers(-3, 4)
    elif kind == "ties":
        logits = random.integers(-1, 2, shape)
    elif kind == "constant":
        logits = np.broadcast_to(random.integers(0, 3, (classes, 1, 1)), shape)
    elif kind == "planes":
        a, b, c = random.standard_normal((3, classes, 1, 1))
        logits = a + b * np.arange(height)[:, np.newaxis] / 4 + c * np.arange(width) / 4
    elif kind == "infinities":
        logits = random.choice(np.array([np.inf, -np.inf, 3.4e38, -3.4e38, 0.0, -0.0, 1.0]), shape)
    else:
        logits = random.standard_normal(shape)
        logits[random.integers(classes)] += 100
    out = st.integers(1, 40 if classes < 150 else 16)
    return np.ascontiguousarray(logits, np.float32), (draw(out), draw(out)), draw(st.booleans())


@settings(max_examples=600)
@given(cases())
@example((np.zeros((1, 1, 1), np.float32), (1, 1), False))
@example((np.zeros((3, 1, 1), np.float32), (5, 1), True))
@example((np.float32([[[np.inf, -np.inf]], [[-np.inf, np.inf]]]), (1, 7), False))
def test_labels_are_those_of_float64_beyond_the_stated_bound(case):
    logits, size, align_corners = case
    assert_exact(logits, upsample_labels(logits, size, align_corners), align_corners)


@settings(max_examples=150)
@given(cases(), st.sampled_from(labels.LAYOUTS), st.sampled_from(labels.LABEL_DTYPES), st.integers(1, 4), st.booleans())
def test_numpy_path_layouts_dtypes_and_threads_give_the_same_labels(case, layout, dtype, threads, half):
    logits, size, align_corners = case
    if len(logits) > np.iinfo(dtype).max + 1:
        dtype = np.dtype(np.int32)
    if half:
        with np.errstate(over="ignore"):
            logits = logits.astype(np.float16)
    expected = upsample_labels(logits.astype(np.float32), size, align_corners)
    given_logits = np.ascontiguousarray(logits.transpose(1, 2, 0)) if layout == "NHWC" else logits
    found = upsample_labels(given_logits, size, align_corners, layout, dtype, threads)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    by_numpy = np.empty(size, dtype)
    assert labels._numpy_labels(given_logits, by_numpy, align_corners, layout, threads)
    np.testing.assert_array_equal(by_numpy, expected)


def test_the_compiled_core_is_what_is_tested():
    """Where there is no compiler the tests above would compare NumPy with itself."""
    if not labels.compiled() and shutil.which("g++") is None:
        pytest.skip("no C++ compiler here, so the plugin was installed without its compiled core")
    assert labels.compiled()


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    "shape, size",
    [((150, 64, 64), (512, 512)), ((150, 32, 32), (512, 512)), ((19, 64, 128), (512, 1024)),
     ((150, 24, 40), (384, 640)),
     ((30, 13, 17), (97, 131)), ((9, 40, 40), (13, 7)), ((5, 1, 1), (4, 6)), ((40, 12, 20), (12, 20))],
    ids=str,
)
def test_labels_are_those_of_paddle_beyond_rounding(shape, size, align_corners):
    logits = np.random.RandomState(0).standard_normal((1, *shape)).astype("float32")
    full = interpolate(paddle.to_tensor(logits), size, mode="bilinear", align_corners=align_corners).numpy()[0]
    found = upsample_labels(logits, size, align_corners)[0]
    if shape[0] > 1:
        best, first = full.argmax(axis=0), full.max(axis=0)
        np.put_along_axis(full, best[np.newaxis], -np.inf, axis=0)
        sure = first - full.max(axis=0) > PADDLE_BOUND * np.abs(logits).max()
        assert sure.mean() > 0.99
        np.testing.assert_array_equal(found[sure], best[sure])


def test_ties_go_to_the_lowest_class():
    logits = np.zeros((4, 3, 3), np.float32)
    logits[2:] = 1
    assert (upsample_labels(logits, (9, 9)) == 2).all()


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_a_tensor_gets_a_tensor_of_the_same_labels(dtype):
    logits = np.random.RandomState(4).randn(2, 5, 6, 7).astype(np.float32)
    labels = upsample_labels(paddle.to_tensor(logits), (11, 13), dtype=dtype)
    assert isinstance(labels, paddle.Tensor) and str(labels.dtype) == f"paddle.{dtype}"
    np.testing.assert_array_equal(labels.numpy(), upsample_labels(logits, (11, 13), dtype=dtype))
    with pytest.raises(InputError, match="Paddle has no uint16"):
        upsample_labels(paddle.to_tensor(logits), (11, 13), dtype="uint16")


def test_batch_is_the_labels_of_each():
    logits = np.random.RandomState(1).standard_normal((3, 5, 4, 6)).astype("float32")
    together = upsample_labels(logits, (16, 24))
    assert together.shape == (3, 16, 24)
    for one, found in zip(logits, together):
        np.testing.assert_array_equal(upsample_labels(one, (16, 24)), found)


GOOD = np.zeros((3, 4, 5), np.float32)
NAN = GOOD.copy()
NAN[1, 2, 3] = np.nan


@pytest.mark.parametrize("core", [True, False], ids=["compiled", "numpy"])
@pytest.mark.parametrize(
    "arguments, named",
    [
        (dict(logits=GOOD[0]), "logits: must be an array of 3 or 4 axes"),
        (dict(logits=[[[1.0]]]), "logits: must be an array"),
        (dict(logits=GOOD.astype(np.float64)), "logits: must be float32 or float16, not float64"),
        (dict(logits=GOOD.transpose(1, 2, 0)), "logits: must be C-contiguous"),
        (dict(logits=np.zeros((3, 0, 5), np.float32)), "logits: no axis may be empty"),
        (dict(logits=NAN), "logits: some are not numbers"),
        (dict(logits=np.full((2, 1, 1), np.nan, np.float16)), "logits: some are not numbers"),
        (dict(logits=np.zeros((257, 1, 1), np.float32), dtype=np.uint8), "dtype: uint8 cannot hold the labels of 257"),
        (dict(logits=GOOD, dtype=np.int64), "dtype: must be uint8, uint16 or int32"),
        (dict(logits=GOOD, dtype="wrong"), "dtype: must be uint8, uint16 or int32"),
        (dict(logits=GOOD, size=(0, 4)), "size: must be height and width"),
        (dict(logits=GOOD, size=(4, -1)), "size: must be height and width"),
        (dict(logits=GOOD, size=(4.0, 4)), "size: must be height and width"),
        (dict(logits=GOOD, size=7), "size: must be height and width"),
        (dict(logits=GOOD, size=(4, 4, 4)), "size: must be height and width"),
        (dict(logits=GOOD, layout="CHW"), "layout: must be one of NCHW, NHWC"),
        (dict(logits=GOOD, threads=0), "threads: must be a whole number above 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_arguments_are_refused_by_name(arguments, named, core, monkeypatch):
    if not core:
        monkeypatch.setattr(labels, "_core", None)
    with pytest.raises(InputError, match=named):
        upsample_labels(**{"size": (8, 8), **arguments})


def build(folder, compiler, *options, source=SOURCE):
    program = folder / source.stem
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", *options, f"-I{INCLUDE}", str(source), "-o"]
    done = subprocess.run([*command, str(program), "-pthread"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return program


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


CASES = 100
CASES_EMULATED = 40
"""How many cases of each kind; fewer where another processor is emulated, which takes thirty times as long."""


@pytest.fixture(scope="module")
def x86_program(tmp_path_factory):
    need("g++")
    # Optimised less than the core of the package, which is tested above: a third of the time to build it.
    return build(tmp_path_factory.mktemp("x86"), "g++", "-O1")


@pytest.fixture(scope="module")
def x86_digests(x86_program):
    return run(x86_program, CASES)


def test_cpp_core_is_exact(x86_digests):
    assert x86_digests.endswith("0 failures\n") and x86_digests.count("\n") == 7


def test_fused_multiply_add_changes_no_byte(x86_digests, tmp_path):
    if "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no fused multiply-add")
    assert run(build(tmp_path, "g++", "-O3", "-mavx2", "-mfma"), CASES) == x86_digests


def test_a_compiler_without_vectors_changes_no_byte(x86_digests, tmp_path):
    assert run(build(tmp_path, "g++", "-O1", "-DMOBILESEG_PLAIN_LOOPS"), CASES) == x86_digests


def test_aarch64_gives_the_same_bytes(x86_program, tmp_path):
    need("aarch64-linux-gnu-g++", "qemu-aarch64")
    program = build(tmp_path, "aarch64-linux-gnu-g++", "-O3", "-static")
    found = run("qemu-aarch64", program, CASES_EMULATED, "digests")
    assert found == run(x86_program, CASES_EMULATED) and found.endswith("0 failures\n")


# Unoptimised code is built in a tenth of the time, and the sanitizers see every access that the source makes.


def test_sanitizers_find_nothing(x86_digests, tmp_path):
    sanitizers = "-fsanitize=address,undefined"
    program = build(tmp_path, "g++", "-O0", "-g", sanitizers, "-fno-sanitize-recover=all")
    assert run(program, CASES) == x86_digests


def test_threads_do_not_race(tmp_path):
    need("g++")
    assert run(build(tmp_path, "g++", "-O0", "-g", "-fsanitize=thread"), 10).endswith("0 failures\n")


def test_threads_that_cannot_be_started_are_done_without(tmp_path):
    need("g++")
    source = SOURCE.with_name("few_threads_test.cc")
    printed = run(build(tmp_path, "g++", "-O1", "-Wl,--no-as-needed", "-ldl", source=source))
    assert printed.splitlines() == [f"threads given: {given}, labels the same" for given in range(4)]
