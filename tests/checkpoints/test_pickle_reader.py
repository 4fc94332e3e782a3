"""Pickles read as data: what honest programs write comes out as it went in, and nothing else gets through."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.checkpoints import pickle_reader, pickle_values
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint, read_pickle, write_checkpoint
from paddleseg_mobileseg.errors import shown
from support import pickle_programs as program
from support.torch_files import Call, Global, write_legacy, write_zip

TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "float16", "float32", "float64"]
PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3, 4, 5])


def read(tmp_path, content, reader=read_pickle):
    (tmp_path / "x.pdparams").write_bytes(content)
    return reader(tmp_path / "x.pdparams")


def refused(tmp_path, content, message, reader=read_pickle):
    with pytest.raises(InputError, match=message) as refusal:
        read(tmp_path, content, reader)
    assert len(str(refusal.value)) < 500 and str(refusal.value).isprintable()


@PROTOCOLS
def test_arrays_come_out_as_they_went_in(protocol, tmp_path):
    numbers = np.random.RandomState(0).randint(0, 2, (2, 3, 4))
    arrays = {name: numbers.astype(name) for name in TYPES}
    arrays.update(
        empty=np.zeros((0, 3), "float32"), single=np.array(3.5), column=np.asfortranarray(numbers),
        big_endian=numbers.astype(">f4"), part=numbers[:, ::2],
    )
    found = read(tmp_path, pickle.dumps(arrays, protocol=protocol), read_checkpoint)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype.newbyteorder("=") and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


@PROTOCOLS
def test_tables_within_tables_come_out_as_they_went_in(protocol, tmp_path):
    """As `paddle.save` writes an optimizer's state, and this plugin that of a pretraining."""
    shared = (0.9, 0.999)
    content = {
        "LR_Scheduler": {"last_epoch": 300, "last_lr": 1e-05, "verbose": False, "none": None},
        "master_weights": OrderedDict([("a", ("linear_0.w_0", "not an array")), ("ü\ud800", b"bytes")]),
        "history": [{"epoch": epoch, "loss": 1 / (epoch + 1)} for epoch in range(300)],
        "integers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**40, -(2**100)],
        "groups": [{"betas": shared}, {"betas": shared}],
        "kinds": {1, "two", None},
        0: ((), [], {}, set(), [[]]),
    }
    found = read(tmp_path, pickle.dumps(content, protocol=protocol))
    assert found == content and type(found["master_weights"]) is OrderedDict
    scalars = {"f": np.float64(68.1), "i": np.int64(-7), "b": np.bool_(True)}
    found = read(tmp_path, pickle.dumps(scalars, protocol=protocol))
    assert found == scalars and [type(value) for value in found.values()] == [np.float64, np.int64, np.bool_]


def test_names_of_numpy_2_and_bytes_of_python_2(tmp_path):
    content = pickle.dumps({"a": np.arange(3)}, protocol=2)
    found = read(tmp_path, content.replace(b"numpy.core.multiarray", b"numpy._core.multiarray"))
    np.testing.assert_array_equal(found["a"], np.arange(3))
    data = np.array([1.5, -2], "f4").tobytes()
    old = program.array((2,)).replace(program.raw(bytes(12)), b"U" + bytes([len(data)]) + data)
    found = read(tmp_path, b"\x80\x02}U\x04\xe9\xffab" + old.replace(program.raw(b"b"), b"U\x01b") + b"s.")
    np.testing.assert_array_equal(found["éÿab"], np.array([1.5, -2], "f4"))


WITH_OBJECTS = program.dtype("O8", "|")
FIELDS = program.group(program.text("f")), b"}" + program.text("f") + program.group(
    program.dtype(), program.integers(1 << 20)
) + b"s", program.integers(4, 1, 0)  # fmt: skip

