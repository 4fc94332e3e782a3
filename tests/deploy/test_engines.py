"""Exports in every engine: conversion, agreement with Paddle, what is refused, and how a crash is told."""

import json
import shutil
from dataclasses import replace

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddleseg_mobileseg import InputError, Segmenter, ToolError, bench, compare, convert
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy import ENGINES, FORMATS, LIMITS
from paddleseg_mobileseg.deploy.compare_engines import compare_engines, engines_table
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.lower import lower
from paddleseg_mobileseg.deploy.passes.spelt_out import spell_out
from paddleseg_mobileseg.deploy.runtime.engines import engine_of, find_engine, load_model
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, read_metadata, weights_path
from paddleseg_mobileseg.deploy.runtime.packages import Package, require_packages
from paddleseg_mobileseg.deploy.runtime.predictor import Predictor
from paddleseg_mobileseg.deploy.translate import translation_fault
from support.engines import require_engine
from support.exports import describe, export_around, exported_network, randomise, scene

OTHERS = tuple(name for name in ENGINES if name != "lite")


class EveryKind(nn.Layer):
    """Logits [1, 8, 32, 32] through every kind of op that the networks of the zoo have when they are lowered."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2D(8, 16, 3, 2, 1, bias_attr=False), nn.BatchNorm2D(16), nn.Hardswish())
        self.depthwise = nn.Sequential(nn.Conv2D(16, 16, 5, 2, 2, groups=16), nn.BatchNorm2D(16), nn.ReLU6())
        self.dilated = nn.Conv2D(16, 16, 3, 1, 2, dilation=2, groups=16)
        self.alone = nn.BatchNorm2D(16)
        self.gate = nn.Linear(16, 16)
        self.squeeze = nn.Conv2D(16, 32, 1)
        self.last = nn.Conv2D(32, 8, 1)
        randomise(self)

    def forward(self, logits):
        image = self.stem(logits)
        pooled = F.max_pool2d(image, 3, 2, 1) + F.avg_pool2d(image, 2)
        image = self.alone(pooled) * F.hardsigmoid(self.depthwise(image)) + self.dilated(pooled)
        gate = paddle.clip(self.gate(F.adaptive_avg_pool2d(image, 1).squeeze([2, 3])) / 6 + 0.5, 0.0, 1.0)
        image = image * gate.unsqueeze([2, 3]) + F.interpolate(pooled[:, :, :4], size=[8, 8], mode="nearest")
        image = image - F.interpolate(F.adaptive_avg_pool2d(image, [3, 5]), size=[8, 8], mode="nearest")
        shuffled = self.squeeze(image).reshape([1, 2, 16, 8, 8]).transpose([0, 2, 1, 3, 4]).reshape([1, 32, 8, 8])
        one, two = paddle.split(shuffled, 2, axis=1)
        rows = two.mean(-1).reshape([1, 4, 4, 8])
        attention = F.softmax(paddle.matmul(rows.transpose([0, 1, 3, 2]), rows) * 0.5, axis=-1)
        seen = paddle.matmul(rows, attention).reshape([1, 16, 8, 1])
        image = paddle.concat([F.sigmoid(one + seen), two], axis=1)
        return self.last(F.interpolate(image, size=[32, 32], mode="bilinear"))


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory):
    return export_around(EveryKind(), tmp_path_factory.mktemp("every_kind"))


@pytest.fixture(scope="module")
def lowered(every_kind):
    return lower(every_kind)


@pytest.fixture(scope="module")
def rows(every_kind):
    return {row.engine: row for row in compare_engines(every_kind, ENGINES, random=2)}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_kind_of_op_gives_paddles_classes_in_every_engine(rows, engine):
    row = rows[engine]
    if not row.installed:
        pytest.skip(row.fault)
    assert row.fault is None
    assert row.agreement.pixels == 2 * 32 * 32 and row.agreement.pixel_agreement >= 0.9999
    assert row.agreement.relative_difference < 1e-4 and row.agreement.classes_present > 1
    assert row.seconds > 0 and row.bytes > 4000 and row.version


def test_the_table_has_a_row_for_each_engine(rows):
    lines = engines_table(list(rows.values())).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:2 + len(ENGINES)]] == [row.title for row in rows.values()]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = export_around(nn.ReLU6(), tmp_path_factory.mktemp("small"))
    sized = [{"type": "Resize", "target_size": [32, 32]}, {"type": "Normalize"}]
    describe(folder, sized)
    return folder


@pytest.fixture(scope="module")
def models(small, tmp_path_factory):
    """A conversion for an engine, made when it is first asked for."""
    folder, lowered, made = tmp_path_factory.mktemp("models"), lower(small), {}

    def model(engine):
        require_engine(engine)
        format = find_engine(engine).format
        if format not in made:
            made[format] = convert(lowered, folder / f"model{FORMATS[format]}", format=format)
        return made[format]

    return model


@pytest.mark.parametrize("engine", OTHERS)
def test_the_json_file_says_what_an_application_must_know(models, engine):
    converted = models(engine)
    metadata = read_metadata(converted.path)
    assert metadata == converted.metadata and engine_of(metadata).name == engine
    assert (metadata.target, metadata.opt_version, metadata.num_classes) == ("any", None, 8)
    assert metadata.input.shape == [1, 3, 32, 32] and metadata.input.preprocessing.size == (32, 32)
    assert metadata.output.label_map == "exact" and metadata.output.label_size == [32, 32]
    names = {"ncnn": ("in0", "out0")}.get(engine, ("x", metadata.output.name))
    assert (metadata.input.name, metadata.output.name) == names
    assert metadata.input.layout == ("NHWC" if engine == "litert" else "NCHW")
    files = [converted.path, *([weights_path(converted.path)] if metadata.weights_file else [])]
    assert metadata.bytes == sum(file.stat().st_size for file in files) and (len(files) == 2) == (engine == "ncnn")
    assert len(metadata.versions) > 2 and all(metadata.versions.values())


@pytest.mark.parametrize("engine", OTHERS)
def test_a_segmenter_knows_the_engine_of_a_model(models, small, engine):
    picture = scene(3, 40, 64)
    with Segmenter(small) as original, Segmenter(models(engine).path) as converted:
        assert (converted.network.kind, converted.network.engine) == (find_engine(engine).format, engine)
        assert (original(picture).labels == converted(picture).labels).mean() >= 0.9999
    with pytest.raises(InputError, match=f"which runs in engine {engine} alone, not lite"):
        Segmenter(models(engine).path, engine="lite")


def test_ncnns_weights_are_checked_too(models, tmp_path):
    model = models("ncnn").path
    for path in (model, weights_path(model), metadata_path(model)):
        shutil.copy(path, tmp_path)
    own = tmp_path / model.name
    content = bytearray(weights_path(own).read_bytes())
    content[-1] ^= 1
    weights_path(own).write_bytes(content)
    with pytest.raises(InputError, match="model.bin is damaged or not the model that model.param.json describes"):
        load_model(own)
    weights_path(own).unlink()
    with pytest.raises(InputError, match="model.bin is damaged"):
        load_model(own)


def test_a_benchmark_runs_each_model_in_its_engine(models):
    paths = [models("onnx").path, models("litert").path]
    records = bench(paths, warmup=0, repeats=2, rounds=1, threads=2)
    assert [record.configuration.engine for record in records] == ["onnxruntime", "litert"]
    for record in records:
        assert record.configuration.threads == 2 and "opt" not in record.environment.versions
        assert record.configuration.engine in record.environment.versions and record.classes_present[0] > 1
    with pytest.raises(InputError, match="--threads takes a number of 1 or more, not 0"):
        bench(paths, threads=0)


@pytest.mark.parametrize("engine", ["litert", "mnn", "ncnn"])
def test_weights_in_halves_are_half_the_file(lowered, tmp_path, engine):
    require_engine(engine)
    format, sizes = find_engine(engine).format, {}
    for weights in ("float32", "float16"):
        path = tmp_path / f"{weights}{FORMATS[format]}"
        sizes[weights] = convert(lowered, path, weights=weights, format=format).metadata.bytes
    assert sizes["float16"] < 0.9 * sizes["float32"]
    assert compare(lowered, path).total.pixel_agreement >= 0.98


@pytest.mark.parametrize("engine", OTHERS)
def test_half_precision_is_what_each_engine_calls_so(lowered, tmp_path, engine):
    """Here most compute in float32 with weights in halves; on ARM they take half the instructions."""
    require_engine(engine)
    found = find_engine(engine)
    path = tmp_path / f"model{FORMATS[found.format]}"
    metadata = convert(lowered, path, precision="fp16", format=found.format).metadata
    assert (metadata.precision, metadata.weights, metadata.numbers) == ("float16", "float16", "float16")
    assert metadata.agreement.labels >= 0.98 and metadata.agreement.images == 4 and metadata.doubt is None
    assert f"by {found.title} on this host, not on ARM" in str(metadata.agreement)
    assert read_metadata(path) == metadata
    batch = noise([1, 3, 32, 32], 0)
    expected = StaticGraph(lowered.program).run(batch)
    with load_model(path) as predictor:
        output = predictor.run(batch)
    assert output.dtype == np.float32
    assert 0 < np.abs(output - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize(
    "output, options, message",
    [
        ("model.onnx", {"format": "onnx", "target": "x86"}, "--target is for .nb files; one of format onnx is for any"),
        ("model.mnn", {"format": "mnn", "weights": "int16"}, "--weights int16 is not for format mnn; choose from"),
        ("model.nb", {"weights": "float16"}, "--weights float16 is not for .nb files"),
        ("model.mnn", {"format": "mnn", "precision": "int8"}, "--precision int8 is not for format mnn; choose from"),
        ("model.onnx", {"format": "tflite"}, "give a file name that ends in .tflite"),
        ("model.bin", {"format": "ncnn"}, "give a file name that ends in .param"),
        ("model.onx", {"format": "onx"}, r"no format 'onx' \(did you mean onnx\?\)"),
    ],
)
def test_what_a_format_does_not_have_is_refused(small, tmp_path, output, options, message):
    with pytest.raises(InputError, match=message):
        convert(small, tmp_path / output, **options)
    assert list(tmp_path.iterdir()) == []


def test_paddle2onnx_2_is_refused(small, tmp_path, monkeypatch):
    """It fails on PP-MobileSeg, and installs packages while it runs."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", {"paddle2onnx": "2.1.0"}.get)
    with pytest.raises(InputError, match='paddle2onnx is 2.1.0, and --format onnx needs: .*"paddle2onnx>=1.2.11,<1.4"'):
        convert(small, tmp_path / "model.onnx", format="onnx")


