"""`Segmenter`: pictures in any form, from any kind of network, to label maps, scores and overlays."""

import re

import cv2
import numpy as np
import paddle
import pytest
from paddleseg.core import predict
from paddleseg.transforms import Compose, Normalize
from PIL import Image

from paddleseg_mobileseg import InputError, Segmenter, build_model
from paddleseg_mobileseg.classes import Classes, classes_text
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy import ENGINES
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.report.legend import with_legend
from paddleseg_mobileseg.report.overlays import overlay
from paddleseg_mobileseg.segmenter import Segmentation, kind_of, open_network
from support.engines import require_engine
from support.exports import describe, export_around, scene
from support.small_data import NUM_CLASSES, config, write_config, write_data

HEIGHT, WIDTH = 40, 64
TRANSFORMS = [
    {"type": "Resize", "target_size": [32, 32], "keep_ratio": True},
    {"type": "Padding", "target_size": [32, 32]},
    {"type": "Normalize"},
]
NAMES = ("road", "sky", "tree", "person")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small network of 8 classes, whose classifier is all it has."""
    folder = tmp_path_factory.mktemp("exported")
    export_around(lambda logits: logits, folder)
    describe(folder, TRANSFORMS)
    return folder


@pytest.fixture(scope="module")
def segmenter(exported):
    with Segmenter(exported) as opened:
        yield opened


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a training run: config, names of the classes, best checkpoint."""
    folder = tmp_path_factory.mktemp("run")
    write_config(folder / "config.yml", config(write_data(folder)))
    (folder / "best_model").mkdir()
    paddle.seed(3)
    paddle.save(build_model("pp_mobileseg_tiny", NUM_CLASSES).state_dict(), str(folder / "best_model/model.pdparams"))
    classes = Classes(NAMES, ((128, 64, 128), (70, 130, 180), (0, 128, 0), (220, 20, 60)))
    (folder / "classes.txt").write_text(classes_text(classes))
    return folder


@pytest.fixture
def picture():
    return np.ascontiguousarray(scene(5, 4 * HEIGHT, 4 * WIDTH)[::4, ::4])


def test_a_picture_in_any_form_gets_the_same_labels(segmenter, picture, tmp_path):
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.rot90(picture)).save(turned, quality=100, subsampling=0, exif=exif)
    upright = cv2.imread(str(turned))[..., ::-1]
    assert upright.shape == picture.shape
    forms = {
        "path": str(turned), "array": upright, "with transparency": np.dstack([upright, upright[..., :1]]),
        "Pillow's": Image.open(turned), "a view": np.asfortranarray(upright),
    }  # fmt: skip
    found = {name: segmenter(form) for name, form in forms.items()}
    expected = found["path"].labels
    assert expected.shape == (HEIGHT, WIDTH) and expected.dtype == np.int32 and len(np.unique(expected)) > 2
    assert {name: (each.labels == expected).all() for name, each in found.items()} == dict.fromkeys(forms, True)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    deep = Image.fromarray((grey.astype(np.uint16) << 8) + 77)
    alike = [segmenter(each).labels for each in (grey, grey[..., np.newaxis], Image.fromarray(grey), deep)]
    assert all((labels == segmenter(np.dstack([grey] * 3)).labels).all() for labels in alike)


@pytest.mark.parametrize(
    "picture, message",
    [
        (np.zeros((8, 8, 3), np.float32), "an array is uint8, 0 to 255, not float32"),
        (np.zeros((3, 8, 8), np.uint8), r"of shape \[H, W, 3\], RGB, not \[3, 8, 8\]"),
        (np.zeros((0, 8, 3), np.uint8), "RGB, not"),
        (3, "not a int"),
        ([b"bytes"], "not a bytes"),
        ("no/such.png", "no/such.png"),
        (Image.new("F", (8, 8)), "mode F has no range"),
    ],
)
def test_what_is_no_picture_is_one_line(segmenter, picture, message):
    with pytest.raises(InputError, match=message) as caught:
        segmenter(picture)
    assert "\n" not in str(caught.value)


def test_lists_folders_and_iterators_keep_their_order(segmenter, tmp_path):
    pictures = [scene(seed, 32 + seed, 96) for seed in range(7)]
    single = [segmenter(picture).labels for picture in pictures]
    for seed, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{seed}.png")
    for several in (segmenter(pictures), segmenter(tmp_path), segmenter(iter(pictures))):
        several = list(several)
        assert [found.labels.shape for found in several] == [labels.shape for labels in single]
        assert all((found.labels == labels).all() for found, labels in zip(several, single))
    assert segmenter.throughput > 0
    assert [found.path.name for found in segmenter(tmp_path)] == [f"{seed}.png" for seed in range(7)]


def test_iterators_read_no_further_than_they_must(segmenter, picture):
    read = []
    found = segmenter(read.append(index) or picture for index in range(50))
    assert not read
    next(found)
    assert len(read) <= 4
    found.close()
    with pytest.raises(InputError, match="not a NoneType"):
        list(segmenter(iter([picture, None])))


