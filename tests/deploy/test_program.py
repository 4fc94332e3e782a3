import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from paddle import nn

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import describe_input
from paddleseg_mobileseg.deploy.ir.params import read_params, write_params
from paddleseg_mobileseg.deploy.ir.program import TENSOR, ProgramDesc, dims_of, set_tensor
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.passes import legalize
from paddleseg_mobileseg.deploy.passes.fix_input_shape import fix_input_shape
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.segmenter.opening import open_network
from support.exports import MEAN, STD, TRANSFORMS, describe, export, export_around, exported_network, exported_stock


@pytest.fixture
def small(tmp_path):
    """A fresh small export that a test may damage."""
    return export_around(nn.ReLU6(), tmp_path / "small")


def output_of(model, shape, seed=0):
    return StaticGraph(model).run(noise(shape, seed))


def test_reads_the_weights_that_were_exported(tmp_path):
    network = nn.Sequential(nn.Conv2D(3, 8, 1), nn.BatchNorm2D(8))
    exported = read_exported(export(network, tmp_path, [1, 3, 32, 32]))
    stored = sorted(array.tobytes() for array in exported.params.values())
    assert stored == sorted(value.numpy().tobytes() for value in network.state_dict().values())
    assert exported.op_counts()["conv2d"] == 1


def test_static_graph_gives_what_the_network_gives(tmp_path):
    network = nn.Sequential(nn.Conv2D(3, 8, 3), nn.ReLU6())
    exported = read_exported(export(network, tmp_path, [1, 3, 32, 32]))
    batch = noise([1, 3, 32, 32], seed=0)
    np.testing.assert_allclose(StaticGraph(exported).run(batch), network(paddle.to_tensor(batch)).numpy(), atol=1e-6)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.text("abcdefgh_.0123456789", min_size=1, max_size=12),
        st.one_of(
            *(
                arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, max_side=4))
                for dtype in (np.float32, np.float64, np.float16, np.int8, np.int32, np.int64, np.bool_)
            )
        ),
        min_size=1,
        max_size=5,
    )
)
def test_parameters_survive_writing_and_reading(tmp_path_factory, params):
    path = tmp_path_factory.getbasetemp() / "round_trip.pdiparams"
    write_params(path, params)
    program = ProgramDesc()
    block = program.blocks.add(idx=0, parent_idx=-1)
    for name, array in params.items():
        variable = block.vars.add(name=name, persistable=True)
        variable.type.type = TENSOR
        set_tensor(variable, array.shape, array.dtype)
    read = read_params(path, program)
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in read.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in params.items()
    }


def test_paddle_reads_the_parameters_that_are_written(small, tmp_path):
    model = read_exported(small)
    model.save(tmp_path / "copy")
    assert (tmp_path / "copy" / "model.pdiparams").read_bytes() == (small / "model.pdiparams").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", ["model.pdmodel", "model.pdiparams"])
def test_a_truncated_file_is_refused(small, name, share):
    path = small / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match="export(ed)?.* again"):
        read_exported(small)


@pytest.mark.parametrize("at", [0, 4, 12, 16, 20])
def test_a_damaged_header_of_parameters_is_refused(small, at):
    content = bytearray((small / "model.pdiparams").read_bytes())
    content[at] ^= 0xFF
    (small / "model.pdiparams").write_bytes(bytes(content))
    with pytest.raises(InputError, match="model.pdiparams cannot be used"):
        read_exported(small)


def test_parameters_of_another_network_are_refused(small, tmp_path):
    other = export_around(nn.Conv2D(8, 4, 1), tmp_path / "other")
    (small / "model.pdiparams").write_bytes((other / "model.pdiparams").read_bytes())
    with pytest.raises(InputError, match="model.pdiparams cannot be used"):
        read_exported(small)


@pytest.mark.parametrize("name, message", [("model.pdmodel", "no program"), ("model.pdiparams", "cannot read the par")])
def test_a_missing_file_is_named(small, name, message):
    (small / name).unlink()
    with pytest.raises(InputError, match=message):
        read_exported(small)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no folder .*nowhere"):
        read_exported(tmp_path / "nowhere")


@pytest.mark.parametrize("with_recipe", [True, False])
def test_a_program_of_paddle_3_is_refused_with_the_way_out(small, with_recipe):
    (small / "model.pdmodel").rename(small / "model.json")
    recipe = small / "deploy.yaml"
    if with_recipe:
        recipe.write_text(recipe.read_text().replace("model.pdmodel", "model.json"))
    else:
        recipe.unlink()
    for path in (small, small / "model.json"):
        with pytest.raises(InputError, match=r"model\.json .*Paddle 3 .*`mobileseg export --config"):
            read_exported(path)
        with pytest.raises(InputError, match=r"model\.json .*Paddle 3 .*`mobileseg export --config"):
            open_network(path)


@pytest.mark.parametrize("text", ["", "Deploy: [", "Deploy: 3", "\x00"])
def test_a_damaged_deploy_yaml_is_refused(small, text):
    (small / "deploy.yaml").write_text(text)
    with pytest.raises(InputError, match="deploy.yaml"):
        read_exported(small)


def test_a_program_with_two_outputs_is_refused(tmp_path):
    folder = export_around(lambda logits: [logits, logits + 1], tmp_path)
    with pytest.raises(InputError, match="2 outputs"):
        read_exported(folder)


