"""`.safetensors` in and out, and files of that name that are damaged."""

import json

import numpy as np
import pytest

from paddleseg_mobileseg import InputError, StrideFormer_Tiny, build_model, load_weights
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint, write_checkpoint
from paddleseg_mobileseg.cli import main

TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "float16", "float32", "float64"]


def written(path, header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def row(dtype, shape, size):
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


def test_numbers_come_out_as_they_went_in(tmp_path):
    numbers = np.random.RandomState(0).randint(0, 2, (2, 3, 4))
    tensors = {name: numbers.astype(name) for name in TYPES}
    tensors.update(empty=np.zeros((0, 3), "float32"), single=np.array(3.5), turned=numbers.T, part=numbers[:, ::2])
    write_checkpoint(tmp_path / "x.safetensors", tensors)
    found = read_checkpoint(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


def test_bfloat16_becomes_float32(tmp_path):
    numbers = np.array([1.5, -2.25, 1e30], "float32")
    high = (numbers.view("uint32") >> 16).astype("<u2")
    found = read_checkpoint(written(tmp_path / "x.safetensors", row("BF16", [3], 6), high.tobytes()))["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (numbers.view("uint32") & 0xFFFF0000).view("float32"))


def test_import_weights_writes_and_reads_it(tmp_path, published_checkpoint, capsys):
    source = published_checkpoint("pp_mobileseg_tiny")
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.pdparams"
    assert main(["import-weights", str(source), str(ours)]) == 0
    assert capsys.readouterr().out.strip() == str(ours)
    assert main(["import-weights", str(ours), str(theirs), "--to", "paddleseg", "--model", "pp_mobileseg_tiny"]) == 0
    found, original = read_checkpoint(theirs), read_checkpoint(source)
    assert found.keys() == original.keys()
    assert all(np.array_equal(found[name], original[name]) for name in original)
    model = build_model("pp_mobileseg_tiny", 150)
    assert load_weights(model, ours) == "plugin"
    backbone = StrideFormer_Tiny(pretrained=str(ours))
    np.testing.assert_array_equal(backbone.stem.conv.weight.numpy(), model.backbone.stem.conv.weight.numpy())


@pytest.mark.parametrize(
    "header, data, message",
    [
        (b"{]", b"", "damaged"),
        (b"[" * 10_000, b"", "damaged"),
        (row("F32", [2], 8), bytes(7), "damaged"),
        (row("F32", [2], 8), bytes(9), "damaged"),
        (row("F32", [3], 8), bytes(8), "damaged"),
        (row("F32", [2**62, 4], 0), b"", "damaged"),
        (row("X" * 10_000, [2], 8), bytes(8), "damaged"),
        # The oldest releases of the package do not know the type.
        (row("F8_E4M3", [2], 2), bytes(2), "numbers of type F8_E4M3; save it as F32|damaged"),
        ({}, b"", "holds no tensors"),
    ],
    ids=["JSON", "depth", "short", "long", "shape", "overflow", "type", "8 bits", "empty"],
)
def test_damaged_files(header, data, message, tmp_path):
    with pytest.raises(InputError, match=message) as refusal:
        read_checkpoint(written(tmp_path / "x.safetensors", header, data))
    assert len(str(refusal.value)) < 500 and "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8 + b"{}", b"\x80\x04}."])
def test_files_without_a_header(content, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(tmp_path / "x.safetensors")
