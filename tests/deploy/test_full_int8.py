"""Full int8: the arithmetic against numpy, and small networks from calibration to the `.nb`."""

import json

import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from paddle import nn

from paddleseg_mobileseg import InputError, compare
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.edit import Edit
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import describe_input
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.quantisation.layers import (
    layers_of,
    quantised_program,
    rounded_weights,
    weight_thresholds,
)
from paddleseg_mobileseg.deploy.quantisation.post_training import quantise_program
from paddleseg_mobileseg.deploy.quantisation.ranges import AbsoluteValues, observe
from paddleseg_mobileseg.deploy.quantise import quantise
from paddleseg_mobileseg.deploy.runtime.inputs import load_input, noise
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from support.chance import seeded
from support.engines import require_engine
from support.exports import MEAN, STD, export, randomise, save_scene
from support.int8_networks import Small

SIZE = (32, 64)
FINITE = st.floats(-1e4, 1e4, width=32)


TRANSFORMS = [{"type": "Resize", "target_size": SIZE[::-1]}, {"type": "Normalize", "mean": MEAN, "std": STD}]


@pytest.fixture(scope="module")
@seeded(7)
def small(tmp_path_factory):
    return export(randomise(Small()), tmp_path_factory.mktemp("small"), [1, 3, *SIZE], transforms=TRANSFORMS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(6):
        save_scene(folder / f"{seed}.png", seed, 64, 96)
    return folder


@pytest.fixture(scope="module")
def lowered(small):
    return lower(small)


@pytest.fixture(scope="module")
def converted(lowered, pictures, tmp_path_factory):
    return convert(
        lowered, tmp_path_factory.mktemp("nb") / "model.nb", precision="int8", calibration=pictures, images=4
    )


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 4), st.just(2)), elements=FINITE),
    st.integers(0, 1),
)
def test_weights_are_the_nearest_multiples_of_their_channels_step(weights, axis):
    channels = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.float64)
    rounded = np.moveaxis(rounded_weights(weights, axis), axis, 0).reshape(channels.shape)
    thresholds = weight_thresholds(weights, axis)
    np.testing.assert_array_equal(thresholds, np.abs(channels).max(axis=1))
    np.testing.assert_array_equal(rounded_weights(-weights, axis), -rounded_weights(weights, axis))
    for channel, given_, threshold in zip(channels, rounded, thresholds):
        if threshold < 1e-30:
            continue
        step = float(np.float32(threshold / np.float32(127)))
        units = given_ / step
        np.testing.assert_allclose(units, np.round(units), atol=1e-4)
        assert np.abs(np.round(units)).max() == 127
        assert np.abs(channel - given_).max() <= step * 0.5001


def test_channels_of_zeros_stay_zero():
    weights = np.array([[0, 0], [1, -0.5]], np.float32)
    np.testing.assert_array_equal(rounded_weights(weights, 0)[0], 0)


@given(st.lists(arrays.arrays(np.float32, st.integers(1, 40), elements=FINITE), min_size=1, max_size=4))
def test_a_threshold_lies_where_the_share_of_the_values_ends(parts):
    values, sizes = AbsoluteValues(), np.abs(np.concatenate(parts))
    for part in parts:
        values.add(part)
    assert values.counts.sum() == sizes.size
    for share in (0.5, 0.9, 1.0):
        threshold = values.threshold(share)
        # The bins are as wide as at most 1/4096 of the largest value.
        slack = sizes.max() / 4000
        exact = np.sort(sizes)[int(np.ceil(share * sizes.size)) - 1]
        assert max(exact, 1e-8) - slack <= threshold <= max(exact, 1e-8) + slack


def test_the_threshold_of_rare_large_values_leaves_them_out():
    values = AbsoluteValues()
    values.add(np.concatenate([np.linspace(-1, 1, 100_000), [50.0]]))
    assert values.threshold(1.0) == pytest.approx(50, rel=1e-3)
    assert values.threshold() == pytest.approx(1, rel=0.01)


def round_away(values):
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def test_paddle_simulates_integer_arithmetic(tmp_path):
    """By hand: both sides to integers, their products summed as integers, one factor at the end."""
    network = randomise(nn.Conv2D(3, 5, 1, bias_attr=False))
    model = lower(export(network, tmp_path, [1, 3, 8, 8]), labels="none").program
    layers = layers_of(Edit(model))
    # A step of 1/64, so that halves of it are exact.
    threshold = 127 / 64
    image = noise((1, 3, 8, 8), 3)
    # Halves of a step are rounded away from zero; what is larger than the threshold is cut off.
    image[0, 0, 0, :4] = np.array([2.5, -2.5, 0.5, -0.5]) / 64
    image[0, 1, 0, :2] = [9, -9]
    got = StaticGraph(quantised_program(model, layers, {layers[0].source: threshold})).run(image)
    weights = network.weight.numpy()[:, :, 0, 0]
    steps = np.abs(weights).max(axis=1) / 127
    integers = round_away(weights / steps[:, None]).astype(int)
    features = round_away(np.clip(image[0], -threshold, threshold) * 64).astype(int)
    assert (np.abs(integers).max(), np.abs(features).max()) == (127, 127)
    expected = np.einsum("oi,ihw->ohw", integers, features) * (steps / 64)[:, None, None]
    np.testing.assert_allclose(got[0], expected, atol=1e-5)


