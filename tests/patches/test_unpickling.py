"""Paddle's and PaddleSeg's ways to load a checkpoint: code in it is not run, and honest ones are as they were."""

import io
import pickle
import sys

import numpy as np
import paddle
import pytest
from paddleseg.models import LRASPP, TopFormer, UNet, backbones
from paddleseg.models.backbones.vision_transformer import VisionTransformer
from paddleseg.utils import utils

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.checkpoints.reader import write_checkpoint
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.patches import registry
from paddleseg_mobileseg.patches.paddleseg import pickles
from paddleseg_mobileseg.patches.patch import APPLIED
from support.checkouts import every_checkout
from support.mobileseg_command import last_line, run
from support.pickle_programs import bomb
from support.small_data import NUM_CLASSES, config, write_config, write_data


def layer():
    return paddle.nn.Linear(2, 3)


def resume(path, other):
    """From a folder in which `path` is one file and the other is honest."""
    folder = path.parent / "iter_2"
    folder.mkdir()
    model = layer()
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    paddle.save(model.state_dict(), str(folder / "model.pdparams"))
    paddle.save(optimizer.state_dict(), str(folder / "model.pdopt"))
    (folder / other).write_bytes(path.read_bytes())
    utils.resume(model, optimizer, str(folder))


def from_memory(path):
    with open(path, "rb") as file:
        paddle.load(io.BytesIO(file.read()))


