"""Checkpoints: published names and back, strict loading, and files that are not what they claim."""

import os
import pickle

import numpy as np
import paddle
import pytest

from paddleseg_mobileseg import InputError, StrideFormer_Base, StrideFormer_Tiny, build_model, load_weights
from paddleseg_mobileseg.checkpoints.loading import rename_tensors
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint, write_checkpoint
from paddleseg_mobileseg.cli import main
from support.golden import NAMES, published_naming, published_shapes, published_tensors


def state(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def assert_same_tensors(first, second):
    first, second = state(first), state(second)
    assert first.keys() == second.keys()
    assert all(np.array_equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_published_tensor_maps_onto_the_plugin_and_back(name):
    published = published_tensors(name)
    model = build_model(name, 150)
    ours = rename_tensors(model, published, to="plugin")
    assert set(ours) == set(model.state_dict())
    back = rename_tensors(model, ours, to=published_naming(name))
    assert set(back) == set(published_shapes(name))
    assert all(back[key] is published[key] for key in published)


@pytest.mark.parametrize("name", NAMES)
def test_import_weights_writes_both_namings_and_finds_the_model_by_itself(name, published_checkpoint, tmp_path, capsys):
    source = published_checkpoint(name)
    assert main(["import-weights", str(source), str(tmp_path / "ours.pdparams")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "ours.pdparams")
    model = build_model(name, 150)
    assert load_weights(model, tmp_path / "ours.pdparams") == "plugin"
    assert main(["import-weights", str(tmp_path / "ours.pdparams"), str(tmp_path / "theirs.pdparams"),
                 "--to", published_naming(name)]) == 0
    theirs, original = read_checkpoint(tmp_path / "theirs.pdparams"), read_checkpoint(source)
    assert theirs.keys() == original.keys()
    assert all(np.array_equal(theirs[key], original[key]) for key in original)


def test_both_namings_give_the_same_model(published_checkpoint, tmp_path):
    source = published_checkpoint("pp_mobileseg_tiny")
    first, second = build_model("pp_mobileseg_tiny", 150), build_model("pp_mobileseg_tiny", 150)
    assert load_weights(first, source) == "paddleseg"
    paddle.save(first.state_dict(), str(tmp_path / "model.pdparams"))
    assert load_weights(second, tmp_path) == "plugin"  # a folder of a training run
    assert_same_tensors(first, second)


@pytest.mark.parametrize("naming", ["paddleseg", "plugin"])
@pytest.mark.parametrize("prefix", ["backbone.", ""])
def test_backbone_takes_its_part_of_any_checkpoint(naming, prefix, tmp_path):
    tensors = rename_tensors(build_model("pp_mobileseg_tiny", 150), published_tensors("pp_mobileseg_tiny"), naming)
    if not prefix:
        tensors = {key[len("backbone."):]: value for key, value in tensors.items() if key.startswith("backbone.")}
    write_checkpoint(tmp_path / "x.pdparams", tensors)
    backbone = StrideFormer_Tiny(pretrained=str(tmp_path / "x.pdparams"))
    key = {"paddleseg": f"{prefix}smb1.conv.c.weight", "plugin": f"{prefix}stem.conv.weight"}[naming]
    np.testing.assert_array_equal(backbone.stem.conv.weight.numpy(), tensors[key])
    with pytest.raises(InputError, match="tensors of another shape"):
        StrideFormer_Base(pretrained=str(tmp_path / "x.pdparams"))


def test_other_classes_are_refused_with_both_shapes_and_nothing_is_loaded(published_checkpoint):
    model = build_model("pp_mobileseg_tiny", 19)
    before = state(model)
    with pytest.raises(InputError) as refusal:
        load_weights(model, published_checkpoint("pp_mobileseg_tiny"))
    assert "decode_head.conv_seg.weight is [150, 256, 1, 1] in the checkpoint and [19, 256, 1, 1] in the model" in str(
        refusal.value
    )
    assert "pretrained_classifier: False" in str(refusal.value)
    assert all(np.array_equal(before[key], value) for key, value in state(model).items())


def test_other_classes_load_without_the_classifier(published_checkpoint):
    path = str(published_checkpoint("pp_mobileseg_tiny"))
    model = build_model("pp_mobileseg_tiny", 19, pretrained=path, pretrained_classifier=False)
    original = read_checkpoint(path)
    np.testing.assert_array_equal(model.backbone.stem.conv.weight.numpy(), original["backbone.smb1.conv.c.weight"])
    assert model.head.classifier.weight.shape == [19, 256, 1, 1]


def test_another_variant_is_refused(published_checkpoint):
    with pytest.raises(InputError, match="does not fit MobileSegmentor.*tensors of another shape.*missing"):
        load_weights(build_model("pp_mobileseg_base", 150), published_checkpoint("pp_mobileseg_tiny"))


def test_paddles_own_ways_of_loading_are_as_strict():
    """PaddleSeg's export script uses one of them, and Paddle would only warn."""
    same, another = build_model("pp_mobileseg_tiny", 3), build_model("pp_mobileseg_tiny", 4)
    partial = same.state_dict()
    del partial["head.classifier.bias"]
    for method in ("set_dict", "set_state_dict", "load_dict"):
        model = build_model("pp_mobileseg_tiny", 3)
        getattr(model, method)(same.state_dict())
        assert_same_tensors(model, same)
        with pytest.raises(InputError, match=r"head.classifier.bias is \[4\] in the checkpoint and \[3\] in the model"):
            getattr(model, method)(another.state_dict())
        with pytest.raises(InputError, match="missing from the checkpoint: head.classifier.bias"):
            getattr(model, method)(partial)


@pytest.mark.parametrize("damage", ["rest", "shape"])
def test_mapping_lists_names_and_shapes_where_it_fails(damage, published_checkpoint, tmp_path, capsys):
    tensors = published_tensors("pp_mobileseg_tiny")
    if damage == "rest":
        tensors["backbone.extra.weight"] = tensors.pop("backbone.smb1.conv.c.weight")
        expected = ["missing from the checkpoint: backbone.smb1.conv.c.weight",
                    "unknown to the model: backbone.extra.weight"]
    else:
        tensors["backbone.smb1.conv.c.weight"] = np.zeros((16, 3, 5, 5), "float32")
        expected = ["backbone.smb1.conv.c.weight is [16, 3, 5, 5] in the checkpoint and [16, 3, 3, 3] in the model"]
    write_checkpoint(tmp_path / "in.pdparams", tensors)
    assert main(["import-weights", str(tmp_path / "in.pdparams"), str(tmp_path / "out.pdparams")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(part in error for part in expected)
    assert not (tmp_path / "out.pdparams").exists()


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "there is no checkpoint"),
        (b"", "damaged"),
        (b"not a pickle at all", "damaged"),
        (pickle.dumps({"a": np.zeros(1000)})[:-500], "damaged"),
        (pickle.dumps([1, 2, 3]), "holds a list"),
        (pickle.dumps({}), "holds no tensors"),
        (pickle.dumps({"a": "text"}), "'a' is a str, not a tensor"),
        (pickle.dumps({"a": _Bomb()}), "refused: it asks to run posix.mkdir"),
    ],
    ids=["missing", "empty", "text", "truncated", "list", "no tensors", "string", "code"],
)
def test_files_that_are_no_checkpoints(content, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "x.pdparams").write_bytes(content)
    assert main(["import-weights", "x.pdparams", "out.pdparams"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not (tmp_path / "exploded").exists() and not (tmp_path / "out.pdparams").exists()


@pytest.mark.parametrize("shape", [(), (2**31 - 1, 0, 1, 1), (20_000, 1, 1, 1)], ids=str)
def test_classifiers_of_no_network_are_refused_before_one_is_built(shape, tmp_path, capsys):
    content = pickle.dumps({"head.classifier.weight": np.zeros(shape, "f4")})
    (tmp_path / "x.pdparams").write_bytes(content)
    assert main(["import-weights", str(tmp_path / "x.pdparams"), str(tmp_path / "out.safetensors")]) == 2
    assert f"has the shape {list(shape)}, which no network's has" in capsys.readouterr().err


def test_optimizer_state_is_not_taken_for_a_model(tmp_path):
    model = build_model("pp_mobileseg_tiny", 2)
    scheduler = paddle.optimizer.lr.PolynomialDecay(0.1, 10)
    optimizer = paddle.optimizer.AdamW(scheduler, parameters=model.parameters())
    model(paddle.zeros([1, 3, 32, 32]))[0].mean().backward()
    optimizer.step()
    paddle.save(optimizer.state_dict(), str(tmp_path / "model.pdopt"))
    with pytest.raises(InputError, match=r"not the optimizer's .pdopt"):
        load_weights(model, tmp_path / "model.pdopt")


def test_address_that_cannot_be_reached_says_how_to_go_on():
    with pytest.raises(InputError, match="download it by hand"):
        load_weights(build_model("pp_mobileseg_tiny", 2), "http://127.0.0.1:9/model.pdparams")


def test_full_disk_leaves_no_half_written_checkpoint(tmp_path, published_checkpoint):
    """A file-size limit stands in for the full disk: the write fails part of the way."""
    import subprocess
    import sys

    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from paddleseg_mobileseg.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "import-weights", str(published_checkpoint("pp_mobileseg_tiny")),
         str(tmp_path / "out" / "x.pdparams")],
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    assert list((tmp_path / "out").iterdir()) == []