def test_every_layer_that_gains_is_rounded_and_agrees(converted, lowered):
    metadata, kinds = converted.metadata, converted.lowered.program.op_counts()
    # The stem's, both linear layers', and those of the two of 1x1; the depthwise one is no faster in int8.
    assert kinds["fake_channel_wise_quantize_dequantize_abs_max"] == 5
    assert kinds["fake_quantize_dequantize_moving_average_abs_max"] == 5
    assert kinds["mul"] == 2
    assert (metadata.precision, metadata.numbers, metadata.weights) == ("int8", "full_int8", "float32")
    assert metadata.agreement.labels > 0.95 and metadata.agreement.images == 2
    assert "beside those of the calibration" in metadata.agreement.source
    assert metadata.recipe["images"] == 4 and metadata.recipe["int8_layers"] == 5
    assert read_metadata(converted.path) == metadata
    assert "fake_quantize_dequantize_moving_average_abs_max" not in lowered.program.op_counts()


def test_opt_stores_int8_weights_and_picks_int8_kernels(converted, lowered, tmp_path):
    plain = convert(lowered, tmp_path / "float32.nb").path.read_bytes()
    content = converted.path.read_bytes()
    for name in (b"enable_int8", b"fp32_to_int8", b"Filter0_scale"):
        assert name in content and name not in plain
    assert b"fake_" not in content


def test_a_converted_model_can_be_written_again(converted, tmp_path):
    again = convert(converted.lowered, tmp_path / "model.nb", precision="int8")
    assert again.path.read_bytes() == converted.path.read_bytes()
    with pytest.raises(InputError, match="a quantised model cannot compute in float32"):
        convert(converted.lowered, tmp_path / "model.nb")


def test_onnx_runtime_keeps_the_labels_that_the_simulation_keeps(lowered, converted, pictures, tmp_path):
    """Its int8 differs: results and depthwise convolutions are rounded too, linear layers are not."""
    require_engine("onnx")
    path = tmp_path / "model.onnx"
    onnx = convert(lowered, path, precision="int8", calibration=pictures, images=4, format="onnx")
    metadata = onnx.metadata
    assert (metadata.precision, metadata.numbers, metadata.recipe["int8_layers"]) == ("int8", "full_int8", 3)
    assert metadata.agreement.labels > 0.95 and metadata.agreement.images == 4 and metadata.doubt is None
    assert "ONNX Runtime on this host" in metadata.agreement.computed_by and read_metadata(path) == metadata
    assert compare(lowered, path, images=[pictures]).total.pixel_agreement > 0.95
    with pytest.raises(InputError, match="not on noise: give --images"):
        compare(lowered, path)
    assert convert(onnx.lowered, path, precision="int8", format="onnx").metadata.sha256 == metadata.sha256
    with pytest.raises(InputError, match="quantised for another format does not become nb"):
        convert(onnx.lowered, tmp_path / "model.nb", precision="int8")
    with pytest.raises(InputError, match="quantised for another format does not become onnx"):
        convert(converted.lowered, path, precision="int8", format="onnx")


def test_a_measure_of_ones_own_is_written_down(lowered, pictures):
    seen = []

    def measure(before, after):
        seen.append((before, after))
        return "measured"

    result = quantise(lowered, [pictures / "0.png", pictures / "1.png"], 1, measure)
    assert result.agreement == "measured" and seen[0][0] is lowered
    assert seen[0][1].program is result.program


@seeded(11)
def test_the_layer_that_costs_most_stays_in_float32(tmp_path):
    network = nn.Sequential(*(nn.Conv2D(4 if number else 3, 4, 1) for number in range(12)))
    randomise(network)
    # One weight of a channel is a thousand times the others: to a hundredth of it these are nothing.
    weight = network[5].weight.numpy()
    weight[:, 0] = 0
    weight[:, 1] *= 1000
    network[5].weight.set_value(weight)
    bias = network[4].bias.numpy()
    weight = network[4].weight.numpy()
    weight[1] = 0
    bias[1] = 0.003
    network[4].weight.set_value(weight)
    network[4].bias.set_value(bias)
    model = lower(export(network, tmp_path, [1, 3, 8, 8]), labels="none").program
    batches = [noise((1, 3, 8, 8), seed) for seed in range(2)]
    result = quantise_program(model, batches, batches, lambda program: False)
    assert (list(result.left), result.layers) == ([layers_of(Edit(model))[5].name], 11)
    assert result.left[layers_of(Edit(model))[5].name] > 0.5
    assert quantise_program(model, batches, batches, lambda program: True).layers == 12


