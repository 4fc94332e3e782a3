"""Whatever makes the labels in an export, a conversion can end at the logits that they are made of."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg import VIM, InputError, ToolError
from paddleseg_mobileseg.deploy import lower as lowering
from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.program import outputs_of
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.label_tail import LabelTail, find_tail, tail_program
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes import legalize
from paddleseg_mobileseg.deploy.passes.fix_input_shape import fix_input_shape
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from support.exports import export, export_around, exported_network, exported_stock


@pytest.mark.parametrize(
    "name, size",
    [pytest.param("pp_mobileseg_tiny", (384, 640), marks=pytest.mark.slow), ("pp_mobileseg_base", (512, 512))],
)
def test_exact_label_maps_of_networks_are_those_of_the_export(name, size):
    found = compare(exported_network(name, "argmax", *size))
    output = found.model.output
    stride = 16 if name == "pp_mobileseg_tiny" else 8
    assert (output.kind, output.label_map, output.label_size) == ("logits", "exact", list(size))
    assert output.shape == [1, 150, size[0] // stride, size[1] // stride]
    assert found.total.relative_difference <= 1e-4
    assert found.total.pixel_agreement >= 0.9999 and found.total.classes_present > 5


# Every tail and every label map; what is slow is another pair of them, and a small network has every pair further down.
@pytest.mark.parametrize(
    "tail, labels",
    [
        ("logits", "exact"),
        ("logits", "vim"),
        ("argmax", "argmax"),
        ("vim", "exact"),
        ("vim", "vim"),
        *(
            pytest.param(*pair, marks=pytest.mark.slow)
            for pair in [("logits", "argmax"), ("argmax", "exact"), ("argmax", "vim"), ("vim", "argmax")]
        ),
    ],
)
def test_any_export_gets_any_label_map(tail, labels):
    found = compare(exported_network("pp_mobileseg_tiny", tail, 128, 192), labels=labels)
    output = found.model.output
    assert output.label_map == labels
    if labels != "exact":
        assert (output.kind, output.dtype, output.shape) == ("labels", "int32", [1, 128, 192])
    assert found.total.fault() is None and found.total.classes_present > 5
    if tail == labels:
        assert found.total.pixel_agreement >= 0.9999


@pytest.mark.parametrize("labels", ["exact", pytest.param("argmax", marks=pytest.mark.slow), "vim"])
def test_the_loop_of_stock_vim_is_replaced(labels):
    """PaddleSeg's own VIM cannot be converted as it was exported."""
    found = compare(exported_stock("pp_mobileseg_vim", (1, 3, 128, 192)), labels=labels)
    assert found.model.output.label_map == labels
    assert found.total.pixel_agreement > 0.9998 and found.total.classes_present > 5


def resized(align_corners=False, align_mode=0, size=(50, 70)):
    def body(logits):
        return F.interpolate(
            logits, list(size), mode="bilinear", align_corners=align_corners, align_mode=align_mode
        )

    return body


def argmaxed(body, softmax=False, **options):
    def labels(logits):
        full = body(logits)
        return paddle.argmax(F.softmax(full, axis=1) if softmax else full, **{"axis": 1, **options})

    return labels


TAILS = {
    "logits": (resized(), "none"),
    "aligned corners": (resized(align_corners=True), "none"),
    "argmax": (argmaxed(resized()), "argmax"),
    "argmax from the end": (argmaxed(resized(), axis=-3), "argmax"),
    "argmax with an axis kept": (argmaxed(resized(), keepdim=True, dtype="int32"), "argmax"),
    "argmax, an axis put back": (lambda logits: argmaxed(resized())(logits).unsqueeze(1).astype("int32"), "argmax"),
    "argmax of probabilities": (argmaxed(resized(), softmax=True), "argmax"),
    "vim": (lambda logits: VIM().labels(logits, [50, 70]), "vim"),
}


def legalized(folder):
    return legalize(fix_input_shape(read_exported(folder)))[0]


@pytest.mark.parametrize("kind", TAILS)
def test_tails_are_found_and_cut(kind, tmp_path):
    body, made_by = TAILS[kind]
    folder = export_around(body, tmp_path)
    tail = find_tail(legalized(folder))
    assert (tail.made_by, tail.size, tail.align_corners) == (made_by, (50, 70), kind == "aligned corners")
    found = compare(folder, random=2)
    assert found.model.output.shape == [1, 8, 32, 32] and found.model.output.label_size == [50, 70]
    assert found.total.equal_pixels >= found.total.pixels - (1 if made_by != "vim" else 0)
    assert found.total.relative_difference <= 1e-6


