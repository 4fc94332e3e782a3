import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg import VIM, InputError, ToolError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.convert import convert, write_model
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import describe_input
from paddleseg_mobileseg.deploy.ir.program import dims_of
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes import legalize
from paddleseg_mobileseg.deploy.runtime import opt
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, read_metadata, sha256_of
from paddleseg_mobileseg.deploy.support import check_support
from support.exports import MEAN, STD, TRANSFORMS, describe, export, export_around, exported_network, exported_stock


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return export_around(nn.ReLU6(), tmp_path_factory.mktemp("small"))


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "name, tail, size",
    # One small (test_label_tail.py has all tails, and the base one at a large size with the labels outside); and as
    # large as they are used, where a run takes up to a minute.
    [
        pytest.param("pp_mobileseg_tiny", "logits", (128, 192), marks=pytest.mark.newest),
        pytest.param("pp_mobileseg_base", "vim", (128, 192), marks=pytest.mark.slow),
        pytest.param("pp_mobileseg_tiny", "logits", (384, 640), marks=pytest.mark.slow),
        pytest.param("pp_mobileseg_tiny", "vim", (512, 512), marks=pytest.mark.slow),
        pytest.param("pp_mobileseg_base", "logits", (512, 512), marks=pytest.mark.slow),
        pytest.param("pp_mobileseg_base", "vim", (384, 640), marks=pytest.mark.slow),
    ],
)
def test_networks_agree_with_paddle_on_x86(name, tail, size):
    found = compare(exported_network(name, tail, *size), labels="none")
    kind, shape = ("labels", [1, *size]) if tail == "vim" else ("logits", [1, 150, *size])
    assert (found.model.output.kind, found.model.output.shape, found.model.num_classes) == (kind, shape, 150)
    assert found.total.classes_present > 1
    assert found.total.pixel_agreement >= 0.9999
    if tail == "logits":
        assert found.total.relative_difference <= 1e-4


@pytest.mark.parametrize(
    "name, tail",
    # The demo's tests convert the tiny one's argmax for phones too.
    [
        pytest.param("pp_mobileseg_tiny", "logits", marks=pytest.mark.newest),
        pytest.param("pp_mobileseg_tiny", "vim", marks=pytest.mark.slow),
        pytest.param("pp_mobileseg_tiny", "argmax", marks=pytest.mark.slow),
        ("pp_mobileseg_base", "vim"),
    ],
)
def test_networks_convert_for_phones(name, tail, tmp_path):
    metadata = convert(exported_network(name, tail, 128, 192), tmp_path / "model.nb", "arm", labels="none").metadata
    assert metadata.output.label_map == ("none" if tail == "logits" else tail)
    assert metadata.num_classes == 150
    assert files_in(tmp_path) == ["model.nb", "model.nb.json"]


