import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from paddle import nn

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.data.preprocessing import Preprocessing
from paddleseg_mobileseg.deploy import LIMITS, Limits
from paddleseg_mobileseg.deploy.compare import compare
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.tensors import InputTensor
from paddleseg_mobileseg.deploy.runtime.agreement import measure_agreement, total_agreement
from paddleseg_mobileseg.deploy.runtime.inputs import (
    find_images,
    input_sources,
    load_input,
    noise,
    source_name,
)
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, sha256_of
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from paddleseg_mobileseg.labels import label_map_of
from support.exports import MEAN, STD, export_around, save_scene, scene


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return export_around(nn.ReLU6(), tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small_nb(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("nb") / "model.nb"
    convert(small, path, "x86")
    return path


@pytest.fixture
def own_nb(small_nb, tmp_path):
    """A copy that a test may damage."""
    for path in (small_nb, metadata_path(small_nb)):
        shutil.copy(path, tmp_path)
    return tmp_path / small_nb.name


def image_input(shape):
    return InputTensor("x", list(shape), Preprocessing(*shape[2:], MEAN, STD))


NONE = Limits(1.0, 0.0, 0.0, "nothing may differ")


def random_logits(seed=0):
    return np.random.RandomState(seed).randn(2, 5, 6, 7).astype("float32")


def test_equal_outputs_agree_entirely():
    logits = random_logits()
    found = measure_agreement(logits, logits.copy(), "x")
    assert (found.pixels, found.equal_pixels, found.pixel_agreement) == (84, 84, 1.0)
    assert (found.largest_difference, found.relative_difference) == (0.0, 0.0)
    assert found.classes_present == 5 and found.fault(NONE) is None


def test_differences_of_logits_are_measured():
    reference = random_logits()
    output = reference.copy()
    output[1, 2, 3, 4] += 100
    found = measure_agreement(reference, output, "x")
    assert found.largest_difference == pytest.approx(100, rel=1e-5)
    assert found.relative_difference == pytest.approx(100 / np.abs(reference).max(), rel=1e-5)
    assert found.pixels - found.equal_pixels == (reference[1, :, 3, 4].argmax() != 2)
    assert "of the largest one" in found.fault()


@pytest.mark.parametrize("shape", [(1, 6, 7), (1, 1, 6, 7)])
def test_differing_labels_are_counted(shape):
    reference = np.random.RandomState(0).randint(0, 150, shape).astype("int32")
    output = reference.copy()
    output.flat[:3] += 1
    found = measure_agreement(reference, output, "x")
    assert (found.pixels, found.equal_pixels) == (42, 39)
    assert found.largest_difference is None and found.relative_difference is None
    assert "92.8571 % of the pixels" in found.fault()
    assert found.fault(replace(NONE, agreement=0.9)) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_never_agrees(value):
    output = random_logits()
    output[0, 0, 0, 0] = value
    found = measure_agreement(random_logits(), output, "x")
    assert found.fault(Limits(0, np.inf, 1, "none")) == "the output holds NaN or infinity"
    with pytest.raises(InputError, match="Paddle's own output"):
        measure_agreement(output, random_logits(), "x")


@pytest.mark.parametrize(
    "other", [random_logits()[:, :4], random_logits().argmax(1)], ids=["other classes", "labels against logits"]
)
def test_outputs_of_different_form_are_refused(other):
    with pytest.raises(InputError, match="cannot be compared"):
        measure_agreement(random_logits(), other, "x")


def test_a_total_takes_the_largest_difference_and_all_pixels():
    reference = random_logits()
    parts = [measure_agreement(reference, reference + np.float32(shift), "x") for shift in (0.5, 0.25)]
    total = total_agreement(parts)
    assert total.largest_difference == parts[0].largest_difference == pytest.approx(0.5)
    assert total.pixels == 2 * parts[0].pixels


def test_label_maps_of_all_forms():
    logits = random_logits()
    labels = logits.argmax(1).astype("int32")
    for output in (logits, labels, labels[:, np.newaxis]):
        np.testing.assert_array_equal(label_map_of(output), labels)


def test_a_batch_repeats_the_image(tmp_path):
    path = save_scene(tmp_path / "scene.png", seed=4, height=64, width=64)
    batch = load_input(path, image_input([2, 3, 64, 64]))
    np.testing.assert_array_equal(batch[0], batch[1])


def test_folders_are_searched_for_images(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_images([tmp_path])] == ["a.jpg", "b.png"]


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated.jpg", "truncated.png", "text", "empty folder"])
def test_a_image_that_cannot_be_read_is_named(damage, tmp_path):
    path = tmp_path / (damage if damage.startswith("truncated") else "image.png")
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not an image")
    elif damage == "empty folder":
        path.mkdir()
    elif damage.startswith("truncated"):
        content = save_scene(path, 1, 128, 128).read_bytes()
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=str(path)):
        for source in input_sources([path], random=1, seed=0):
            load_input(source, image_input([1, 3, 64, 64]))


def test_images_need_a_known_normalisation(tmp_path):
    path = save_scene(tmp_path / "scene.png", seed=4, height=64, width=64)
    with pytest.raises(InputError, match="no deploy.yaml.*--random"):
        load_input(path, InputTensor("x", [1, 3, 64, 64], None))


def test_noise_follows_its_seed():
    tensor = image_input([1, 3, 8, 8])
    sources = input_sources(None, random=2, seed=7)
    assert [source_name(source) for source in sources] == ["noise, seed 7", "noise, seed 8"]
    first, second = (load_input(source, tensor) for source in sources)
    np.testing.assert_array_equal(first, noise([1, 3, 8, 8], 7))
    assert (first != second).any()
    with pytest.raises(InputError, match="--random"):
        input_sources(None, random=0, seed=7)


def test_images_go_through_both_engines(small, small_nb, tmp_path):
    for seed in (1, 2):
        save_scene(tmp_path / f"{seed}.png", seed, 64, 64)
    found = compare(small, small_nb, images=[tmp_path])
    assert [row.input for row in found.inputs] == [str(tmp_path / "1.png"), str(tmp_path / "2.png")]
    assert found.total.pixels == 2 * 32 * 32 and found.total.fault() is None
    assert found.total.classes_present > 1


def test_a_conversion_of_another_network_disagrees(small_nb, tmp_path):
    other = export_around(nn.Sigmoid(), tmp_path)
    assert "differ" in compare(other, small_nb).total.fault()


def test_a_conversion_with_other_outputs_is_refused(small_nb, tmp_path):
    other = export_around(nn.Conv2D(8, 3, 1), tmp_path)
    with pytest.raises(InputError, match="are they of the same network"):
        compare(other, small_nb)


def test_the_command_prints_a_table_and_succeeds(small, small_nb, capfd):
    assert main(["compare", str(small), "--nb", str(small_nb), "--random", "2"]) == 0
    lines = capfd.readouterr().out.strip().splitlines()
    assert len(lines) == 6 and lines[-2].startswith("| all |") and "100.0000 % of 2048" in lines[-2]
    assert lines[-1].startswith("within the limits of float32: 99.99 % of the pixels")


def test_the_command_prints_json(small, small_nb, capfd):
    assert main(["compare", str(small), "--nb", str(small_nb), "--json"]) == 0
    content = json.loads(capfd.readouterr().out)
    assert content["output_kind"] == "logits" and content["total"]["pixel_agreement"] == 1.0
    assert content["inputs"][0]["input"] == "noise, seed 0"


@pytest.mark.parametrize("weights", ["int16", "int8"])
def test_rounded_weights_are_held_to_limits_of_their_own(weights, small, capfd):
    """The comparison that `convert` recommends; as float32 it would be refused."""
    assert main(["compare", str(small), "--weights", weights, "--json"]) == 0
    content = json.loads(capfd.readouterr().out)
    limits, found = LIMITS[weights], content["total"]
    assert content["limits"] == asdict(limits)
    assert 0.1 * limits.difference > found["relative_difference"] > 1e-6
    if weights == "int8":
        assert found["relative_difference"] > LIMITS["float32"].difference
        assert main(["compare", str(small), "--weights", weights]) == 0
        last = capfd.readouterr().out.splitlines()[-1]
        assert last.startswith("within the limits of int8: 95 % of the pixels") and "rounded to 1/127" in last
        assert main(["compare", str(small), "--weights", weights, "--max-difference", "1e-4"]) == 1


def test_the_guide_shows_the_limits():
    guide = (Path(__file__).resolve().parents[2] / "deploy" / "README.md").read_text(encoding="utf-8")
    lines = [line for line in guide.splitlines() if line.endswith(" |")]
    rows = [line.split(" | ") for line in lines if "the same sums" in line or " is rounded to " in line]
    expected = [[f"{100 * each.agreement:g} %", f"{each.difference:.4f}".rstrip("0"), f"{each.score:g}"]
                for each in LIMITS.values()]  # fmt: skip
    assert [row[1:4] for row in rows] == expected


def test_what_is_broken_is_beyond_the_limits_of_every_format():
    reference, output = random_logits(), random_logits(seed=1)
    found = measure_agreement(reference, output, "x")
    assert all(found.fault(replace(limits, difference=np.inf)) for limits in LIMITS.values())


@pytest.mark.parametrize("flags", [["--max-difference", "-1"], ["--min-agreement", "1.1"]])
def test_the_command_fails_below_its_limits_and_still_prints(flags, small, small_nb, capfd):
    assert main(["compare", str(small), "--nb", str(small_nb), *flags]) == 1
    said = capfd.readouterr()
    assert "| noise, seed 0 |" in said.out
    assert said.err.splitlines()[-1].startswith("error: Paddle-Lite and Paddle disagree")


@pytest.mark.parametrize(
    "flags", [["--weights", "int8"], ["--labels", "argmax"], ["--input-shape", "1", "3", "9", "9"]]
)
def test_flags_of_conversion_need_a_conversion(flags, small, small_nb, capfd):
    assert main(["compare", str(small), "--nb", str(small_nb), *flags]) == 2
    assert "omit them" in capfd.readouterr().err


def test_a_model_for_phones_does_not_run_here(small, tmp_path):
    convert(small, tmp_path / "model.nb", "arm")
    with pytest.raises(InputError, match="is for arm .*--target x86"):
        compare(small, tmp_path / "model.nb")


def test_the_predictor_gives_labels_in_their_own_dtype(tmp_path):
    import paddle

    folder = export_around(lambda logits: paddle.argmax(logits, 1, dtype="int32"), tmp_path / "export")
    convert(folder, tmp_path / "model.nb", "x86", labels="argmax")
    with LitePredictor(tmp_path / "model.nb") as predictor:
        labels = predictor.run(noise([1, 3, 32, 32], seed=0))
    assert labels.dtype == np.int32 and labels.shape == (1, 32, 32) and set(np.unique(labels)) <= set(range(8))


@pytest.mark.parametrize("batch", [np.zeros([1, 3, 32, 16], "float32"), np.zeros([1, 3, 32, 32], "float64")])
def test_the_predictor_refuses_another_shape_or_dtype(batch, small_nb):
    with LitePredictor(small_nb) as predictor:
        with pytest.raises(InputError, match=r"takes float32 of shape \[1, 3, 32, 32\]"):
            predictor.run(batch)


def test_one_predictor_serves_many_inputs(small_nb):
    with LitePredictor(small_nb) as predictor:
        first, second = (predictor.run(noise([1, 3, 32, 32], seed)) for seed in (0, 1))
        np.testing.assert_array_equal(predictor.run(noise([1, 3, 32, 32], 0)), first)
    assert (first != second).any()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux' /proc to count threads")
def test_the_predictor_runs_on_one_thread(small_nb, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with LitePredictor(small_nb) as predictor:
        predictor.run(noise([1, 3, 32, 32], 0))
        children = {path.name for path in Path("/proc").glob("[0-9]*") if str(small_nb) in _command(path)}
        assert len(children) == 1
        assert len(list(Path("/proc", children.pop(), "task").iterdir())) == 1


def _command(process):
    try:
        return (process / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_model_is_refused_by_its_checksum(own_nb, share):
    content = own_nb.read_bytes()
    own_nb.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match="damaged or not the model"):
        LitePredictor(own_nb)


@pytest.mark.parametrize("size", [0, 1, 100, 2000])
def test_a_truncated_model_with_a_matching_checksum_is_not_loaded(own_nb, size):
    own_nb.write_bytes(own_nb.read_bytes()[:size])
    content = json.loads(metadata_path(own_nb).read_text())
    file = {"sha256": sha256_of(own_nb), "bytes": own_nb.stat().st_size}
    metadata_path(own_nb).write_text(json.dumps({**content, **file}))
    with pytest.raises(InputError, match="model.nb is damaged: its parts do not add up"):
        LitePredictor(own_nb)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 7}'])
def test_a_damaged_json_file_is_refused(own_nb, text):
    metadata_path(own_nb).write_text(text)
    with pytest.raises(InputError, match="model.nb.json is damaged"):
        LitePredictor(own_nb)


def test_a_json_file_of_another_schema_is_refused(own_nb):
    content = json.loads(metadata_path(own_nb).read_text())
    metadata_path(own_nb).write_text(json.dumps({key: value for key, value in content.items() if key != "schema"}))
    with pytest.raises(InputError, match="has no schema number, and this version reads schema 7"):
        LitePredictor(own_nb)
    metadata_path(own_nb).write_text(json.dumps({**content, "schema": 99}))
    with pytest.raises(InputError, match="of schema 99, and this version reads 7"):
        LitePredictor(own_nb)


def test_a_model_without_its_json_file_is_refused(own_nb):
    metadata_path(own_nb).unlink()
    with pytest.raises(InputError, match="keep the two together"):
        LitePredictor(own_nb)


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no model .*none.nb"):
        LitePredictor(tmp_path / "none.nb")


def test_scenes_have_several_colours():
    assert cv2.resize(scene(1, 128, 128), (4, 4)).std() > 20