@pytest.mark.parametrize(
    "transforms, mean, std, resize",
    [
        (TRANSFORMS, MEAN, STD, "keep_ratio"),
        ([{"type": "Normalize"}], [0.5] * 3, [0.5] * 3, "stretch"),
        ([{"type": "Resize"}], [0.0] * 3, [1 / 255] * 3, "stretch"),
        ([{"type": "Normalize", "mean": tuple(MEAN), "std": tuple(STD)}], MEAN, STD, "stretch"),
    ],
)
def test_preprocessing_comes_from_deploy_yaml(small, transforms, mean, std, resize):
    describe(small, transforms)
    preprocessing = describe_input(read_exported(small)).preprocessing
    assert (list(preprocessing.mean), list(preprocessing.std)) == (mean, std)
    assert preprocessing.resize == resize and preprocessing.size == (32, 32)


def test_a_transform_that_cannot_be_reproduced_is_named_with_its_file(small):
    describe(small, [{"type": "RandomBlur"}])
    with pytest.raises(InputError, match=r"deploy.yaml: RandomBlur cannot be reproduced at a fixed size"):
        describe_input(read_exported(small))


def test_without_deploy_yaml_the_preprocessing_is_unknown(small):
    (small / "deploy.yaml").unlink()
    assert describe_input(read_exported(small)).preprocessing is None


NETWORKS = {
    "plugin tiny": lambda: (exported_network("pp_mobileseg_tiny", "logits", 65, 97), None),
    "plugin tiny, vim": lambda: (exported_network("pp_mobileseg_tiny", "vim", 128, 192), None),
    "stock": lambda: (exported_stock("pp_mobileseg", (1, 3, 128, 192)), None),
    "stock, any size": lambda: (exported_stock("pp_mobileseg", (None, 3, None, None)), [1, 3, 128, 192]),
    "topformer, any size": lambda: (exported_stock("topformer", (None, 3, None, None)), [1, 3, 128, 192]),
    "lraspp": lambda: (exported_stock("lraspp", (1, 3, 128, 192)), None),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_mending_changes_no_number(network):
    folder, shape = NETWORKS[network]()
    original = fix_input_shape(read_exported(folder), shape)
    legalized, done = legalize(original)
    shape = dims_of(original.variables()[original.input_name])
    np.testing.assert_array_equal(output_of(legalized, shape), output_of(original, shape))
    assert done["folded ops that do not depend on the image"] > 0
    assert not {"linear_interp_v2", "shape", "fill_constant"} & set(legalized.op_counts())


def test_mending_leaves_a_healthy_program_as_it_is(tmp_path):
    original = read_exported(export(nn.Conv2D(3, 8, 1, bias_attr=False), tmp_path, [1, 3, 32, 32]))
    legalized, done = legalize(original)
    assert done == {} and legalized.op_counts() == original.op_counts()


def test_a_mended_program_needs_no_more_mending(tmp_path):
    folder = export_around(lambda logits: paddle.flatten(nn.ReLU6()(logits), 2).reshape([1, 8, 32, 32]), tmp_path)
    legalized, done = legalize(read_exported(folder))
    assert set(done) == {
        "restored attributes that Paddle leaves out",
        "restored outputs that Paddle leaves out",
        "folded ops that do not depend on the image",
    }
    assert legalize(legalized)[1] == {}


def test_random_ops_are_not_folded(tmp_path):
    folder = export_around(lambda logits: logits + paddle.rand([1, 8, 32, 32]) * 2, tmp_path)
    legalized, _ = legalize(read_exported(folder))
    assert legalized.op_counts()["uniform_random"] == 1


def test_what_a_loop_changes_is_not_folded(tmp_path):
    def doubled_three_times(logits):
        count = paddle.zeros([1], "int64") + 0
        return paddle.static.nn.while_loop(
            lambda count, logits: count < 3, lambda count, logits: [count + 1, logits * 2], [count, logits]
        )[1]

    folder = export_around(doubled_three_times, tmp_path)
    original = read_exported(folder)
    assert "while" in original.op_counts()
    graph = StaticGraph(legalize(original)[0])
    batch = noise([1, 3, 32, 32], seed=0)
    # A counter that had become a parameter would start the second run where the first one left it.
    for _ in range(2):
        np.testing.assert_array_equal(graph.run(batch), output_of(original, batch.shape))


@pytest.mark.parametrize(
    "wanted, message",
    [
        (None, "without a fixed size"),
        ([1, 3, 0, 32], "1 or more"),
        ([1, 4, 64, 64], "contradicts"),
    ],
)
def test_a_model_for_any_size_needs_a_sensible_one(wanted, message):
    model = read_exported(exported_stock("topformer", (None, 3, None, None)))
    with pytest.raises(InputError, match=message):
        fix_input_shape(model, wanted)


def test_a_fixed_size_cannot_be_changed(small):
    with pytest.raises(InputError, match="contradicts"):
        fix_input_shape(read_exported(small), [1, 3, 64, 64])


def test_an_unknown_batch_alone_becomes_one(tmp_path):
    model = read_exported(export(nn.Conv2D(3, 8, 1), tmp_path, [None, 3, 32, 32]))
    fixed = fix_input_shape(model)
    assert dims_of(fixed.variables()[fixed.input_name]) == [1, 3, 32, 32]


def test_a_size_that_the_network_does_not_take_is_refused():
    model = fix_input_shape(read_exported(exported_stock("topformer", (None, 3, None, None))), [1, 3, 100, 100])
    with pytest.raises(InputError, match=r"does not take an input of \[1, 3, 100, 100\].*multiples of 32"):
        legalize(model)


def test_an_input_that_is_no_image_is_refused(tmp_path):
    folder = export(nn.Conv2D(5, 8, 1), tmp_path, [1, 5, 32, 32])
    with pytest.raises(InputError, match=r"takes float32 of \[N, 3, H, W\]"):
        fix_input_shape(read_exported(folder))