def test_scores_are_of_the_pictures_size_and_say_what_the_labels_say(segmenter, exported, picture):
    plain = segmenter(picture)
    assert plain.logits is None and plain.probabilities is None
    found = segmenter(picture, logits=True, probabilities=True)
    assert found.logits.shape == found.probabilities.shape == (8, HEIGHT, WIDTH)
    assert found.logits.dtype == found.probabilities.dtype == np.float32
    best = np.take_along_axis(found.logits, found.labels[np.newaxis], 0)[0]
    assert (found.logits.max(0) - best).max() <= 2**-20 * np.abs(found.logits).max()
    np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-5)
    shares = np.exp(found.logits[2] - found.logits[5])
    np.testing.assert_allclose(found.probabilities[2], shares * found.probabilities[5], rtol=1e-3)


def test_labels_have_no_scores(tmp_path, picture):
    export_around(lambda logits: logits.argmax(1, dtype="int32") + 0 * logits.argmin(1, dtype="int32"), tmp_path)
    describe(tmp_path, TRANSFORMS)
    with Segmenter(tmp_path) as opened:
        assert opened(picture).labels.shape == (HEIGHT, WIDTH)
        with pytest.raises(InputError, match="gives labels and neither logits nor probabilities"):
            opened(picture, probabilities=True)


def test_a_run_is_opened_with_its_config_and_its_classes(run, picture):
    with Segmenter(run) as opened:
        assert opened.network.kind == "checkpoint" and opened.classes.names == NAMES
        found = opened(scene(1, 96, 128))
        assert opened.network.run(opened.network.prepare(scene(1, 96, 128))[0]).values.shape == (1, NUM_CLASSES, 6, 8)
    shares = found.shares()
    assert sum(each.share for each in shares) == pytest.approx(1)
    assert [each.share for each in shares] == sorted((each.share for each in shares), reverse=True)
    assert all(NAMES[each.index] == each.name for each in shares)


def test_pictures_of_one_size_go_through_a_checkpoint_together(run):
    pictures = [scene(seed, 64, 96 if seed < 3 else 64) for seed in range(5)]
    with Segmenter(run) as one, Segmenter(run, batch_size=4) as four:
        sizes = []
        stock = four.network.run
        four.network.run = lambda batch: sizes.append(len(batch)) or stock(batch)
        expected, found = one(pictures), four(pictures)
    assert sorted(sizes) == [1, 1, 3]
    for each, other in zip(found, expected):
        assert (each.labels == other.labels).mean() >= 0.9999