ATTACKS = {
    "object pointers": (program.array(numbers=WITH_OBJECTS, data=b"A" * 24), "numbers of type 'O8'"),
    "kind of objects by flag": (
        program.array(numbers=program.dtype(rest=(*program.PLAIN[:3], program.integers(-1, -1, 63)))),
        "with fields or flags",
    ),
    "field beyond the item": (program.array(numbers=program.dtype(rest=(program.NONE, *FIELDS))), "fields or flags"),
    "text": (program.array(numbers=program.dtype("U4")), "numbers of type 'U4'"),
    "another code": (program.array(numbers=program.dtype("f4,f4")), "numbers of type 'f4,f4'"),
    "no state": (program.array(numbers=program.call("numpy", "dtype", program.text("f4"))), "lacks its numbers or"),
    "state twice": (
        program.array(numbers=program.dtype() + program.dtype()[len(program.call("numpy", "dtype", program.text("f4"),
                      program.FALSE, program.TRUE)):]),
        "in a way that NumPy does not",
    ),
    "too few bytes": (program.array((4,)), r"should have 4 numbers of 4 bytes and has 12 bytes"),
    "negative size": (program.array((-3,)), "shape is not what"),
    "sizes that overflow": (program.array((2**31 - 1,) * 5), r"should have 45671926147\d* numbers|has 12 bytes"),
    "sizes beside none": (program.array((0, *(2**31 - 1,) * 5), data=b""), "damaged"),
    "many dimensions": (program.array((1,) * 33, data=bytes(4)), "shape is not what"),
    "array without numbers": (program.array()[: program.array().index(b"tR") + 2], "lacks its numbers"),
    "array filled twice": (
        program.array() + program.group(b"K\x01", program.group(), program.dtype(), program.FALSE, program.raw(b"abcd"))
        + b"b",
        "in a way that NumPy does not",
    ),
    "state of a list": (b"]}" + program.text("append") + b"Nsb", "sets the state of a list"),
    "array called": (program.call("numpy", "ndarray", program.group(b"K\x04")), "calls something that makes no array"),
    "text called": (program.text("print") + b")R", "calls something that makes no array"),
    "type as a value": (program.dtype(), "a type or function where data should be"),
    "function as a value": (program.named("_codecs", "encode"), "a type or function where data should be"),
    "code": (program.call("os", "system", program.text("true")), "asks to run os.system"),
    "new object": (program.named("subprocess", "Popen") + b")\x81", "asks to run subprocess.Popen"),
    "reference": (b"K\x01Q", "outside of itself"),
    "other encoding": (
        program.call("_codecs", "encode", program.text("a" * 100), program.text("punycode")), "encoding 'punycode'"
    ),
    "tuple as a key": (b"}" + program.doubled(40) + b"Ns", "a tuple as the key"),
    "keys of one hash": (b"}\x8a\x08" + b"\xff" * 7 + b"\x3f" + b"Ns", "a int as the key"),
    "no number as a key": (b"}G\x7f\xf8" + bytes(6) + b"Ns", "a float as the key"),
    "tuple in a set": (b"\x8f(" + program.doubled(40) + b"\x90", "a tuple as the key"),
    "doubled pairs": (program.doubled(60), "repeats itself"),
    "doubled lists": (b"(]" + b"q\x00]h\x00ah\x00a" * 60 + b"t", "repeats itself"),
    "array a thousand times": (
        program.array((1000,), data=bytes(4000)) + b"q\x00](" + b"h\x00" * 1000 + b"e\x86", "repeats itself"
    ),
    "list in itself": (b"]q\x00h\x00a", "nested in itself"),
    "deep": (b"]" + b"\x85" * 200, "deeper than 100"),
    "large integer": (b"\x8b" + (10**6).to_bytes(4, "little") + bytes(10**6), "an integer of 1000000 bytes"),
    "long text": (b"\x8d" + b"\xff" * 8, "ends .* bytes too early"),
    "long frame": (b"\x95" + b"\xff" * 8, "frame"),
    "nothing to take": (b"(\x86", "lacks a value"),
    "unknown value": (b"j\xff\xff\xff\xff", "did not note"),
    "unknown opcode": (b"\x82\x01", "opcode 82"),
    "extension registry": (b"P1\n", "opcode 50"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_no_checkpoint_needs_is_refused(name, tmp_path):
    content, message = ATTACKS[name]
    refused(tmp_path, b"\x80\x03}" + program.text("a") + content + b"s.", message)


@pytest.mark.parametrize("protocol", [0, 1])
def test_protocols_of_text_are_refused(protocol, tmp_path):
    refused(tmp_path, pickle.dumps({"a": 1}, protocol=protocol), "no|protocol 2 to 5")


def test_the_same_bytes_are_not_taken_again_and_again(tmp_path):
    """A small file would become any number of bytes in memory."""
    encoded = program.text("x" * 10_000) + b"q\x00" + program.text("latin1") + b"q\x01"
    again = program.named("_codecs", "encode") + b"h\x00h\x01\x86R"
    refused(tmp_path, b"\x80\x03](" + encoded + again * 100 + b"e.", "hold more bytes than the file")
    data = program.raw(bytes(12))
    rest = program.array()[program.array().index(b"tR") + 2:]
    again = program.array()[: program.array().index(b"tR") + 2] + rest.replace(data, b"h\x00")
    big = program.raw(bytes(120_000)) + b"q\x00"
    shape = program.group(program.integers(3))
    again = again.replace(shape, program.group(program.integers(30_000)))
    refused(tmp_path, b"\x80\x03](" + big + again * 10 + b"e.", "hold more bytes than the file")


def test_steps_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_reader, "MOST_STEPS", 1000)
    refused(tmp_path, b"\x80\x03" + b"]" * 1000 + b".", "more than 1000 steps")


def test_names_from_the_file_are_shown_short_and_without_escape_codes(tmp_path):
    name = "\x1b[31m" + "x" * 100_000
    refused(tmp_path, program.table(**{name: program.NONE}), r"'\\x1b\[31mx+\.\.\.' is a NoneType", read_checkpoint)
    content = b"\x80\x04" + program.text("a\x1b\n" * 99) + program.text("b" * 99) + b"\x93."
    refused(tmp_path, content, r"asks to run a\\x1b\\na.*\.\.\.\.b+\.\.\.")
    assert shown("a\u202eb\ud800é", 80) == "a\\u202eb\\ud800é" and shown("x" * 9, 8) == "xxxxx..."


def test_a_refused_file_changes_nothing_for_those_read_later(tmp_path):
    honest = write_zip(tmp_path / "honest.pth", {"a": np.arange(4, dtype="float32")})
    before = read_checkpoint(honest)["a"].tolist()
    for target in ("FloatStorage", "Size", "device"):
        for write in (write_zip, write_legacy):
            poison = write(tmp_path / "x.pth", {"a": Call(Global("torch", target), state={"dtype": "int8"})})
            content = poison.read_bytes()
            poison.write_bytes(content.replace(b")R}", b"}"))
            with pytest.raises(InputError):
                read_checkpoint(poison)
    assert read_checkpoint(honest)["a"].tolist() == before == [0, 1, 2, 3]
    build = program.named("numpy", "dtype") + b"}b"
    refused(tmp_path, b"\x80\x03}" + program.text("a") + build + b"s.", "sets the state of a Constructor")


def test_a_pipe_and_a_device_are_no_checkpoints(tmp_path):
    os.mkfifo(tmp_path / "pipe.pdparams")
    for path in (tmp_path / "pipe.pdparams", "/dev/zero"):
        with pytest.raises(InputError, match="it is no file"):
            read_checkpoint(path)


@pytest.mark.parametrize("name", ["x.pdparams", "x.safetensors"])
def test_flipped_bits_and_cuts_give_an_error_or_a_table(name, tmp_path):
    path = tmp_path / name
    tensors = {"layer.weight": np.arange(12, dtype="float32").reshape(3, 4), "layer.bias": np.zeros(0, "int64")}
    write_checkpoint(path, tensors)
    content, random, refusals = path.read_bytes(), np.random.RandomState(0), 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[random.randint(len(damaged))] ^= 1 << random.randint(8)
        path.write_bytes(bytes(damaged[: random.choice([len(damaged), random.randint(len(damaged))])]))
        try:
            found = read_checkpoint(path)
        except InputError as error:
            refusals += 1
            assert len(str(error)) < 500 + len(str(path)) and "\n" not in str(error)
        else:
            assert all(isinstance(value, np.ndarray) for value in found.values())
    assert refusals > 150


def test_walks_are_bounded_by_the_size_of_the_file(tmp_path, monkeypatch):
    """An honest file may share values; what repeats them without end may not."""
    content = pickle.dumps([[1, 2, 3]] * 3)
    assert read(tmp_path, content) == [[1, 2, 3]] * 3
    monkeypatch.setattr(pickle_values, "MOST_ITEMS", 0)
    monkeypatch.setattr(pickle_values, "MOST_COPIES", 0)
    refused(tmp_path, content, "repeats itself")
