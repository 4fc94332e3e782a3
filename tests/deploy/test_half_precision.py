"""Half precision: what is simulated, what is written in another way for it, what is refused, and what is measured."""

import json
import re
import shutil

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.halve import fused_for_half, halve
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.program import get_attr
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes import legalize
from paddleseg_mobileseg.deploy.passes.halves import legalize_for_half
from paddleseg_mobileseg.deploy.runtime.half import resampling, rounding
from paddleseg_mobileseg.deploy.runtime.half.convolution import convolve, linear
from paddleseg_mobileseg.deploy.runtime.half.rounding import fused_products, to_half
from paddleseg_mobileseg.deploy.runtime.half.simulation import HalfSimulation, NotSimulated
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.optimised import kernel_precision
from support.bench_networks import record_of, written
from support.bench_program import real_lite_dir
from support.exports import MEAN, STD, export, randomise

SIZE = [1, 3, 24, 64]
STRETCHED = [{"type": "Resize", "target_size": [64, 24]}, {"type": "Normalize", "mean": MEAN, "std": STD}]


class Net(nn.Layer):
    """Twelve channels of 6x16 positions, and what `body` makes of them."""

    def __init__(self, body, **layers):
        super().__init__()
        self.stem = nn.Conv2D(3, 12, 3, stride=2, padding=1, bias_attr=False)
        self.norm = nn.BatchNorm2D(12)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.body = body

    def forward(self, x):
        return self.body(self, F.max_pool2d(F.relu(self.norm(self.stem(x))), 2, 2))


def gated(net, x):
    """Squeeze and excitation with biases, a batch norm, and channels that are no multiple of eight."""
    squeezed = F.relu(net.squeeze(F.adaptive_avg_pool2d(x, 1)))
    return x * F.hardsigmoid(net.norm_after(net.excite(squeezed)))


def gate():
    return Net(gated, squeeze=nn.Conv2D(12, 5, 1), excite=nn.Conv2D(5, 12, 1), norm_after=nn.BatchNorm2D(12))


def blocks():
    """Means of blocks three high and four wide."""
    return Net(lambda net, x: F.interpolate(F.adaptive_avg_pool2d(x, [2, 4]), (6, 16), mode="bilinear") + x)


def dense():
    """Winograd's 3x3, attention's products and softmax, and ops that fall back to float32."""

    def body(net, x):
        wide = F.relu6(net.first(x) + x)
        tokens = wide.flatten(2)
        weights = F.softmax(paddle.matmul(tokens, tokens, transpose_y=True) * 0.05, axis=-1)
        mixed = paddle.matmul(weights, tokens).reshape([1, 12, 6, 16])
        left, right = paddle.split(F.hardswish(net.second(mixed)), 2, axis=1)
        return F.sigmoid(left) * right

    return Net(body, first=nn.Conv2D(12, 12, 3, padding=1), second=nn.Conv2D(12, 16, 1, bias_attr=False))


def shared():
    """What a `concat` takes together in halves and in float32 is read by others too."""

    def body(net, x):
        left, right = paddle.split(x, 2, axis=1)
        joined = paddle.concat([F.relu(net.first(left)), right], axis=1)
        return F.sigmoid(net.second(joined)) * right

    return Net(body, first=nn.Conv2D(6, 6, 3, padding=1), second=nn.Conv2D(12, 6, 1))


NETWORKS = {"gate": gate, "blocks": blocks, "dense": dense, "shared": shared}


def exported(net, folder, size=SIZE):
    with paddle.utils.unique_name.guard():
        return export(randomise(net), folder, size, transforms=STRETCHED)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: exported(make(), tmp_path_factory.mktemp(name)) for name, make in NETWORKS.items()}


@pytest.fixture(scope="module")
def lowered(folders):
    return {name: lower(folder, "none") for name, folder in folders.items()}


