"""PyTorch checkpoints read without PyTorch: both formats, every number type, and files that are not what they claim."""

import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from paddleseg_mobileseg import InputError, SeaFormer_Small, SeaFormer_Tiny, build_model, load_weights
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.cli import main
from support.golden import published_shapes, published_tensors
from support.torch_files import Call, Global, Storage, View, bfloat16, tensor, write_legacy, write_zip

WRITERS = pytest.mark.parametrize("write", [write_zip, write_legacy])
NUMBERS = np.random.RandomState(0).randn(4, 6).astype("float32")


@WRITERS
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"])
def test_numbers_come_out_as_they_went_in(write, dtype, tmp_path):
    array = (NUMBERS * 10).astype(dtype)
    read = read_checkpoint(write(tmp_path / "x.pth", {"a": array, "scalar": array[0, 0, ...], "none": array[:0]}))
    assert read["a"].dtype == dtype and read["scalar"].shape == () and read["none"].shape == (0, 6)
    np.testing.assert_array_equal(read["a"], array)
    assert read["scalar"] == array[0, 0]


@WRITERS
def test_bfloat16_becomes_float32(write, tmp_path):
    read = read_checkpoint(write(tmp_path / "x.pth", {"a": bfloat16(NUMBERS)}))["a"]
    assert read.dtype == np.float32 and read.shape == NUMBERS.shape
    np.testing.assert_array_equal(read, (NUMBERS.view("uint32") & 0xFFFF0000).view("float32"))


@WRITERS
def test_transposed_and_sliced_tensors_share_one_storage(write, tmp_path):
    storage = Storage(NUMBERS)
    content = {
        "end_to_end": View(storage, (4, 6), (6, 1)),
        "transposed": View(storage, (6, 4), (1, 6)),
        "part": View(storage, (2, 3), (6, 2), offset=7),
    }
    read = read_checkpoint(write(tmp_path / "x.pth", content))
    np.testing.assert_array_equal(read["end_to_end"], NUMBERS)
    np.testing.assert_array_equal(read["transposed"], NUMBERS.T)
    np.testing.assert_array_equal(read["part"], NUMBERS[1:3, 1::2])


def test_file_of_a_big_endian_machine(tmp_path):
    read = read_checkpoint(write_zip(tmp_path / "x.pth", {"a": NUMBERS}, byteorder="big"))
    np.testing.assert_array_equal(read["a"], NUMBERS)


@WRITERS
def test_settings_beside_the_tensors_are_passed_over(write, tmp_path):
    """What timm and mmcv keep there: parsed arguments, an optimizer's state, NumPy scalars."""
    namespace = Call(Global("argparse", "Namespace"), state={"lr": 0.1, "model": "SeaFormer_T"})
    container = Call(Global("omegaconf.dictconfig", "DictConfig"), {"a": 1}, state={"_content": {}})
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), tensor(NUMBERS), True, OrderedDict())
    content = {
        "epoch": 3,
        "args": namespace,
        "config": container,
        "metric": np.float64(68.1),
        "optimizer": {"state": {0: {"step": 5, "exp_avg": NUMBERS}}, "param_groups": [{"lr": 0.1}]},
        "state_dict": OrderedDict(a=NUMBERS, b=parameter),
    }
    read = read_checkpoint(write(tmp_path / "x.pth", content))
    assert set(read) == {"a", "b"}
    np.testing.assert_array_equal(read["b"], NUMBERS)


def test_moving_average_goes_before_the_raw_weights(tmp_path):
    """SeaFormer's own loader takes them in this order."""
    content = {"state_dict": {"a": NUMBERS}, "state_dict_ema": {"a": NUMBERS + 1}}
    np.testing.assert_array_equal(read_checkpoint(write_zip(tmp_path / "x.pth", content))["a"], NUMBERS + 1)


def test_prefix_of_parallel_training_and_counts_of_batches_go(tmp_path):
    content = {"module.bn.weight": NUMBERS, "module.bn.num_batches_tracked": np.int64(7)}
    assert set(read_checkpoint(write_zip(tmp_path / "x.pth", content))) == {"bn.weight"}


def imagenet_checkpoint(path, name="seaformer_tiny", prefix=""):
    """As SeaFormer's classification code saves it: the backbone without a prefix, and a linear classifier."""
    tensors = {
        prefix + key[len("backbone."):]: value
        for key, value in published_tensors(name).items()
        if key.startswith("backbone.")
    }
    width = published_shapes(name)["backbone.smb5.layer1.conv.4.c.weight"][0]
    tensors[f"{prefix}linear.weight"] = np.zeros((1000, width), "float32")
    tensors[f"{prefix}linear.bias"] = np.zeros(1000, "float32")
    return write_zip(path, {"arch": "SeaFormer_T", "state_dict": tensors})