class VimOfPixels(nn.Layer):
    """Logits that need one multiplication and one addition, so that Paddle-Lite has the same to the last bit."""

    def __init__(self, num_classes, size):
        super().__init__()
        self.vim, self.size = VIM(), size
        self.factors = self.create_parameter([1, num_classes, 1, 1])
        self.offsets = self.create_parameter([1, num_classes, 1, 1])
        random = np.random.RandomState(0)
        for parameter in (self.factors, self.offsets):
            parameter.set_value(random.randn(1, num_classes, 1, 1).astype("float32"))

    def forward(self, x):
        planes = paddle.concat([x] * (self.factors.shape[1] // 3), axis=1)
        return self.vim(planes * self.factors + self.offsets, self.size)


@pytest.mark.parametrize("low, size", [((32, 32), (512, 512)), ((48, 80), (384, 640))])
def test_vim_in_paddle_lite_equals_vim_in_paddle(low, size, tmp_path):
    network = VimOfPixels(150, size)
    found = compare(export(network, tmp_path, [1, 3, *low]), random=3, labels="vim")
    assert found.model.output.label_map == "vim"
    assert all(row.classes_present > 5 for row in found.inputs)
    assert found.total.equal_pixels == found.total.pixels == 3 * size[0] * size[1]


@pytest.mark.slow
def test_argmax_behind_the_network_agrees():
    """At a size of use; test_label_tail.py has it at a small one."""
    found = compare(exported_network("pp_mobileseg_tiny", "argmax", 384, 640), labels="argmax")
    assert (found.model.output.dtype, found.model.output.shape) == ("int32", [1, 384, 640])
    assert found.total.pixel_agreement >= 0.9999


STOCK = ["pp_mobileseg", "topformer", "lraspp"]


# What is exported for any size is first fixed to one: those below take the same way and are compared besides.
@pytest.mark.parametrize(
    "kind", ["pp_mobileseg", *(pytest.param(kind, marks=pytest.mark.slow) for kind in STOCK[1:])]
)
def test_stock_exports_for_one_size_convert(kind, tmp_path):
    metadata = convert(exported_stock(kind, (1, 3, 128, 192)), tmp_path / "model.nb", "arm").metadata
    assert metadata.output.label_size == [128, 192]
    assert metadata.output.shape[1] == metadata.num_classes


@pytest.mark.parametrize("kind", STOCK)
def test_stock_exports_for_any_size_convert_for_a_given_one(kind):
    found = compare(exported_stock(kind, (None, 3, None, None)), input_shape=[1, 3, 128, 192])
    assert found.model.output.label_size == [128, 192]
    assert found.total.fault() is None


class RowEmbedding(nn.Layer):
    """A learned value per class and row, interpolated to the number of rows, as SEA attention does."""

    def __init__(self):
        super().__init__()
        self.embedding = self.create_parameter([1, 8, 16])

    def forward(self, logits):
        rows = F.interpolate(self.embedding, [logits.shape[2]], mode="linear", data_format="NCW")
        return logits + rows.unsqueeze(3)


# What each pass is for: opt, or the library, fails on the program as Paddle exports it.
FAULTS = {
    "relu6": (nn.ReLU6(), "No attributes called threshold found for relu6"),
    "swish": (nn.Swish(), "No attributes called beta found for swish"),
    "flatten": (lambda logits: paddle.flatten(logits, 2).reshape([1, 8, 32, 32]) + 1, "died of SIGSEGV"),
    "instance norm": (nn.InstanceNorm2D(8), "Check failed: is_dispensable"),
    "interpolated embedding": (RowEmbedding(), "unsupported ops are: 'linear_interp_v2'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_opt_fails_on_what_is_mended_and_not_afterwards(fault, tmp_path):
    body, message = FAULTS[fault]
    folder = export_around(body, tmp_path / "export")
    unmended = read_exported(folder).save(tmp_path)
    with pytest.raises(ToolError, match=message):
        opt.run_opt(*unmended, tmp_path / "unmended.nb", "x86", "float32", "float32")
    assert compare(folder).total.fault() is None


@pytest.mark.parametrize(
    "body",
    [
        lambda logits: paddle.cast(logits > 0.0, "float32") * logits,
        lambda logits: paddle.maximum(logits, paddle.full([], 0.5)),
        lambda logits: logits**2,
    ],
    ids=["comparison", "maximum", "power"],
)
def test_scalar_constants_are_mended(body, tmp_path):
    found = compare(export_around(body, tmp_path))
    assert found.model.passes["gave scalar constants an axis"] == 1
    assert found.total.fault() is None


def convert_without_mending(folder, nb):
    """What opt makes of the program as it was exported, with the JSON file of the legalized one beside it."""
    metadata = convert(folder, nb, "x86", labels="none").metadata
    opt.run_opt(*read_exported(folder).save(nb.parent), nb, "x86", "float32", "float32")
    file = {"sha256": sha256_of(nb), "bytes": nb.stat().st_size}
    metadata_path(nb).write_text(json.dumps({**asdict(metadata), **file}))
    return nb


def test_the_runtime_fails_on_a_scalar_constant(tmp_path):
    folder = export_around(lambda logits: paddle.cast(logits > 0.0, "float32"), tmp_path / "export")
    with pytest.raises(InputError, match=r"fill_constant \(1\)"):
        check_support(read_exported(folder), "x86")
    with pytest.raises(ToolError, match="died of SIGABRT: no valid out_shape"):
        compare(folder, convert_without_mending(folder, tmp_path / "model.nb"))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_resizing_by_a_factor_that_leaves_a_rest_is_mended(mode, tmp_path):
    folder = export_around(lambda logits: F.interpolate(logits, scale_factor=0.5, mode=mode), tmp_path, size=33)
    found = compare(folder, labels="none")
    assert found.model.passes["cropped what a resize by a factor leaves out"] == 1
    assert found.model.output.shape == [1, 8, 16, 16]
    assert found.total.fault() is None


def test_paddle_lite_is_wrong_about_a_factor_that_leaves_a_rest(tmp_path):
    body = nn.Upsample(scale_factor=0.5, mode="bilinear")
    folder = export_around(body, tmp_path / "export", size=33)
    found = compare(folder, convert_without_mending(folder, tmp_path / "model.nb"))
    assert found.total.relative_difference > 0.05


def test_a_factor_that_cannot_be_mended_is_refused(tmp_path):
    folder = export_around(lambda logits: F.interpolate(logits, scale_factor=0.3, mode="bilinear"), tmp_path / "export")
    with pytest.raises(InputError, match=r"bilinear_interp_v2 \(1\).*resize to a size"):
        convert(folder, tmp_path / "model.nb")


@pytest.mark.parametrize("target", ["arm", "x86"])
def test_the_loop_of_stock_vim_is_refused_before_opt(target, tmp_path, capfd):
    folder = exported_stock("pp_mobileseg_vim", (1, 3, 128, 192))
    flags = ["--target", target, "--labels", "none", "--output", str(tmp_path / "model.nb")]
    assert main(["convert", str(folder), *flags]) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "index_put (1)" in error and "set_value (1)" in error
    assert "another label map than --labels none" in error
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "body, target, listing",
    [
        (nn.SELU(), "arm", r"selu \(1\)"),
        (nn.Sequential(nn.SELU(), nn.CELU(), nn.SELU()), "x86", r"celu \(1\), selu \(2\)"),
        (nn.Conv2DTranspose(8, 8, 2, 2, groups=8), "x86", r"depthwise_conv2d_transpose \(1\)"),
    ],
    ids=["selu", "two", "x86 only"],
)
def test_every_op_that_the_target_lacks_is_named(body, target, listing, tmp_path):
    folder = export_around(body, tmp_path / "export")
    with pytest.raises(InputError, match=f"cannot run on {target}: {listing}"):
        convert(folder, tmp_path / "model.nb", target)


def test_an_output_that_is_no_segmentation_is_refused(tmp_path):
    folder = export_around(lambda logits: paddle.argmax(paddle.argmax(logits, 1), 1), tmp_path / "export")
    with pytest.raises(InputError, match="neither logits .* nor labels"):
        convert(folder, tmp_path / "model.nb")


def test_probabilities_are_told_from_logits(tmp_path):
    folder = export_around(nn.Softmax(axis=1), tmp_path / "export")
    metadata = convert(folder, tmp_path / "model.nb", "x86").metadata
    assert (metadata.output.kind, metadata.output.label_map, metadata.num_classes) == ("probabilities", "none", 8)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_labels_keep_their_dtype(dtype, tmp_path):
    folder = export_around(lambda logits: paddle.argmax(logits, 1, keepdim=True, dtype=dtype), tmp_path / "export")
    found = compare(folder, labels="none")
    assert (found.model.output.dtype, found.model.output.shape) == (dtype, [1, 1, 32, 32])
    assert found.model.num_classes == 8 and found.total.equal_pixels == 32 * 32


def test_names_of_classes_reach_the_json_file(small, tmp_path):
    names = [f"kind {index}" for index in range(8)]
    small = Path(shutil.copytree(small, tmp_path / "exported"))
    describe(small, TRANSFORMS, classes=[*names[:7], {"name": names[7], "colour": "#0a0b0c"}])
    converted = convert(small, tmp_path / "model.nb", "arm").metadata
    assert read_metadata(tmp_path / "model.nb") == converted
    assert converted.classes.names == tuple(names) and converted.classes.colours[7] == (10, 11, 12)
    file = tmp_path / "model.nb.json"
    content = json.loads(file.read_text())
    for part in content["classes"].values():
        part.pop()
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="json is damaged: there are 7 classes, and the model tells 8 apart"):
        read_metadata(tmp_path / "model.nb")
    describe(small, TRANSFORMS, classes=names[:7])
    with pytest.raises(InputError, match="deploy.yaml lists 7 classes, and the network tells 8 apart"):
        convert(small, tmp_path / "model.nb", "arm")
    describe(small, TRANSFORMS, classes=[*names[:7], ""])
    with pytest.raises(InputError, match="deploy.yaml: classes: class 7 has no name"):
        convert(small, tmp_path / "model.nb", "arm")


def test_the_json_file_says_what_a_runtime_must_know(small, tmp_path):
    convert(small, tmp_path / "model.nb", "arm")
    assert files_in(tmp_path) == ["model.nb", "model.nb.json"]
    content = json.loads((tmp_path / "model.nb.json").read_text())
    exported = read_exported(small)
    assert content["input"] == {
        "name": exported.input_name,
        "shape": [1, 3, 32, 32],
        "preprocessing": {
            "height": 32,
            "width": 32,
            "mean": MEAN,
            "std": STD,
            "resize": "keep_ratio",
            "interpolation": "LINEAR",
            "long_side": 2048,
            "short_side": 512,
            "min_long_side": None,
            "size_divisor": 32,
            "factor": None,
            "padding_value": 127.5,
            "padding_normalized": False,
            "channel_order": "RGB",
        },
        "layout": "NCHW",
        "dtype": "float32",
    }
    assert read_metadata(tmp_path / "model.nb").input == describe_input(exported)
    assert content["output"] == {
        "name": content["output"]["name"],
        "kind": "logits",
        "dtype": "float32",
        "shape": [1, 8, 32, 32],
        "label_map": "exact",
        "label_size": [32, 32],
        "align_corners": False,
    }
    assert (content["target"], content["precision"], content["weights"]) == ("arm", "float32", "float32")
    assert (content["num_classes"], content["agreement"], content["recipe"]) == (8, None, None)
    assert content["bytes"] == (tmp_path / "model.nb").stat().st_size
    assert content["sha256"] == sha256_of(tmp_path / "model.nb")
    assert content["opt_version"] == opt.opt_version() and content["opt_version"].startswith("v2.13")
    assert content["versions"]["paddlelite"] == opt.PADDLELITE
    assert content["source_ops"] == exported.op_counts()
    assert content["passes"]["restored attributes that Paddle leaves out"] == 1


def test_the_same_export_gives_the_same_bytes(small, tmp_path):
    first, second = (convert(small, tmp_path / f"{name}.nb", "x86").metadata.sha256 for name in "ab")
    assert first == second


def test_weights_can_be_stored_smaller(tmp_path):
    folder = exported_network("pp_mobileseg_tiny", "logits", 65, 97)
    # The steps of `convert` but for the last one, with the fixing, which takes longest, done once for the others.
    lowered = lower(folder)
    check_support(lowered.program, "arm")
    sizes = [write_model(lowered, tmp_path / "model.nb", "arm", kind).bytes for kind in ("float32", "int16")]
    sizes.append(convert(folder, tmp_path / "model.nb", "arm", weights="int8").metadata.bytes)
    assert sizes[1] < 0.6 * sizes[0] and sizes[2] < 0.4 * sizes[0]
    assert read_metadata(tmp_path / "model.nb").weights == "int8"


def test_int16_weights_keep_the_labels(tmp_path):
    folder = exported_network("pp_mobileseg_tiny", "logits", 65, 97)
    assert compare(folder, weights="int16").total.pixel_agreement > 0.99


def test_a_flag_that_was_renamed_says_its_new_name(small, capfd):
    with pytest.raises(SystemExit, match="2"):
        main(["convert", str(small), "--fp16"])
    assert "error: --fp16 is --precision fp16 now" in capfd.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        ({"precision": "fp16", "target": "x86"}, "--precision fp16 needs ARM"),
        ({"precision": "fp16", "weights": "int8"}, "cannot be combined"),
        ({"precision": "fp16", "weights": "int16"}, "cannot be combined"),
        ({"precision": "bf16"}, "nothing computes in 'bf16'"),
        ({"labels": "softmax"}, "no label map 'softmax'"),
        ({"target": "opencl"}, "no target 'opencl'"),
        ({"weights": "int4"}, "cannot be stored as 'int4'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message, small, tmp_path):
    with pytest.raises(InputError, match=message):
        convert(small, tmp_path / "model.nb", **options)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("name", ["model", "model.txt", "folder.nb"])
def test_the_output_must_be_a_file_called_nb(name, small, tmp_path):
    (tmp_path / "folder.nb").mkdir()
    with pytest.raises(InputError, match="ends in .nb"):
        convert(small, tmp_path / name)


def test_the_command_prints_what_it_wrote(small, tmp_path, capfd):
    assert main(["convert", str(small), "--target", "x86", "--output", str(tmp_path / "model.nb")]) == 0
    said = capfd.readouterr().out
    assert str(tmp_path / "model.nb") in said and "[1, 8, 32, 32]" in said
    assert main(["convert", str(small), "--target", "x86", "--output", str(tmp_path / "model.nb"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == json.loads((tmp_path / "model.nb.json").read_text())


@pytest.mark.parametrize("shape", [["1", "3", "100", "100"], ["1", "3", "128", "192"]])
def test_a_size_is_converted_or_refused_with_a_reason(shape, tmp_path, capfd):
    folder = exported_stock("topformer", (None, 3, None, None))
    output = tmp_path / "model.nb"
    status = main(["convert", str(folder), "--target", "x86", "--output", str(output), "--input-shape", *shape])
    if shape[-1] == "100":
        assert status == 2 and "multiples of 32" in capfd.readouterr().err and files_in(tmp_path) == []
    else:
        assert status == 0 and read_metadata(output).input.shape == [1, 3, 128, 192]


@pytest.mark.parametrize(
    "name, size",
    [
        ("pp_mobileseg_tiny", (65, 97)),
        pytest.param("pp_mobileseg_base", (100, 132), marks=pytest.mark.slow),
    ],
)
def test_sizes_that_are_no_multiples_of_32_work(name, size):
    assert compare(exported_network(name, "logits", *size)).total.fault() is None


def test_mended_programs_say_their_output_size(small):
    legalized, _ = legalize(read_exported(small))
    assert dims_of(legalized.variables()[legalized.output_name]) == [1, 8, 32, 32]