DOORS = {
    "paddle.load": lambda path: paddle.load(str(path)),
    "paddle.load, from memory": from_memory,
    "paddle.load, as numbers": lambda path: paddle.load(str(path), return_numpy=True),
    "paddle.framework.load": lambda path: paddle.framework.load(str(path)),
    "paddle.framework.io.load": lambda path: paddle.framework.io.load(str(path)),
    "paddle.framework.io._legacy_load": lambda path: paddle.framework.io._legacy_load(str(path)),
    "paddle.static.load_program_state": lambda path: paddle.static.load_program_state(str(path)),
    "load_entire_model": lambda path: utils.load_entire_model(layer(), str(path)),
    "load_pretrained_model": lambda path: utils.load_pretrained_model(layer(), str(path)),
    "resume, weights": lambda path: resume(path, "model.pdparams"),
    "resume, optimizer": lambda path: resume(path, "model.pdopt"),
    "TopFormer, backbone": lambda path: backbones.TopTransformer_Tiny(pretrained=str(path)),
    "TopFormer": lambda path: TopFormer(3, backbones.TopTransformer_Tiny(), pretrained=str(path)),
    "LR-ASPP, backbone": lambda path: backbones.MobileNetV3_small_x0_35(pretrained=str(path)),
    "LR-ASPP": lambda path: LRASPP(3, backbones.MobileNetV3_small_x0_35(), [0, 1, 3], pretrained=str(path)),
    "UNet": lambda path: UNet(3, pretrained=str(path)),
    "HRNet, backbone": lambda path: backbones.HRNet_W18_Small_V1(pretrained=str(path)),
    "ViT, backbone": lambda path: VisionTransformer(
        img_size=32, patch_size=16, embed_dim=8, depth=1, num_heads=2, pretrained=str(path)
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_code_in_a_checkpoint_is_not_run(door, tmp_path):
    bomb(tmp_path / "x.pdparams", tmp_path / "touched")
    with pytest.raises(InputError, match="asks to run builtins.eval.*MOBILESEG_TRUST_PICKLES=1") as refusal:
        DOORS[door](tmp_path / "x.pdparams")
    assert not (tmp_path / "touched").exists() and "\n" not in str(refusal.value)


def test_who_trusts_a_file_lets_paddle_unpickle_it(tmp_path, monkeypatch):
    path = bomb(tmp_path / "x.pdparams", tmp_path / "touched")
    monkeypatch.setenv(pickles.TRUST, "1")
    assert paddle.load(path) == {} and (tmp_path / "touched").exists()


def test_no_module_of_paddle_that_reads_files_of_models_is_left_with_pickle():
    assert registry.outcome_of("unpickling").state == registry.outcome_of("nothing_fits").state == APPLIED
    modules = [sys.modules.get(f"paddle.{name}") for name in pickles._MODULES]
    # Which of them there are, and which of these unpickle, depends on the version.
    unpickling = [module.pickle for module in modules if hasattr(module, "pickle")]
    assert len(unpickling) >= 4
    for own in unpickling:
        assert isinstance(own, pickles.DataPickle) and own.dumps is pickle.dumps
        with pytest.raises(AttributeError, match="may not use pickle._Unpickler"):
            own._Unpickler


def trained_state():
    """Weights and the state of an optimizer after a step, with all that PaddleSeg's training puts there."""
    model = paddle.nn.Sequential(paddle.nn.Conv2D(2, 3, 3), paddle.nn.BatchNorm2D(3))
    schedule = paddle.optimizer.lr.PolynomialDecay(0.1, 10)
    optimizer = paddle.optimizer.AdamW(schedule, parameters=model.parameters())
    model(paddle.rand([1, 2, 5, 5])).mean().backward()
    optimizer.step()
    state = optimizer.state_dict()
    state["master_weights"] = {name: tensor.astype("float32") for name, tensor in model.state_dict().items()}
    return model.state_dict(), state


def alike(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        [alike(one[key], other[key]) for key in one]
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        [alike(*pair) for pair in zip(one, other)]
    elif isinstance(one, paddle.Tensor):
        assert (one.name, one.dtype, one.shape, one.stop_gradient) == (
            other.name, other.dtype, other.shape, other.stop_gradient
        )  # fmt: skip
        assert one.numpy().tobytes() == other.numpy().tobytes()
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape, one.flags.writeable) == (other.dtype, other.shape, other.flags.writeable)
        assert one.tobytes() == other.tobytes()
    else:
        assert one == other


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("options", [{}, {"return_numpy": True}, {"keep_name_table": True}], ids=str)
def test_honest_checkpoints_are_as_paddle_unpickles_them(protocol, options, tmp_path, monkeypatch):
    weights, optimizer = trained_state()
    contents = {
        "weights": weights,
        "optimizer": optimizer,
        "nested": {"model": weights, "opt": optimizer, "epoch": 3, "history": [{"loss": 0.5}], "pair": (1, "two")},
        "tensor": weights["0.weight"],
        "empty": {"a": paddle.zeros([0, 3])},
    }
    for name, content in contents.items():
        path = str(tmp_path / name)
        paddle.save(content, path, protocol=protocol)
        monkeypatch.setenv(pickles.TRUST, "1")
        expected = paddle.load(path, **options)
        monkeypatch.delenv(pickles.TRUST)
        alike(paddle.load(path, **options), expected)
        with open(path, "rb") as file:
            alike(paddle.load(io.BytesIO(file.read()), **options), expected)


def test_networks_of_paddleseg_load_their_checkpoints_and_safetensors(tmp_path):
    one = backbones.MobileNetV3_small_x0_35()
    paddle.save(one.state_dict(), str(tmp_path / "x.pdparams"))
    write_checkpoint(tmp_path / "x.safetensors", {name: value.numpy() for name, value in one.state_dict().items()})
    for name in ("x.pdparams", "x.safetensors"):
        other = backbones.MobileNetV3_small_x0_35(pretrained=str(tmp_path / name))
        for key, value in one.state_dict().items():
            np.testing.assert_array_equal(other.state_dict()[key].numpy(), value.numpy(), err_msg=key)


@pytest.mark.parametrize(
    "content, message",
    [
        ({"another": np.zeros(3, "f4")}, "no tensor of the names and shapes of Linear, such as weight"),
        ({"weight": np.zeros((9, 9), "f4")}, "no tensor of the names and shapes of Linear, such as weight"),
        ([1, 2], "holds a list, not a table of tensors"),
        ({"UnpackBigParamInfor@@": {"a": {"slices": ["b"] * 1000, "OriginShape": [1]}}, "b": np.zeros(9)},
         "more than a gigabyte in parts"),
    ],
    ids=["names", "shapes", "list", "parts"],
)  # fmt: skip
def test_checkpoints_of_which_nothing_fits_are_refused(content, message, tmp_path):
    (tmp_path / "x.pdparams").write_bytes(pickle.dumps(content))
    model = layer()
    before = model.weight.numpy().copy()
    with pytest.raises(InputError, match=message):
        utils.load_pretrained_model(model, str(tmp_path / "x.pdparams"))
    np.testing.assert_array_equal(model.weight.numpy(), before)


def test_damaged_files_are_refused_before_paddle_tries_its_other_formats(tmp_path):
    path = tmp_path / "x.pdparams"
    paddle.save(layer().state_dict(), str(path))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="x.pdparams is damaged"):
        paddle.load(str(path))


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """A config of PaddleSeg's own network on small data."""
    folder = tmp_path_factory.mktemp("stock")
    content = config(write_data(folder))
    content["model"] = {"type": "UNet", "num_classes": NUM_CLASSES}
    content["optimizer"] = {"type": "SGD"}
    return write_config(folder / "config.yml", content)


@pytest.mark.parametrize(
    "command",
    [
        ["train", "--device", "cpu", "--save_dir", "out", "--opts", "model.pretrained={bomb}"],
        ["val", "--device", "cpu", "--model_path", "{bomb}"],
        ["export", "--save_dir", "graph", "--opts", "model.pretrained={bomb}"],
    ],
    ids=lambda command: command[0],
)
def test_commands_end_with_one_line(command, stock, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = bomb(tmp_path / "x.pdparams", tmp_path / "touched")
    assert main([*(each.format(bomb=path) for each in command), "--config", stock]) == 2
    error = last_line(capsys.readouterr().err)
    assert error.startswith("error: ") and "x.pdparams is refused: it asks to run builtins.eval" in error
    assert not (tmp_path / "touched").exists() and not (tmp_path / "out" / "iter_2").exists()


EACH_TOOL = """
import runpy, sys
from pathlib import Path
config, folder, *tools = sys.argv[1:]
weights = f"{folder}/iter_1/model.pdparams"
resumed = ["--resume_model", f"{folder}/iter_1", "--iters", "2", "--save_dir", f"{folder}/out"]
options = {
    "train.py": ["--device", "cpu", *resumed],
    "val.py": ["--device", "cpu", "--model_path", weights],
    "predict.py": ["--device", "cpu", "--model_path", weights, "--image_path", f"{folder}/val0.jpg",
                   "--save_dir", f"{folder}/out"],
    "export.py": ["--model_path", weights, "--save_dir", f"{folder}/graph"],
}
for tool in tools:
    name = Path(tool).name
    sys.argv = [tool, "--config", config, *options[name]]
    try:
        runpy.run_path(tool, run_name="__main__")
    except Exception as error:
        print("\\n@", name, type(error).__name__, error, flush=True)
    else:
        print("\\n@", name, "done", flush=True)
"""


@every_checkout
def test_unmodified_tools_run_no_code_of_a_checkpoint(tmp_path, checkout):
    """One process for what four would do: each tool is run as `mobileseg run` runs it."""
    folder = write_data(tmp_path)
    content = config(folder)
    content["model"] = {"type": "UNet", "num_classes": NUM_CLASSES}
    content["optimizer"] = {"type": "SGD"}
    path = write_config(folder / "config.yml", content)
    (tmp_path / "each.py").write_text(EACH_TOOL)
    bomb(tmp_path / "iter_1" / "model.pdparams", tmp_path / "touched")
    bomb(tmp_path / "iter_1" / "model.pdopt", tmp_path / "touched")
    tools = [checkout / "tools" / name for name in ("val.py", "predict.py", "export.py", "train.py")]
    done = run("run", tmp_path / "each.py", path, tmp_path, *tools, PYTHONPATH=str(checkout))
    ends = [line for line in done.stdout.splitlines() if line.startswith("@")]
    assert len(ends) == 4 and all("InputError checkpoint" in line and "builtins.eval" in line for line in ends), (
        done.stdout[-3000:] + done.stderr[-3000:]
    )
    assert not (tmp_path / "touched").exists()


@pytest.mark.slow
@every_checkout
def test_unmodified_training_ends_with_one_line(tmp_path, checkout):
    path = write_config(tmp_path / "config.yml", config(write_data(tmp_path)))
    bomb(tmp_path / "iter_1" / "model.pdparams", tmp_path / "touched")
    command = ["run", checkout / "tools" / "train.py", "--config", path, "--device", "cpu", "--iters", 2]
    done = run(*command, "--resume_model", tmp_path / "iter_1", "--save_dir", tmp_path / "out")
    assert done.returncode == 2 and last_line(done.stderr).startswith("error: checkpoint "), done.stderr[-3000:]
    assert not (tmp_path / "touched").exists()