@pytest.mark.parametrize("prefix", ["", "module."])
def test_imagenet_checkpoint_loads_under_a_backbone(prefix, tmp_path):
    path = imagenet_checkpoint(tmp_path / "SeaFormer_T.pth.tar", prefix=prefix)
    backbone = SeaFormer_Tiny(pretrained=str(path))
    published = published_tensors("seaformer_tiny")
    for own, other in (("stem.conv.weight", "smb1.stem_block.0.c.weight"),
                       ("attention5.1.attn.row_project.bn._mean",
                        "trans2.transformer_blocks.1.attn.proj_encode_row.1.bn.running_mean")):
        np.testing.assert_array_equal(backbone.state_dict()[own].numpy(), published[f"backbone.{other}"])
    with pytest.raises(InputError, match="tensors of another shape"):
        SeaFormer_Small(pretrained=str(path))


def test_import_weights_reports_the_classifier_of_an_imagenet_checkpoint(tmp_path, capsys):
    source = imagenet_checkpoint(tmp_path / "SeaFormer_S.pth.tar", "seaformer_small")
    assert main(["import-weights", str(source), str(tmp_path / "ours.pdparams")]) == 0
    assert "left out: linear.weight, linear.bias" in capsys.readouterr().err
    backbone = SeaFormer_Small()
    assert set(read_checkpoint(tmp_path / "ours.pdparams")) == set(backbone.state_dict())
    assert load_weights(backbone, tmp_path / "ours.pdparams") == "plugin backbone"
    assert main(["import-weights", str(tmp_path / "ours.pdparams"), str(tmp_path / "back.pdparams"),
                 "--to", "pytorch"]) == 0
    back, original = read_checkpoint(tmp_path / "back.pdparams"), read_checkpoint(source)
    assert set(original) - set(back) == {"linear.weight", "linear.bias"}
    assert all(np.array_equal(back[key], original[key]) for key in back)


def test_names_of_paddlesegs_port_lead_to_the_same_network(tmp_path, published_checkpoint, capsys):
    source, port = published_checkpoint("seaformer_tiny"), tmp_path / "port.pdparams"
    assert main(["import-weights", str(source), str(port), "--to", "paddleseg"]) == 0
    names = set(read_checkpoint(port))
    assert {"backbone.smb1.layer2.conv.4._batch_norm._mean", "fuse1.global_act._conv.weight", "cls_seg.bias",
            "backbone.trans1.transformer_blocks.0.mlp.dwconv.bias", "linear_fuse._conv.weight"} <= names
    first, second = build_model("seaformer_tiny", 150), build_model("seaformer_tiny", 150)
    assert load_weights(first, source) == "pytorch" and load_weights(second, port) == "paddleseg"
    for (name, value), other in zip(first.state_dict().items(), second.state_dict().values()):
        np.testing.assert_array_equal(value.numpy(), other.numpy(), err_msg=name)


def test_pp_mobileseg_has_no_pytorch_names(tmp_path, published_checkpoint, capsys):
    source = str(published_checkpoint("pp_mobileseg_tiny"))
    assert main(["import-weights", source, str(tmp_path / "x.pdparams"), "--to", "pytorch",
                 "--model", "pp_mobileseg_tiny"]) == 2
    assert "there is no 'pytorch' naming of this network" in capsys.readouterr().err


def test_tensors_of_another_network_are_nobodys(tmp_path, capsys):
    source = write_zip(tmp_path / "x.pth", {"layer1.0.weight": NUMBERS})
    assert main(["import-weights", str(source), str(tmp_path / "out.pdparams")]) == 2
    assert "no tensor of" in capsys.readouterr().err


def refused(path, message):
    with pytest.raises(InputError, match=message) as refusal:
        read_checkpoint(path)
    assert "\n" not in str(refusal.value) and path.name in str(refusal.value)


@WRITERS
@pytest.mark.parametrize(
    "function",
    [("os", "mkdir"), ("builtins", "eval"), ("__builtin__", "getattr"), ("torch.nn", "Module"), ("torch", "load"),
     ("numpy", "load"), ("argparse", "FileType")],
    ids=".".join,
)
def test_code_in_the_file_is_not_run(write, function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "x.pth", {"a": NUMBERS, "b": Call(Global(*function), "exploded")})
    refused(path, r"refused: it asks to run " + r"\.".join(function))
    assert not (tmp_path / "exploded").exists()