def test_pictures_are_prepared_as_the_export_says(lowered, pictures):
    source = layers_of(Edit(lowered.program))[0].source
    batch = load_input(pictures / "0.png", describe_input(lowered.program))
    found = observe(lowered.program, [batch], [source])[source]
    assert found.threshold(1.0) == pytest.approx(np.abs(batch).max(), rel=1e-3)


def test_a_network_that_overflows_is_refused(tmp_path):
    network = nn.Sequential(nn.Conv2D(3, 4, 1), nn.Conv2D(4, 4, 1))
    network[0].weight.set_value(paddle.full([4, 3, 1, 1], np.inf))
    model = read_exported(export(network, tmp_path, [1, 3, 8, 8]))
    with pytest.raises(InputError, match="gets NaN or infinity on a picture"):
        observe(model, [noise((1, 3, 8, 8), 0)], [layers_of(Edit(model))[1].source])


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "needs --calibration FOLDER"),
        ({"calibration": "empty"}, "holds no images"),
        ({"calibration": "missing"}, "there is no image"),
        ({"calibration": "broken"}, "broken.*0.png"),
        ({"calibration": "pictures", "images": 0}, "--images takes a number"),
        ({"calibration": "pictures", "target": "x86"}, "--precision int8 is for arm"),
        ({"calibration": "pictures", "weights": "int8"}, "cannot be combined"),
        ({"calibration": "pictures", "precision": "float32"}, "--calibration is for --precision int8"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_in_one_line(options, message, lowered, pictures, tmp_path):
    folders = {"pictures": pictures, **{name: tmp_path / name for name in ("empty", "missing", "broken")}}
    folders["empty"].mkdir()
    folders["broken"].mkdir()
    (folders["broken"] / "0.png").write_bytes(b"no picture")
    options = {"precision": "int8", **options}
    if "calibration" in options:
        options["calibration"] = folders[options["calibration"]]
    with pytest.raises(InputError, match=message) as refusal:
        convert(lowered, tmp_path / "model.nb", **options)
    assert "\n" not in str(refusal.value) and not (tmp_path / "model.nb").exists()


def test_without_a_description_there_is_nothing_to_prepare_with(small, pictures, tmp_path):
    for name in ("model.pdmodel", "model.pdiparams"):
        (tmp_path / name).write_bytes((small / name).read_bytes())
    with pytest.raises(InputError, match="has no deploy.yaml, so that pictures cannot become its input"):
        convert(tmp_path, tmp_path / "model.nb", precision="int8", calibration=pictures)


def test_the_command_says_the_miou_before_and_after(small, pictures, tmp_path, capfd):
    config = tmp_path / "config.yml"
    config.write_text(
        "batch_size: 1\niters: 1\ntrain_dataset: {type: SyntheticScenes, mode: train, count: 3, transforms: []}\n"
        "val_dataset: {type: SyntheticScenes, mode: val, size: [32, 64], count: 3, seed: 0,"
        f" transforms: [{{type: Normalize, mean: {MEAN}, std: {STD}}}]}}\n"
        "optimizer: {type: SGD}\nlr_scheduler: {type: PolynomialDecay, learning_rate: 0.1}\n"
        "loss: {types: [{type: CrossEntropyLoss}], coef: [1]}\n"
        "model: {type: PPMobileSeg, num_classes: 9, backbone: {type: MobileSeg_Tiny}}\n"
    )
    command = ["convert", str(small), "--output", str(tmp_path / "model.nb"), "--config", str(config)]
    assert main(command) == 2
    assert "--config says what --precision" in capfd.readouterr().err
    assert main(["compare", str(small), "--precision", "int8"]) == 2
    assert "`mobileseg convert --precision int8 --calibration FOLDER` says how it agrees" in capfd.readouterr().err
    assert main([*command, "--precision", "int8", "--calibration", str(pictures), "--images", "2", "--json"]) == 0
    said = capfd.readouterr()
    assert "note: 2 pictures are few to calibrate with" in said.err
    agreement = json.loads(said.out)["agreement"]
    assert agreement["images"] == 3 and 0 <= agreement["miou_before"] <= 1
    assert abs(agreement["miou_before"] - agreement["miou_after"]) < 0.05