def halves(*shape, scale=1.0, seed=0):
    return to_half(np.random.RandomState(seed).standard_normal(shape).astype(np.float32) * scale)


def added_in_halves(weights, columns, start):
    """Products one by one in NumPy's own halves."""
    total = np.float16(start) * np.ones((len(weights), columns.shape[1]), np.float16)
    for step in range(weights.shape[1]):
        total = np.float16(np.float32(total) + np.outer(weights[:, step], columns[step]))
    return np.float32(total)


def test_sums_are_those_of_accumulators_of_eleven_bits(monkeypatch):
    monkeypatch.setattr(rounding, "_BLOCK_ELEMENTS", 64)
    weights, columns, start = halves(7, 300, seed=1), halves(300, 33, seed=2), halves(7, 1, seed=3)
    found = fused_products(weights, columns, start)
    expected = added_in_halves(weights, columns, start)
    # Ties apart, which Dekker's split rounds away from what is even.
    assert (found == expected).mean() > 0.99 and np.abs(found - expected).max() < 0.1
    assert np.abs(found - (weights @ columns + start)).max() > 0.01
    # One added a thousand times to 4096 is lost each time, as two halves at a time would not be.
    assert fused_products(np.ones((1, 1000), np.float32), np.ones((1000, 1), np.float32), np.float32(4096)) == 4096
    assert fused_products(halves(1, 1) * 0 + 60000, np.full((1, 1), 2, np.float32), np.float32(0)) == np.inf


@pytest.mark.parametrize(
    "channels, results, side, options",
    [
        (12, 10, 1, {}),
        (12, 10, 3, {"stride": 2, "padding": 1}),
        (12, 12, 5, {"padding": 2, "groups": 12}),
        (12, 8, 3, {"padding": 2, "dilation": 2, "groups": 4}),
        (12, 10, 3, {"padding": 1}),
        (3, 10, 3, {"padding": 1}),
    ],
    ids=["1x1", "stride", "depthwise", "groups", "winograd", "few channels"],
)
@pytest.mark.parametrize("size", [(7, 9), (13, 15)])
def test_convolutions_are_paddles_up_to_halves(channels, results, side, options, size):
    groups = options.get("groups", 1)
    kernel, bias = halves(results, channels // groups, side, side, seed=1), halves(results, seed=2)
    x = halves(1, channels, *size)
    ways = [options.get(name, default) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))]
    found = convolve(x, kernel, bias, [ways[0]] * 2, [ways[1]] * 4, [ways[2]] * 2, groups)
    expected = F.conv2d(*map(paddle.to_tensor, (x, kernel, bias)), **options).numpy()
    assert found.shape == expected.shape and np.array_equal(found, to_half(found))
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert 1e-5 < difference < 0.02


def test_a_linear_layer_of_one_row_is_added_up_in_eight_lanes():
    row, weights, bias = halves(1, 21), halves(21, 6, seed=1), halves(6, seed=2)
    lanes = [added_in_halves(weights[lane::8].T, row[0, lane::8, np.newaxis], 0.0)[:, 0] for lane in range(8)]
    while len(lanes) > 1:
        lanes = [to_half(first + second) for first, second in zip(lanes[0::2], lanes[1::2])]
    np.testing.assert_array_equal(linear(row, weights, bias)[0], to_half(lanes[0] + bias))
    rows = halves(3, 21, seed=3)
    np.testing.assert_array_equal(linear(rows, weights, None), fused_products(rows, weights, np.float32(0)))


