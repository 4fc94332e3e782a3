"""preprocess.h against Python's Preprocessing, and so against PaddleSeg's transforms, on x86 and on aarch64."""

import random
import subprocess

import numpy as np
import pytest

from paddleseg_mobileseg.data.preprocessing import CHANNEL_ORDERS, RESIZES, Preprocessing
from support import bench_program

SOURCE = bench_program.ROOT / "tests" / "cpp" / "preprocess_test.cc"
INTERPOLATIONS = ("LINEAR", "NEAREST")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OK, BAD_SHAPE, BAD_SETTINGS = None, "status 1", "status 2"


def how(resize="stretch", size=(64, 96), mean=MEAN, std=STD, **changes):
    return Preprocessing(*size, mean, std, resize, **changes)


def ways():
    """Every mode, with each bound on its own and both."""
    yield from (how(), how(interpolation="NEAREST"), how(channel_order="BGR"), how("none"), how("factor", factor=0.37))
    for bounds in ({"long_side": 90}, {"short_side": 60}, {"long_side": 256, "short_side": 60}):
        yield how("keep_ratio", **bounds)
        yield how("keep_ratio", **bounds, size_divisor=32, interpolation="NEAREST")
    yield how("short_side", short_side=50)
    yield how("short_side", short_side=50, long_side=70, padding_value=0.0)
    yield how("limit_long", long_side=80, min_long_side=40, padding_value=0.25, padding_normalized=True)
    yield how("limit_long", min_long_side=90, channel_order="BGR", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    yield how("keep_ratio", size=(224, 160), long_side=200)


SIZES = ((64, 96), (96, 64), (128, 192), (1, 1), (3, 150), (63, 65), (301, 223), (480, 640), (57, 96))


def settings_of(preprocessing):
    """The first argument of preprocess_test."""
    values = [
        *preprocessing.size, *preprocessing.mean, *preprocessing.std, RESIZES.index(preprocessing.resize),
        INTERPOLATIONS.index(preprocessing.interpolation), preprocessing.long_side, preprocessing.short_side,
        preprocessing.min_long_side, preprocessing.size_divisor, preprocessing.factor, preprocessing.padding_value,
        preprocessing.padding_normalized, CHANNEL_ORDERS.index(preprocessing.channel_order),
    ]  # fmt: skip
    return ",".join(repr(float(value or 0)) for value in values)


def build(folder, arch, *flags):
    bench_program.need(bench_program.COMPILERS[arch], *(["qemu-aarch64"] if arch == "aarch64" else []))
    program = folder / "preprocess_test"
    command = [bench_program.COMPILERS[arch], "-std=c++17", *bench_program.WARNINGS, *flags]
    command += [f"-I{bench_program.SOURCES / 'include'}", str(SOURCE), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    start = ["qemu-aarch64"] if arch == "aarch64" else []

    def make(preprocessing, image, gap=0, settings=None):
        """The frame as printed, and the input; or the status."""
        rows = image.reshape(image.shape[0], -1)
        (folder / "image.rgb").write_bytes(np.pad(rows, ((0, 0), (0, max(gap, 0)))).tobytes())
        words = [*start, program, settings or settings_of(preprocessing), folder / "image.rgb", *image.shape[:2], gap]
        (folder / "input.f32").write_bytes(b"")
        done = subprocess.run([str(word) for word in (*words, folder / "input.f32")], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        content = np.fromfile(folder / "input.f32", "<f4")
        return done.stdout.strip(), content.reshape(1, 3, *preprocessing.size) if content.size else None

    return make


@pytest.fixture(scope="module", params=["host", "aarch64"])
def make(request, tmp_path_factory):
    static = ["-static"] if request.param == "aarch64" else []
    return build(tmp_path_factory.mktemp(request.param), request.param, "-O3", *static)


def image_of(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_as_python(make, preprocessing, size, gap=0):
    image = image_of(*size)
    frame, found = make(preprocessing, image, gap)
    assert frame == "{} {}".format(*preprocessing.frame_size(size))
    np.testing.assert_allclose(found, preprocessing.apply(image), rtol=0, atol=1e-5)


@pytest.mark.parametrize("index, preprocessing", enumerate(ways()))
def test_inputs_are_those_of_python(make, index, preprocessing):
    # Every way meets an enlarged, a shrunken and a thin image, and all of them every size.
    for size in random.Random(index).sample(SIZES, 4):
        assert_as_python(make, preprocessing, size)


def test_rows_may_have_gaps(make):
    assert_as_python(make, how("keep_ratio", long_side=90), (75, 43), gap=11)


def test_what_cannot_be_done_is_refused_and_nothing_written(make):
    image, good = image_of(4, 5), how()
    for settings, status in (
        (settings_of(how()).replace("64.0", "0.0", 1), BAD_SHAPE),
        (settings_of(how(std=(1, 1, 0.5))).replace("1.0,1.0,0.5", "1.0,0.0,0.5"), BAD_SETTINGS),
        (settings_of(how("factor", factor=0.125)).replace("0.125", "0.0"), BAD_SETTINGS),
        (settings_of(how("short_side", short_side=48)).replace("48.0", "0.0"), BAD_SETTINGS),
        (settings_of(how("keep_ratio", long_side=48)).replace("48.0", "0.0"), BAD_SETTINGS),
    ):
        assert make(good, image, settings=settings) == (status, None)
    assert make(good, image, gap=-3) == (BAD_SHAPE, None)


def test_sanitizers_find_nothing(tmp_path):
    make = build(tmp_path, "host", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    for preprocessing in ways():
        for size in ((1, 1), (57, 96), (301, 223)):
            assert_as_python(make, preprocessing, size)