@pytest.mark.parametrize("version, fits", [("1.2", False), ("1.16.0", True), ("1.99.dev1", True), ("2", False)])
def test_versions_are_compared_as_numbers(monkeypatch, version, fits):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", lambda name: version)
    package = Package("onnxruntime", "onnxruntime", "1.16", "2")
    assert package.fits() == fits
    if not fits:
        with pytest.raises(InputError, match=f"onnxruntime is {version}, and this test needs"):
            require_packages([package], "this test")


def test_a_crash_of_an_engine_is_one_line(models, tmp_path):
    """ONNX Runtime died so of a full-size ShuffleNetV2; here a double of it does."""
    worker = tmp_path / "worker.py"
    worker.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGFPE)\n")
    converted = models("onnx")
    with pytest.raises(ToolError, match="^onnxruntime running model.onnx died of SIGFPE: it printed nothing$"):
        Predictor(converted.path, converted.metadata, "onnxruntime", worker)


def test_an_op_without_a_translation_is_one_line(small, tmp_path):
    """VIM in the graph looks for the classes of an image."""
    require_engine("litert")
    with pytest.raises(ToolError, match="there is no translation of .*unique for LiteRT; .* --labels exact") as caught:
        convert(small, tmp_path / "model.tflite", labels="vim", format="tflite")
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_what_converters_lack_is_spelt_out(lowered):
    uneven = {"wrote averages over uneven blocks as products": 1}
    spelt, done = spell_out(lowered.program, for_onnx=True)
    assert done == {**uneven, "spelt out channel shuffles": 1, "gave splits the sizes of their parts": 1}
    assert "shuffle_channel" in lowered.program.op_counts() and "shuffle_channel" not in spelt.op_counts()
    assert spell_out(lowered.program, for_onnx=False)[1] == uneven
    batch = noise([1, 3, 32, 32], 0)
    expected = StaticGraph(lowered.program).run(batch)
    np.testing.assert_allclose(StaticGraph(spelt).run(batch), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_an_output_that_is_not_paddles_is_a_fault(small):
    lowered, batch = lower(small), noise([1, 3, 32, 32], 0)
    output = StaticGraph(lowered.program).run(batch)
    limits = LIMITS["float32"]
    assert translation_fault(lowered, batch, output, limits) is None
    # Classes that lie together may change places.
    assert translation_fault(lowered, batch, output[:, ::-1], replace(limits, difference=2.0)) is None
    assert "values differ by" in translation_fault(lowered, batch, output * np.float32(1.001), limits)
    assert "it gives float32 of shape [1, 8, 16, 32]" in translation_fault(lowered, batch, output[:, :, ::2], limits)


def test_compare_prints_the_table_of_engines(small, capfd, monkeypatch):
    """An engine that is not installed is a row of `all`, and an error for who asks for it."""
    require_engine("litert")
    monkeypatch.setattr(Package, "version", lambda package: "2.3.0" if package.name == "ai-edge-litert" else None)
    assert main(["compare", str(small), "--engines", "all", "--json"]) == 0
    found = {row["engine"]: row for row in json.loads(capfd.readouterr().out)}
    assert list(found) == list(ENGINES)
    assert found["litert"]["pixel_agreement"] >= 0.9999 and not found["onnx"]["installed"]
    assert main(["compare", str(small), "--engines", "onnx"]) == 1
    captured = capfd.readouterr()
    assert "| ONNX Runtime | not installed | - |" in captured.out
    assert "cannot be used in ONNX Runtime; the reasons stand above" in captured.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lraspp_mobilenetv3", "mobileseg_ghostnet", "mobileseg_litehrnet18"])
def test_networks_of_the_zoo_agree_in_every_engine(name):
    folder = exported_network(name, "logits", 128, 128)
    for row in compare_engines(folder, ENGINES):
        if row.installed:
            assert row.fault is None and row.agreement.pixel_agreement >= 0.9999, row