@pytest.mark.parametrize("labels", ["argmax", "vim"])
@pytest.mark.parametrize("kind", ["logits", "argmax", "vim"])
def test_any_tail_gives_way_to_any_label_map(kind, labels, tmp_path):
    found = compare(export_around(TAILS[kind][0], tmp_path), labels=labels)
    output = found.model.output
    dtype = "int64" if kind == labels == "argmax" else "int32"  # what ends in the wanted one stays as it was exported
    assert (output.label_map, output.kind, output.dtype, output.shape) == (labels, "labels", dtype, [1, 50, 70])
    assert found.total.fault() is None and found.total.classes_present > 5


def test_an_interpolation_by_another_rule_stays_in_the_graph(tmp_path):
    """align_mode 1 puts samples elsewhere than `upsample_labels` does: the model ends at the interpolated logits."""
    found = compare(export_around(argmaxed(resized(align_mode=1)), tmp_path))
    assert (found.model.output.shape, found.model.output.label_size) == ([1, 8, 50, 70], [50, 70])
    assert found.total.fault() is None


def test_logits_that_nothing_interpolates_have_a_label_map_of_their_own_size(tmp_path):
    found = compare(export_around(argmaxed(nn.ReLU6()), tmp_path))
    assert (found.model.output.shape, found.model.output.label_size) == ([1, 8, 32, 32], [32, 32])
    assert found.total.equal_pixels == 32 * 32


def test_what_is_cut_off_is_gone_from_the_program(tmp_path):
    lowered = lower(export_around(TAILS["vim"][0], tmp_path))
    assert lowered.program.op_counts() == {"conv2d": 1, "elementwise_add": 1}
    assert len(lowered.program.params) == 2


@pytest.mark.parametrize("labels", ["argmax", "vim"])
def test_probabilities_have_no_label_map_in_the_graph(labels, tmp_path):
    folder = export_around(lambda logits: F.softmax(resized()(logits), axis=1), tmp_path / "export")
    with pytest.raises(InputError, match=f"--labels {labels} starts from logits"):
        convert(folder, tmp_path / "model.nb", labels=labels)


def test_labels_of_unknown_origin_are_refused_unless_they_are_kept(tmp_path):
    folder = export_around(lambda logits: (logits.max(axis=1) * 3).astype("int32"), tmp_path / "export")
    with pytest.raises(InputError, match="--labels exact starts from logits.*--labels none"):
        convert(folder, tmp_path / "model.nb", "x86")
    assert convert(folder, tmp_path / "model.nb", "x86", labels="none").metadata.output.kind == "labels"


def test_an_attached_label_map_gives_the_same_bytes_again(tmp_path):
    folder = export_around(resized(), tmp_path / "export")
    first, second = (convert(folder, tmp_path / f"{n}.nb", "x86", labels="vim").metadata.sha256 for n in "ab")
    assert first == second


@pytest.mark.parametrize("made_by", ["none", "argmax", "vim"])
def test_a_tail_alone_gives_what_its_layer_gives(made_by):
    logits = noise([2, 40, 6, 9], seed=1)
    output = StaticGraph(tail_program(made_by, logits.shape, (31, 50), False)).run(logits)
    full = F.interpolate(paddle.to_tensor(logits), [31, 50], mode="bilinear")
    if made_by == "none":
        np.testing.assert_array_equal(output, full.numpy())
    elif made_by == "argmax":
        np.testing.assert_array_equal(output, full.argmax(1).numpy())
    else:
        np.testing.assert_array_equal(output, VIM().labels(paddle.to_tensor(logits), [31, 50]).numpy())
    assert output.dtype == ("float32" if made_by == "none" else "int32")


class TwoResizes(nn.Layer):
    """Two features of one image; the argmax reads the second."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2D(3, 8, 1), nn.Conv2D(3, 8, 3, stride=2, padding=1)

    def forward(self, x):
        unused = resized(size=(64, 64))(self.first(x)).mean()
        return argmaxed(resized(size=(64, 64)))(self.second(x) + 0 * unused)


def test_a_wrong_tail_is_noticed(tmp_path, monkeypatch):
    """What was cut off has to give the export's labels when it is run on what is left."""
    folder = export(TwoResizes(), tmp_path, [1, 3, 64, 64])
    assert compare(folder).total.fault() is None
    right = find_tail(legalized(folder))
    first = next(outputs_of(op)[0] for op in legalized(folder).block.ops if op.type == "elementwise_add")
    monkeypatch.setattr(
        lowering, "find_tail", lambda model: LabelTail(right.made_by, first, right.size, right.align_corners)
    )
    with pytest.raises(ToolError, match="changed what it computes"):
        lower(folder)


def test_a_wrong_label_map_is_noticed(tmp_path, monkeypatch):
    """A pixel whose class falls short of the best by more than rounding stops the conversion."""
    folder = export_around(argmaxed(resized()), tmp_path)
    right = lowering.upsample_labels

    def wrong(*args):
        labels = right(*args)
        labels[0, 7, 11] = (labels[0, 7, 11] + 1) % 8
        return labels

    monkeypatch.setattr(lowering, "upsample_labels", wrong)
    with pytest.raises(ToolError, match="short of the best"):
        lower(folder)
