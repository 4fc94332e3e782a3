"""Export folders and models that may be anybody's: refused in one line, before anything of them is run."""

import json
import os
import random
import shutil
import signal
from dataclasses import asdict, replace

import numpy as np
import paddle
import pytest
import yaml
from paddle import nn

from paddleseg_mobileseg import InputError, MobilesegError, ToolError
from paddleseg_mobileseg.data.transforms import read_preprocessing
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir import allowed_ops
from paddleseg_mobileseg.deploy.ir.deploy_yaml import deploy_yaml, read_deploy_yaml
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import behind
from paddleseg_mobileseg.deploy.ir.paddle_process import paddle_process
from paddleseg_mobileseg.deploy.ir.program import AttrType, OpDesc, ProgramDesc, VarType, set_attr, tensor_of
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph, _single_op_program
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, sha256_of
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor, _memory
from paddleseg_mobileseg.processes.limits import memory_limit
from support.exports import MEAN, STD, TRANSFORMS, export_around

BATCH = np.ones([1, 3, 32, 32], np.float32)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small export: a convolution, a bias that is reshaped, an activation, and an op that names the output."""
    # Paddle numbers what it names, through all exports of a process: here from 0 on.
    with paddle.utils.unique_name.guard():
        return export_around(nn.ReLU6(), tmp_path_factory.mktemp("whole"))


@pytest.fixture
def small(whole, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(whole, tmp_path / "small")


def change(folder, edit):
    """Let `edit` change the program of an export."""
    path = folder / "model.pdmodel"
    program = ProgramDesc.FromString(path.read_bytes())
    edit(program)
    path.write_bytes(program.SerializeToString())


def op_of(program, kind):
    return next(op for op in program.blocks[0].ops if op.type == kind)


def insert(program, index, op):
    ops = [OpDesc.FromString(each.SerializeToString()) for each in program.blocks[0].ops]
    ops.insert(index, op)
    del program.blocks[0].ops[:]
    program.blocks[0].ops.extend(ops)


def saving(path):
    def edit(program):
        save = OpDesc(type="save")
        save.inputs.add(parameter="X", arguments=["conv2d_0.w_0"])
        set_attr(save, "file_path", str(path), AttrType.STRING)
        set_attr(save, "overwrite", True, AttrType.BOOLEAN)
        insert(program, 1, save)

    return edit


def test_an_op_that_writes_a_file_is_not_run(small, tmp_path):
    change(small, saving(tmp_path / "written"))
    with pytest.raises(InputError, match=r"not among those of segmentation networks: save \(1\); .* nothing of it was"):
        lower(small)
    assert not (tmp_path / "written").exists()


def test_unknown_ops_are_named_up_to_a_few_in_every_block(small):
    def edit(program):
        inner = program.blocks.add(idx=1, parent_idx=0)
        for name in ("py_func", "print", "send", "listen_and_serv", "run_program", "\x1b[31m" + "x" * 10**6):
            inner.ops.add(type=name)

    change(small, edit)
    message = r": \\x1b\[31mx+\.\.\. \(1\), listen_and_serv \(1\).* and 1 more kinds"
    with pytest.raises(InputError, match=message) as caught:
        read_exported(small)
    assert len(str(caught.value)) < 600 and str(caught.value).isprintable()


def test_no_allowed_op_reaches_beyond_tensors():
    doors = ("save", "load", "print", "py_func", "send", "recv", "listen", "serv", "c_", "run", "fetch_", "read")
    found = {op for op in allowed_ops.ALLOWED_OPS if op.startswith(doors)}
    assert found == {"read_from_array"}


def out_of_order(program):
    ops = program.blocks[0].ops
    first, second = (OpDesc.FromString(ops[index].SerializeToString()) for index in (1, 3))
    ops[1].CopyFrom(second)
    ops[3].CopyFrom(first)


def in_place_before_the_end(program):
    """What `producers` would lead round and round."""
    name = op_of(program, "fetch").inputs[0].arguments[0]
    assign = OpDesc(type="assign")
    assign.inputs.add(parameter="X", arguments=[name])
    assign.outputs.add(parameter="Out", arguments=[name])
    insert(program, len(program.blocks[0].ops) - 1, assign)


def var_of(program, name):
    return next(variable for variable in program.blocks[0].vars if variable.name == name)


def sizes_of_x(program):
    return tensor_of(var_of(program, "x")).dims


def an_inner_block(program, kind="while", block=1, parent=0):
    program.blocks.add(idx=1, parent_idx=parent)
    loop = OpDesc(type=kind)
    attr = loop.attrs.add(name="sub_block", type=AttrType.BLOCK)
    attr.block_idx = block
    insert(program, 1, loop)


@pytest.mark.parametrize(
    "edit, message",
    [
        (out_of_order, r"elementwise_add reads 'conv2d_0.tmp_0' before it is written"),
        (in_place_before_the_end, r"assign writes 'save_infer_model/scale_0.tmp_0', which it reads"),
        (lambda p: op_of(p, "relu6").inputs[0].arguments.append("nowhere"), "relu6 names a variable 'nowhere'"),
        (lambda p: insert(p, 3, op_of(p, "conv2d")), "conv2d writes 'conv2d_0.tmp_0', which another op wrote"),
        (lambda p: p.blocks[0].vars.add().CopyFrom(var_of(p, "x")), "variable 'x' is there twice"),
        (lambda p: sizes_of_x(p).extend([1] * 6), "variable 'x' has a tensor of 10 axes"),
        (lambda p: sizes_of_x(p).__setitem__(0, 2**40), "'x' has a size of 1099511627776"),
        (lambda p: sizes_of_x(p).__setitem__(2, 2**30), "'x' has a tensor of 103079215104 elements"),
        (lambda p: setattr(var_of(p, "x").type, "type", VarType.READER), "variable 'x' is of kind 15"),
        (lambda p: setattr(tensor_of(var_of(p, "x")), "data_type", VarType.BF16), "'x' has no dtype"),
        (lambda p: setattr(var_of(p, "relu6_0.tmp_0"), "name", "\x1b[31m"), r"a variable is named '\\x1b\[31m'"),
        (lambda p: setattr(p.blocks[0], "idx", 3), "its block 0 is in a wrong place"),
        (lambda p: an_inner_block(p, block=7), "while enters block 7, which is not there"),
        (lambda p: an_inner_block(p, parent=1), "its block 1 is in a wrong place"),
        (lambda p: an_inner_block(p, kind="relu"), "relu lacks its block, or has one"),
        (lambda p: p.blocks.add(idx=1, parent_idx=0), "it has a block that no op enters"),
        (lambda p: op_of(p, "relu6").attrs.extend(list(op_of(p, "relu6").attrs)), "relu6 has an attribute twice"),
        (lambda p: set_attr(op_of(p, "relu6"), "x", [0] * 4_000_001, AttrType.INTS), "attributes hold 40\\d+ values"),
        (lambda p: op_of(p, "fetch").inputs[0].arguments.append("x"), "its fetch has no name"),
    ],
)
def test_a_program_that_is_not_whole_is_refused_before_paddle_sees_it(small, edit, message, monkeypatch):
    change(small, edit)
    monkeypatch.setattr(paddle_process, "ask", None)
    with pytest.raises(InputError, match=f"model.pdmodel is damaged: .*{message}.*; export the model again"):
        lower(small)


def test_names_that_lead_round_and_round_are_left(small):
    model = read_exported(small)
    forth, back = OpDesc(type="assign"), OpDesc(type="assign")
    for op, source, result in ((forth, "a", "b"), (back, "b", "a")):
        op.inputs.add(parameter="X", arguments=[source])
        op.outputs.add(parameter="Out", arguments=[result])
    assert behind("a", {"a": back, "b": forth}) == "a"
    assert model.output_name == "save_infer_model/scale_0.tmp_0"


@pytest.mark.parametrize("size", [10_000, 2**40])
def test_parameters_that_are_too_long_are_not_read(small, size):
    os.truncate(small / "model.pdiparams", size)
    with pytest.raises(InputError, match="model.pdiparams has .* bytes, more than"):
        read_exported(small)


# Of a network that resizes and normalises; a tuple is what a config made in Python holds.
RECIPES = {
    "two": TRANSFORMS,
    "normalize": [{"type": "Normalize"}],
    "padded": [{"type": "Padding", "target_size": (64, 64)}, {"type": "Normalize", "mean": MEAN, "std": STD}],
}


def section(transforms):
    return {
        "model": "model.pdmodel", "params": "model.pdiparams", "transforms": transforms,
        "input_shape": [1, 3, 64, 64], "output_op": "none", "output_dtype": "float32",
    }  # fmt: skip


def preprocessing_of(path):
    return read_preprocessing(read_deploy_yaml(path)["transforms"], 64, 64, str(path))


@pytest.mark.parametrize("writer", ["ours", "stock"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_deploy_yaml_that_is_cut_off_says_the_same_or_is_refused(writer, recipe, tmp_path):
    content = section(RECIPES[recipe])
    text = deploy_yaml(content) if writer == "ours" else yaml.dump({"Deploy": content})
    path = tmp_path / "deploy.yaml"
    path.write_text(text)
    whole, accepted = preprocessing_of(path), []
    for length in range(len(text)):
        path.write_text(text[:length])
        try:
            assert preprocessing_of(path) == whole, f"cut to {length} of {len(text)} characters"
            accepted.append(length)
        except InputError as error:
            assert "\n" not in str(error)
    # Without the line end behind the checksum nothing is missing.
    assert accepted == ([len(text) - 1] if writer == "ours" else [])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model": "../../etc/model.pdmodel"}, "Deploy.model is ../../etc/model.pdmodel"),
        ({"params": "/etc/passwd"}, "Deploy.params is /etc/passwd"),
        ({"input_shape": [1, 3, 64]}, "Deploy.input_shape is four sizes"),
        ({"output_op": "x"}, "does not say what the output is"),
        ({"transforms": None}, "has None where Deploy.transforms is a list"),
        ({"transforms": [{"type": "Resize"}]}, "it has no Normalize"),
        ({"transforms": [{"type": "Normalize", "mean": MEAN}]}, "without three numbers each"),
        ({"transforms": [{"type": "Normalize", "mean": MEAN, "std": STD[:2]}]}, "without three numbers each"),
        ({"transforms": [{"mean": MEAN}]}, "has a transform without its type"),
    ],
)
def test_a_description_without_a_checksum_must_be_whole(change, message, tmp_path):
    path = tmp_path / "deploy.yaml"
    path.write_text(yaml.dump({"Deploy": {**section(TRANSFORMS), **change}}))
    with pytest.raises(InputError, match=message):
        read_deploy_yaml(path)


def test_a_description_that_was_changed_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "deploy.yaml"
    text = deploy_yaml(section(TRANSFORMS)).replace("0.485", "0.585")
    path.write_text(text)
    with pytest.raises(InputError, match="was changed after it was written.*remove its first and last line"):
        read_deploy_yaml(path)
    path.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("#")))
    assert read_deploy_yaml(path)["transforms"][1]["mean"][0] == 0.585
    assert yaml.safe_load(text)["Deploy"]["output_op"] == "none"


def test_what_kills_paddle_kills_its_worker_only(whole):
    """The worker starts again, and what was loaded before goes on."""
    model = read_exported(whole)
    graph = StaticGraph(model)
    before = graph.run(BATCH)
    os.kill(paddle_process._worker._process.pid, signal.SIGSEGV)
    with pytest.raises(InputError, match="is damaged, or does what cannot be done here: Paddle died of SIGSEGV"):
        StaticGraph(model)
    np.testing.assert_array_equal(graph.run(BATCH), before)


def test_a_loop_without_end_is_stopped(tmp_path, monkeypatch):
    def for_ever(logits):
        count = paddle.zeros([1], "int64") + 0
        return paddle.static.nn.while_loop(
            lambda count, logits: count < 3, lambda count, logits: [count * 1, logits * 1], [count, logits]
        )[1]

    folder = export_around(for_ever, tmp_path)
    monkeypatch.setattr("paddleseg_mobileseg.deploy.ir.static_graph._LOOP_TIMEOUT", 0.5)
    with pytest.raises(InputError, match="Paddle did not answer within 0.5 s and was stopped; export the model again"):
        StaticGraph(read_exported(folder)).run(BATCH)


def test_a_forked_process_has_a_worker_of_its_own(whole):
    """And leaves its parent's alone."""
    model = read_exported(whole)
    graph = StaticGraph(model)
    before = graph.run(BATCH)
    child = os.fork()
    if child == 0:
        os._exit(0 if paddle_process._worker is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(graph.run(BATCH), before)


def test_an_op_is_given_to_paddle_alone(whole):
    model = read_exported(whole)
    program = ProgramDesc.FromString(_single_op_program(model.block.ops[1], model, model.variables()))
    assert [op.type for op in program.blocks[0].ops] == ["conv2d"] and len(program.blocks[0].vars) == 3


def damage(folder, chance):
    """Flip bits of a program, or give an op another's variables, attributes or type."""
    path = folder / "model.pdmodel"
    if chance.random() < 0.5:
        content = bytearray(path.read_bytes())
        for _ in range(chance.choice([1, 2, 4])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(content))
        return
    program = ProgramDesc.FromString(path.read_bytes())
    block = program.blocks[0]
    names, kinds = [variable.name for variable in block.vars], [op.type for op in block.ops]
    for _ in range(chance.choice([1, 1, 3])):
        op = chance.choice(block.ops)
        slots = [slot for slot in [*op.inputs, *op.outputs] if slot.arguments]
        attrs = [attr for attr in op.attrs if attr.ints]
        what = chance.randrange(5)
        if what == 0:
            op.type = chance.choice([*kinds, "softmax", "gather", "concat", "transpose2", "split", "while"])
        elif what == 1:
            chance.choice(slots).arguments[0] = chance.choice(names)
        elif what == 2 and attrs:
            chance.choice(attrs).ints[0] = chance.choice([-1, 0, 2**31 - 1, -(2**31), 7])
        elif what == 3:
            del chance.choice(slots).arguments[:]
        else:
            dims = tensor_of(chance.choice(block.vars)).dims
            dims[:] = [chance.choice([0, -1, 1, 3, 2**31 - 1]) for _ in dims]
    path.write_bytes(program.SerializePartialToString())


def test_damaged_exports_work_or_are_refused_in_one_line(whole, tmp_path):
    """At worst they kill the worker; this test would die with it or show another error."""
    chance, ends = random.Random(12), {"worked": 0, "refused": 0}
    for case in range(60):
        folder = shutil.copytree(whole, tmp_path / str(case))
        damage(folder, chance)
        try:
            lower(folder)
            ends["worked"] += 1
        except MobilesegError as error:
            assert str(error).isprintable() and len(str(error)) < 1500
            ends["refused"] += 1
    assert ends["worked"] > 5 and ends["refused"] > 20


@pytest.fixture(scope="module")
def converted(whole, tmp_path_factory):
    return convert(whole, tmp_path_factory.mktemp("nb") / "model.nb", "x86")


def with_content(converted, folder, content, **changed):
    """A `.nb` of that content, with a JSON file that fits it but for what is `changed`."""
    nb = folder / "model.nb"
    nb.write_bytes(content)
    file = {"sha256": sha256_of(nb), "bytes": len(content)}
    metadata_path(nb).write_text(json.dumps({**asdict(converted.metadata), **file, **changed}))
    return nb


def test_a_model_whose_parts_do_not_add_up_is_not_loaded(converted, tmp_path, monkeypatch):
    monkeypatch.setattr("paddleseg_mobileseg.deploy.runtime.predictor.Worker", None)
    content = converted.path.read_bytes()
    nb = with_content(converted, tmp_path, content + b"\0")
    with pytest.raises(InputError, match="model.nb is damaged: its parts do not add up to its size"):
        LitePredictor(nb)
    nb = with_content(converted, tmp_path, content, bytes=len(content) + 1)
    with pytest.raises(InputError, match="model.nb is damaged or not the model that model.nb.json describes"):
        LitePredictor(nb)
    endless = {**asdict(converted.metadata.input), "shape": [1, 3, 2**31, 9]}
    nb = with_content(converted, tmp_path, content, input=endless)
    with pytest.raises(InputError, match="model.nb.json is damaged: input"):
        LitePredictor(nb)


def test_a_small_model_gets_little_memory(converted):
    """Damaged ones of 5 kB made Paddle-Lite fill what there was, for half a minute and more."""
    metadata = converted.metadata
    assert 1 << 30 < _memory(metadata) < 1.1 * 2**30
    large = replace(metadata, input=replace(metadata.input, shape=[1, 3, 2048, 2048]))
    assert _memory(large) == memory_limit()


REPLIES = """
import json, sys
print({greeting!r}, flush=True)
for line in sys.stdin:
    print({reply!r}, flush=True)
"""


@pytest.mark.parametrize(
    "greeting, reply, message",
    [
        ("[1]", "", r"answered what is no JSON object \(\[1\]\)"),
        ("hello \x1b[31m", "", r"answered what is no JSON object \(hello \\x1b\[31m\)"),
        ("[" * 100_000, "", "answered what is no JSON object"),
        ("{}", "", r"answered nonsense \(init_ms is missing\)"),
        ('{"init_ms": "soon", "version": "1"}', "", "answered nonsense .init_ms is 'soon' and not of type float"),
        ('{"init_ms": 1, "version": "1"}', "{}", r"answered nonsense \(network_ms is missing\)"),
        ('{"init_ms": 1, "version": "1"}', '{"network_ms": 1, "label_map_ms": null}', "wrote no output"),
        ('{"init_ms": 1, "version": "1"}', '{"bytes": -1}', "announced -1 bytes where at most 0 are wanted"),
    ],
)
def test_a_predictor_that_answers_nonsense_is_stopped(converted, tmp_path, monkeypatch, greeting, reply, message):
    worker = tmp_path / "worker.py"
    worker.write_text(REPLIES.format(greeting=greeting, reply=reply))
    monkeypatch.setattr("paddleseg_mobileseg.deploy.runtime.predictor.LITE_WORKER", worker)
    with pytest.raises(ToolError, match=message) as caught, LitePredictor(converted.path) as predictor:
        predictor.run(BATCH)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500