@WRITERS
@pytest.mark.parametrize(
    "view",
    [
        ((5, 6), (6, 1), 0),  # one row too many
        ((4, 6), (6, 1), 1),  # shifted out
        ((4, 6), (600, 1), 0),  # strides out
        ((10**6, 10**6), (0, 0), 0),  # one number, repeated beyond any memory
        ((4, 6), (-6, 1), 0),
        ((4, 6), (6,), 0),
        ((4, 6), (6, 1.0), 0),
    ],
    ids=["rows", "offset", "strides", "repeated", "negative", "lengths", "float"],
)
def test_views_that_reach_out_of_their_storage(write, view, tmp_path):
    size, stride, offset = view
    refused(write(tmp_path / "x.pth", {"a": View(Storage(NUMBERS), size, stride, offset)}), "tensor.*download it again")


@WRITERS
@pytest.mark.parametrize("claimed", [23, 25, 10**15, -24])
def test_storages_of_another_size_than_claimed(write, claimed, tmp_path):
    storage = Storage(NUMBERS, claimed=claimed)
    refused(write(tmp_path / "x.pth", {"a": View(storage, (1,), (1,))}), "storage 0 has")


def test_compressed_members_are_refused_before_they_are_unpacked(tmp_path):
    zeros = np.zeros(10**7, "float32")
    path = write_zip(tmp_path / "bomb.pth", {"a": zeros}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < zeros.nbytes / 100
    refused(path, "compressed, which PyTorch never does")


def test_members_that_overlap_are_refused(tmp_path):
    """Directory entries may all point at the same bytes; a file of a megabyte would become any amount."""
    path = write_zip(tmp_path / "x.pth", {str(key): NUMBERS + key for key in range(5)})
    with zipfile.ZipFile(path) as archive:
        first = archive.getinfo("archive/data/0")
    with zipfile.ZipFile(path, "a") as archive:
        for key in range(5, 200):
            entry = zipfile.ZipInfo(f"archive/data/{key}")
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = path.stat().st_size // 4
            archive.filelist.append(entry)
            archive.NameToInfo[entry.filename] = entry
        archive._didModify = True
    refused(path, "claim more bytes than the file has")


@pytest.mark.parametrize("missing", ["archive/data.pkl", "archive/data/0"])
def test_archives_that_lack_a_member(missing, tmp_path):
    whole = write_zip(tmp_path / "whole.pth", {"a": NUMBERS})
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "x.pth", "w") as target:
        for name in source.namelist():
            if name != missing:
                target.writestr(name, source.read(name))
    refused(tmp_path / "x.pth", "without the data.pkl" if missing.endswith("pkl") else "data/0 is missing")


@WRITERS
@pytest.mark.parametrize("kept", [20, 0.3, 0.6, 0.95])
def test_truncated_files(write, kept, tmp_path):
    path = write(tmp_path / "x.pth", {"a": np.zeros(1000, "float32"), "b": NUMBERS})
    content = path.read_bytes()
    path.write_bytes(content[: kept if kept > 1 else int(kept * len(content))])
    refused(path, "damaged|ends before|storage")


@WRITERS
def test_flipped_bits_give_an_error_or_a_table_never_anything_else(write, tmp_path):
    content = write(tmp_path / "x.pth", {"a": NUMBERS, "b": Call(Global("argparse", "Namespace"))}).read_bytes()
    random = np.random.RandomState(0)
    refusals = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[random.randint(len(damaged))] ^= 1 << random.randint(8)
        (tmp_path / "x.pth").write_bytes(bytes(damaged))
        try:
            read = read_checkpoint(tmp_path / "x.pth")
        except InputError:
            refusals += 1
        else:
            assert all(isinstance(value, np.ndarray) for value in read.values())
    assert refusals > 30


@WRITERS
@pytest.mark.parametrize(
    "content, message",
    [([1, 2], "holds a list"), ({}, "holds no tensors"), ({"a": "text"}, "'a' is a str, not a tensor"),
     (Call(Global("argparse", "Namespace")), "holds a table of settings")],
    ids=["list", "empty", "text", "settings"],
)
def test_contents_without_tensors(write, content, message, tmp_path):
    refused(write(tmp_path / "x.pth", content), message)


def test_pickled_reference_to_something_else_than_a_storage(tmp_path):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("module", "x", "0", "cpu", 1) if value == "reference" else None

    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive, archive.open("archive/data.pkl", "w") as file:
        Pickler(file, protocol=2).dump({"a": "reference"})
    refused(tmp_path / "x.pth", "no storage of tensors")
