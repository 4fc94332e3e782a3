"""Full int8 in ONNX Runtime: which ops of a file become int8 kernels, and their numbers against Paddle's simulation."""

from collections import Counter

import numpy as np
import pytest
from paddle import nn

from paddleseg_mobileseg.deploy.formats.onnx_file import write_onnx
from paddleseg_mobileseg.deploy.formats.onnx_messages import Model, array_of, tensor_of
from paddleseg_mobileseg.deploy.ir.edit import Edit
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes.folded_norms import fold_norms
from paddleseg_mobileseg.deploy.passes.integers_spelt_out import spell_out_integers
from paddleseg_mobileseg.deploy.passes.linear_as_mul import linear_as_mul
from paddleseg_mobileseg.deploy.quantisation.layers import layers_of, quantised_program
from paddleseg_mobileseg.deploy.quantisation.ranges import observe
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from support.chance import seeded
from support.engines import require_engine
from support.exports import export, randomise
from support.int8_networks import OfEveryEnd

SHAPE = (1, 3, 32, 64)


def quantised(model, batch):
    """A program in float32 as one whose layers read and write int8, calibrated on one batch."""
    layers = layers_of(Edit(model), results=True)
    names = {name for layer in layers for name in layer.rounded}
    thresholds = {name: values.threshold(1.0) for name, values in observe(model, [batch], sorted(names)).items()}
    return quantised_program(model, layers, thresholds)


@pytest.fixture(scope="module")
@seeded(5)
def small(tmp_path_factory):
    folder = export(randomise(OfEveryEnd()), tmp_path_factory.mktemp("small"), list(SHAPE))
    model, _, _ = linear_as_mul(lower(folder, labels="none").program)
    return model


def onnx_session(path, optimised=None):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 3
    if optimised:
        settings.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def kinds(path):
    return Counter(node.op_type for node in Model.FromString(path.read_bytes()).graph.node)


def test_norms_become_part_of_convolutions(small):
    folded, done = fold_norms(small)
    assert done == {"took batch norms into convolutions": 2}
    assert "batch_norm" in small.op_counts() and "batch_norm" not in folded.op_counts()
    batch = noise(SHAPE, 1)
    np.testing.assert_allclose(StaticGraph(folded).run(batch), StaticGraph(small).run(batch), rtol=1e-4, atol=1e-4)


def test_results_are_rounded_behind_bias_and_relu(small):
    model, _ = fold_norms(small)
    layers = layers_of(Edit(model), results=True)
    ends = {layer.name: layer.result and (layer.result.unsigned, layer.result.largest) for layer in layers}
    # The stem's, the depthwise one's, that of the one with a ReLU and of the one with nothing; the classifier is last.
    assert list(ends.values()) == [(True, 6.0), (False, np.inf), (True, np.inf), (False, np.inf)]
    assert all(layer.result is None and layer.kind != "depthwise_conv2d" for layer in layers_of(Edit(model)))


def test_paddle_simulates_255_steps_of_what_is_never_negative(small):
    model, _ = fold_norms(small)
    batch = noise(SHAPE, 2)
    program = quantised(model, batch)
    op = next(op for op in program.block.ops if op.type.startswith("fake_") and any(
        attr.name == "bit_length" and attr.i == 9 for attr in op.attrs))
    (source,), (scale,), (result,) = (slot.arguments for slot in (op.inputs[0], op.inputs[1], op.outputs[0]))
    before, after = StaticGraph(program).values(batch, [source, result])
    step = program.params[scale][0] / 255
    np.testing.assert_allclose(after / step, np.round(after / step), atol=1e-3)
    assert np.abs(before - after).max() <= 0.501 * step and np.unique(np.round(after / step)).size > 128


def test_float32_has_nothing_to_spell_out(small):
    program, integers = spell_out_integers(small)
    assert not integers and program.program == small.program


def test_constants_keep_their_numbers():
    for dtype in ("float32", "int8", "uint8", "int32", "int64"):
        array = np.arange(6).astype(dtype).reshape(2, 3)
        read = array_of(tensor_of(array, "x"))
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype


def test_onnx_runtime_computes_in_int8_what_paddle_simulates(small, tmp_path):
    require_engine("onnx")
    model, _ = fold_norms(small)
    batch = noise(SHAPE, 3)
    program = quantised(model, batch)
    write_onnx(program, tmp_path / "model.onnx", "float32")
    found = onnx_session(tmp_path / "model.onnx", tmp_path / "optimised.onnx")
    (got,) = found.run(None, {found.get_inputs()[0].name: batch})
    want = StaticGraph(program).run(batch)
    # A sum whose terms come in another order may round to the next step; a step is 1/127 of the largest value.
    assert np.linalg.norm(got - want) <= 0.01 * np.linalg.norm(want)
    assert np.mean(got.argmax(1) == want.argmax(1)) >= 0.98
    exact = StaticGraph(small).run(batch)
    assert np.linalg.norm(got - exact) <= 1.1 * np.linalg.norm(want - exact) + 1e-3 * np.linalg.norm(exact)
    written, taken = kinds(tmp_path / "model.onnx"), kinds(tmp_path / "optimised.onnx")
    assert not written["Round"] and not written["Clip"] and not written["BatchNormalization"]
    assert taken["QLinearConv"] == 4 and taken["Conv"] == 1


@seeded(3)
def test_whole_numbers_come_out_exactly(tmp_path):
    """Steps of powers of two, so that nothing is rounded but by intent; a channel without weights keeps its bias."""
    require_engine("onnx")
    first, second = nn.Conv2D(3, 4, 1), nn.Conv2D(4, 2, 1, bias_attr=False)
    random = np.random.default_rng(4)
    weights = random.integers(-127, 128, (4, 3, 1, 1)).astype(np.float32) / 64
    weights[:, 0] = 127 / 64
    weights[1] = 0
    first.weight.set_value(weights)
    first.bias.set_value(np.array([0.5, 3, -0.25, 0.125], np.float32))
    model = lower(export(nn.Sequential(first, nn.ReLU(), second), tmp_path, [1, 3, 8, 8]), labels="none").program
    (layer,) = layers_of(Edit(model), results=True)
    # The weights of the last layer stay in float32.
    program = quantised_program(model, [layer], {layer.source: 127 / 32, layer.result.name: 255 / 16})
    batch = random.integers(-127, 128, (1, 3, 8, 8)).astype(np.float32) / 32
    write_onnx(program, tmp_path / "model.onnx", "float32")
    found = onnx_session(tmp_path / "model.onnx", tmp_path / "optimised.onnx")
    (got,) = found.run(None, {found.get_inputs()[0].name: batch})
    sums = np.einsum("oi,nihw->nohw", weights[:, :, 0, 0], batch) + first.bias.numpy()[:, None, None]
    # Halves of a step go away from zero in Paddle, and to the even neighbour in ONNX Runtime.
    middle = np.clip(np.rint(sums * 16), 0, 255) / 16
    expected = np.einsum("oi,nihw->nohw", second.weight.numpy()[:, :, 0, 0], middle)
    assert kinds(tmp_path / "optimised.onnx")["QLinearConv"] == 1
    np.testing.assert_allclose(got, expected, atol=1e-4)