def test_drawing_hides_nothing_of_the_picture(picture):
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[:, WIDTH // 2:] = 1
    labels[:10, :10] = 3
    classes = Classes(NAMES, ((200, 0, 0), (0, 0, 200), (0, 99, 0), (1, 2, 3)))
    found = Segmentation(labels, classes, picture)
    drawn, plain = found.draw(), found.draw(legend=False)
    assert plain.shape == picture.shape and drawn.shape[0] > HEIGHT and drawn.dtype == np.uint8
    assert (drawn[:HEIGHT, :WIDTH] == plain).all()
    below = drawn[HEIGHT:].reshape(-1, 3).tolist()
    shown = [colour in below for colour in ([200, 0, 0], [0, 0, 200], [0, 99, 0], [1, 2, 3])]
    assert shown == [True, True, False, True]
    other = np.full_like(picture, 100)
    assert found.draw(other, legend=False, strength=0.25)[30, 5].tolist() == [125, 75, 75]
    with pytest.raises(InputError, match="labels are of 40x64 pixels .* and the image is of 64x40"):
        found.draw(np.swapaxes(picture, 0, 1))
    image = found.label_image()
    assert (np.asarray(image) == labels).all() and image.getpalette()[:6] == [200, 0, 0, 0, 0, 200]


def test_contours_are_seen_on_any_colours():
    labels = np.zeros((30, 30), np.uint8)
    labels[:, 15:] = 1
    for grey in (0, 255):
        image = np.full((30, 30, 3), grey, np.uint8)
        row = overlay(image, labels, [(grey,) * 3] * 2)[10, :, 0].astype(int)
        assert np.ptp(row[11:19]) >= 96 and (row[:11] == grey).all() and (row[19:] == grey).all()


def test_a_legend_grows_with_the_image_and_takes_any_name():
    entries = [("a class of a very long name, in Straße and 道路", (1, 2, 3)), ("b", (4, 5, 6))]
    heights = {width: with_legend(np.zeros((10, width, 3), np.uint8), entries).shape for width in (8, 640, 2560)}
    assert heights[8][1] > 8 and heights[640][1] == 640
    assert heights[2560][0] - 10 > 2 * (heights[640][0] - 10) > 40
    assert with_legend(np.zeros((10, 8, 3), np.uint8), []).shape == (10, 8, 3)


def test_what_a_path_is(run, exported, tmp_path):
    (tmp_path / "x.nb").touch()
    paths = [run, run / "best_model", run / "best_model/model.pdparams", exported, exported / "deploy.yaml"]
    assert [kind_of(path) for path in paths] == ["checkpoint"] * 3 + ["export"] * 2
    assert kind_of(tmp_path / "x.nb") == "nb"


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("none", {}, "there is no checkpoint, exported folder or converted model .*none"),
        ("empty", {}, "holds neither deploy.yaml nor model.pdparams"),
        ("alone/model.pdparams", {}, r"there is no config.yml beside .* give the config .*--config"),
        ("run", {"engine": "lite"}, "runs in engine paddle alone; for lite export it"),
        ("exported", {"engine": "onx"}, r"no engine 'onx' \(did you mean onnx"),
        ("arm.nb", {}, "is for arm and cannot run on this host: convert with --target x86, or run it on a phone"),
        ("arm.nb", {"engine": "paddle"}, "runs in engine lite alone"),
        ("exported", {"batch_size": 0}, "batch_size must be a whole number of 1 or more, not 0"),
    ],
)
def test_what_cannot_be_opened_is_one_line(run, exported, arm, tmp_path, name, options, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/model.pdparams").touch()
    path = {"run": run, "exported": exported, "arm.nb": arm}.get(name, tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        Segmenter(path, **options)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def arm(exported, tmp_path_factory):
    return convert(exported, tmp_path_factory.mktemp("arm") / "arm.nb", "arm").path


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree(exported, picture, engine):
    require_engine(engine)
    with open_network(exported, engine="paddle") as network:
        batch, trans_info = network.prepare(picture)
        expected = network.labels(network.run(batch), trans_info)
    with open_network(exported, engine=engine) as network:
        assert (network.kind, network.engine) == ("export", engine)
        assert (network.labels(network.run(batch), trans_info) == expected).mean() >= 0.9999


def test_an_engine_says_what_is_missing(exported, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match='onnxruntime is not installed, and engine onnx needs: .* "onnxruntime>='):
        open_network(exported, engine="onnx")


def test_predict_takes_an_export_and_says_what_it_saw(exported, tmp_path, capsys):
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("b.png", "deep/a.jpg"):
        Image.fromarray(scene(1, 64, 96)).save(tmp_path / "in" / name)
    command = ["predict", "--model_path", str(exported), "--save_dir", str(tmp_path / "out")]
    assert main([*command, "--image_path", str(tmp_path / "in"), "--legend"]) == 0
    captured = capsys.readouterr()
    names = "added_prediction/b.png", "pseudo_color_prediction/b.png", "added_prediction/deep/a.jpg"
    written = [str(tmp_path / "out" / name) for name in (*names, "pseudo_color_prediction/deep/a.png")]
    assert captured.out.splitlines() == written
    assert re.fullmatch(r"2 images, [\d.e+]+ a second \(export, engine paddle\)", captured.err.splitlines()[-1])
    added, labels = (Image.open(path) for path in written[:2])
    assert labels.size == (96, 64) and labels.mode == "P" and added.size[1] > 64
    assert main([*command, "--image_path", str(tmp_path / "in/b.png"), "--labels_only", "--json"]) == 0
    assert f'"written": [\n      "{written[1]}"\n    ]' in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--aug_pred"], "--aug_pred is for checkpoints, .* is an exported program: omit it"),
        (["--image_path", "in/a.jpg", "in/a.png"], "would be written to the same files"),
        (["--custom_color", "1", "2"], "three numbers a class, it got 2"),
    ],
)
def test_predict_refuses(exported, tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "a.png"):
        Image.fromarray(scene(1, 64, 96)).save(tmp_path / "in" / name)
    assert main(["predict", "--model_path", str(exported), "--image_path", "in/a.jpg", *flags]) == 2
    assert re.search(message, capsys.readouterr().err.splitlines()[-1])
    assert not list(tmp_path.glob("output/result/*/*"))


@pytest.mark.parametrize(
    "flags, options",
    [
        (["--is_slide", "--crop_size", "64", "48", "--stride", "32", "24"],
         {"is_slide": True, "crop_size": [64, 48], "stride": [32, 24]}),
        (["--aug_pred", "--scales", "0.75", "1.25", "--flip_horizontal"],
         {"aug_pred": True, "scales": [0.75, 1.25], "flip_horizontal": True}),
    ],
    ids=["windows", "scales and flips"],
)  # fmt: skip
def test_windows_scales_and_flips_are_paddlesegs(run, tmp_path, flags, options):
    Image.fromarray(scene(2, 96, 128)).save(tmp_path / "a.png")
    command = ["predict", "--model_path", str(run), "--image_path", str(tmp_path / "a.png"), "--device", "cpu"]
    assert main([*command, "--save_dir", str(tmp_path / "ours"), *flags]) == 0
    network = build_model("pp_mobileseg_tiny", NUM_CLASSES, pretrained=run / "best_model")
    predict(
        network, str(run / "best_model/model.pdparams"), Compose([Normalize()]), [str(tmp_path / "a.png")],
        save_dir=str(tmp_path / "stock"), **options,
    )  # fmt: skip
    maps = (Image.open(tmp_path / who / "pseudo_color_prediction/a.png") for who in ("ours", "stock"))
    ours, stock = map(np.asarray, maps)
    assert len(np.unique(stock)) > 1 and (ours == stock).mean() >= 0.9999