def test_pools_and_interpolation_are_paddles_up_to_halves():
    x = halves(1, 3, 6, 13)
    tensor = paddle.to_tensor(x)
    pairs = [
        (resampling.pool_whole(x, to_half), F.adaptive_avg_pool2d(tensor, 1)),
        (resampling.pool(x, False, (3, 3), (2, 2), (1, 1, 1, 1), True, to_half), F.avg_pool2d(tensor, 3, 2, 1)),
        (resampling.pool(x, True, (3, 3), (2, 2), (1, 1, 1, 1), True, to_half), F.max_pool2d(tensor, 3, 2, 1)),
        (resampling.pool_adaptive(x, (4, 5), False, to_half), F.adaptive_avg_pool2d(tensor, [4, 5])),
        (resampling.bilinear(x, (11, 20), False, True, to_half), F.interpolate(tensor, (11, 20), mode="bilinear")),
        (
            resampling.bilinear(x, (11, 20), True, False, to_half),
            F.interpolate(tensor, (11, 20), mode="bilinear", align_corners=True),
        ),
        (resampling.nearest(x, (12, 26), False), F.interpolate(tensor, (12, 26), mode="nearest")),
    ]
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected.numpy(), atol=4e-3)
        np.testing.assert_array_equal(found, to_half(found))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_simulation_is_the_network_up_to_halves(name, lowered):
    program, _ = legalize_for_half(lowered[name].program)
    batch = noise(SIZE, 1)
    reference = StaticGraph(lowered[name].program).run(batch)
    found = HalfSimulation(fused_for_half(program)).run(batch)
    difference = np.abs(found - reference).max() / np.abs(reference).max()
    assert found.shape == reference.shape and 1e-5 < difference < 0.01


def test_weights_that_arm_would_read_wrongly_are_found_and_mended(folders):
    original, _ = legalize(read_exported(folders["gate"]))
    with pytest.raises(InputError, match="read the float32 weights of .*fusion_elementwise_add_activation.* as halves"):
        fused_for_half(original)
    mended, done = legalize_for_half(original)
    assert done["wrote convolutions of single positions as linear layers"] == 2
    fused = fused_for_half(mended)
    kinds = [op.type for op in fused.ops]
    assert kinds.count("fc") == 2 and kinds.count("conv2d") == 1 and "batch_norm" not in kinds
    (mean,) = (op for op in fused.ops if op.type == "reduce_mean")
    assert kernel_precision(mean) == "float32"


def test_adaptive_pools_over_even_blocks_get_their_size(lowered):
    program, done = legalize_for_half(lowered["blocks"].program)
    assert done == {"gave adaptive pools over even blocks their size": 1, "padded max pools of 2x2": 1}
    (largest,) = (op for op in program.block.ops if get_attr(op, "pooling_type") == "max")
    assert get_attr(largest, "paddings") == [0, 0, 0, 1]
    pools = [op for op in program.block.ops if op.type == "pool2d" and get_attr(op, "pooling_type") == "avg"]
    assert [(get_attr(op, "ksize"), get_attr(op, "adaptive")) for op in pools] == [([3, 4], False)]
    assert legalize_for_half(program)[1] == {}


def test_concat_gets_copies_of_what_others_read(lowered):
    original = lowered["shared"].program
    with pytest.raises(InputError, match="concat would turn into halves what others read in float32"):
        fused_for_half(original)
    mended, done = legalize_for_half(original)
    assert done["copied what concat shares with other ops"] == 1
    kinds = [op.type for op in fused_for_half(mended).ops]
    assert kinds.index("assign") < kinds.index("concat") and kinds.count("concat") == 1


def test_what_is_left_is_refused_by_name(tmp_path):
    class Positions(nn.Layer):
        """Joins features with learnt ones, which nothing turns into halves."""

        def __init__(self):
            super().__init__()
            self.learnt = self.create_parameter([1, 4, 6, 16])

        def forward(self, x):
            return paddle.concat([x, self.learnt], axis=1)

    folder = exported(Net(lambda net, x: F.relu(net.after(net.positions(x))), positions=Positions(),
                          after=nn.Conv2D(16, 8, 3, padding=1)), tmp_path)  # fmt: skip
    with pytest.raises(InputError, match="float32 weights of concat as halves; convert it with --precision float32"):
        convert(folder, tmp_path / "model.nb", precision="fp16", labels="none")


def test_numbers_beyond_the_largest_half_are_refused_by_name(tmp_path):
    net = Net(lambda net, x: F.sigmoid(net.large(x)), large=nn.Conv2D(12, 8, 1))
    randomise(net)
    net.large.weight.set_value(net.large.weight * 1e6)
    with paddle.utils.unique_name.guard():
        folder = export(net, tmp_path, SIZE, transforms=STRETCHED)
    with pytest.raises(InputError, match="the result '.*' of conv2d is beyond 65504"):
        convert(folder, tmp_path / "model.nb", precision="fp16", labels="none")


def test_ops_without_a_known_kernel_leave_agreement_unmeasured(tmp_path):
    net = Net(lambda net, x: paddle.exp(net.after(x)), after=nn.Conv2D(12, 8, 1))
    low = lower(exported(net, tmp_path), "none")
    with pytest.raises(NotSimulated, match=r"for exp \(1\) is not known here"):
        HalfSimulation(fused_for_half(low.program))
    assert halve(low).agreement is None


def test_a_conversion_tells_its_agreement(folders, lowered, tmp_path, capfd):
    output = tmp_path / "model.nb"
    options = ["--precision", "fp16", "--labels", "none", "--output", str(output)]
    assert main(["convert", str(folders["dense"]), *options]) == 0
    said = capfd.readouterr()
    assert re.search(r"agrees  \d+\.\d+ % of float32's labels, by simulation of .* on 4 built-in scenes\n", said.out)
    agreement = json.loads((tmp_path / "model.nb.json").read_text())["agreement"]
    assert (agreement["images"], agreement["miou_before"]) == (4, None) and 0.9 < agreement["labels"] <= 1
    assert ("less than 99 %" in said.err) == (agreement["labels"] < 0.99)
    with pytest.raises(InputError, match="--calibration is for --precision int8 and fp16"):
        convert(folders["dense"], output, calibration=tmp_path)


def test_half_precision_that_was_not_compared_is_warned_of(folders, tmp_path, capfd):
    output, folder = tmp_path / "model.nb", shutil.copytree(folders["gate"], tmp_path / "exported")
    # What says how pictures become the input.
    (folder / "deploy.yaml").unlink()
    assert main(["convert", str(folder), "--precision", "fp16", "--labels", "none", "--output", str(output)]) == 0
    metadata = read_metadata(output)
    assert (metadata.precision, metadata.numbers, metadata.agreement) == ("float16", "float16", None)
    assert "nothing tells how well it agrees" in capfd.readouterr().err


def test_compare_holds_the_simulation_against_paddle(folders, capfd):
    assert main(["compare", str(folders["gate"]), "--precision", "fp16", "--labels", "none", "--json"]) == 0
    total = json.loads(capfd.readouterr().out)["total"]
    assert 1e-5 < total["relative_difference"] < 0.01 and total["pixel_agreement"] > 0.99


@pytest.mark.parametrize("name", NETWORKS)
def test_arm_computes_what_is_simulated(name, lowered, tmp_path):
    """Fails for "gate", "blocks" and "shared" without the passes for half precision."""
    if real_lite_dir("aarch64") is None:
        pytest.skip("PADDLE_LITE_DIR names no library of Paddle-Lite for aarch64")
    conversion = convert(lowered[name], tmp_path / "model.nb", precision="fp16")
    batch = noise(SIZE, 1)
    (tmp_path / "input.f32").write_bytes(batch.tobytes())
    flags = ["--model", conversion.path, "--input-shape", "1,3,24,64", "--input", tmp_path / "input.f32"]
    (result,), flags = written(flags, tmp_path, 1)
    record_of("aarch64", *flags, "--labels", "none")
    expected = HalfSimulation(fused_for_half(conversion.lowered.program)).run(batch)
    output = np.fromfile(result, np.float32).reshape(expected.shape)
    assert np.abs(output - expected).max() / np.abs(expected).max() < 0.01
