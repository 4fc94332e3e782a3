"""PaddleDetection on this plugin's backbones: a small RetinaNet learns boxes, and its export finds the same ones.

Wants the extra `detection`, which pins numpy below 1.24 and is therefore not part of `test`.
"""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

if importlib.util.find_spec("ppdet") is None:
    pytest.skip("PaddleDetection is missing: pip install 'paddleseg_mobileseg[detection]'", allow_module_level=True)

import paddle
from ppdet.core.workspace import create

from paddleseg_mobileseg import InputError, SeaFormer_Tiny, StrideFormer_Tiny
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.detection import SeaFormerBackbone, StrideFormerBackbone
from paddleseg_mobileseg.detection.config import load_config
from paddleseg_mobileseg.paths import CONFIGS
from support import mobileseg_command

CONFIG = CONFIGS / "detection" / "retinanet_seaformer_base_coco_1x.yml"
SIDE, COUNT = 128, 8
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220)}


def write_boxes(folder):
    """Grey images with a red box at the left and a blue one at the right, and their COCO JSON."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    images, annotations = [], []
    for index in range(COUNT):
        pixels = rng.integers(90, 130, (SIDE, SIDE, 3), dtype=np.uint8)
        for kind, colour in enumerate(COLOURS.values()):
            width, height = (int(side) for side in rng.integers(28, 56, 2))
            left = kind * SIDE // 2 + int(rng.integers(0, SIDE // 2 - width + 1))
            top = int(rng.integers(0, SIDE - height))
            pixels[top:top + height, left:left + width] = colour
            annotations.append({"id": len(annotations) + 1, "image_id": index + 1, "category_id": kind + 1,
                                "bbox": [left, top, width, height], "area": width * height, "iscrowd": 0})  # fmt: skip
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        images.append({"id": index + 1, "file_name": f"{index}.png", "width": SIDE, "height": SIDE})
    categories = [{"id": kind + 1, "name": name} for kind, name in enumerate(COLOURS)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(content))


def small_config(folder):
    """A config on that of the project: SeaFormer-Tiny, 32 channels in the pyramid, the images above."""
    data = {"dataset_dir": str(folder), "image_dir": "images", "anno_path": "boxes.json"}
    transforms = [
        {"Decode": {}},
        {"Resize": {"target_size": [SIDE, SIDE], "keep_ratio": True, "interp": 1}},
        {"NormalizeImage": {"is_scale": True, "mean": list(MEAN), "std": list(STD)}},
        {"Permute": {}},
    ]
    content = {
        "_BASE_": [str(CONFIG)],
        "num_classes": len(COLOURS),
        "epoch": 40,
        "snapshot_epoch": 40,
        "log_iter": 1,
        "worker_num": 0,
        "save_dir": str(folder / "output"),
        "weights": str(folder / "output" / "small" / "model_final"),
        "SeaFormerBackbone": {"variant": "tiny", "pretrained": None, "drop_path_rate": 0.0},
        "FPN": {"out_channel": 32},
        "RetinaHead": {"conv_feat": {"feat_in": 32, "feat_out": 32, "num_convs": 1}},
        "TrainDataset": data,
        "EvalDataset": data,
        "TestDataset": {"dataset_dir": str(folder), "anno_path": "boxes.json"},
        "LearningRate": {
            "base_lr": 0.001,
            "schedulers": [
                {"name": "PiecewiseDecay", "gamma": 0.1, "milestones": [32]},
                {"name": "LinearWarmup", "start_factor": 0.1, "steps": 5},
            ],
        },
        "TrainReader": {"batch_size": 4, "sample_transforms": transforms},
        "EvalReader": {"batch_size": 1, "sample_transforms": transforms},
        "TestReader": {"sample_transforms": transforms},
    }
    path = folder / "small.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The config of a trained detector, and what its training printed."""
    folder = tmp_path_factory.mktemp("boxes")
    write_boxes(folder)
    path = small_config(folder)
    done = mobileseg_command.run("detection", "train", "--config", path, "--do_eval", timeout=900)
    assert done.returncode == 0, done.stderr
    assert (folder / "output" / "bbox.json").exists() and not Path("bbox.json").exists()
    return path, done.stdout


def test_training_lowers_the_loss_and_finds_the_boxes(trained):
    losses = [float(value) for value in re.findall(r" loss: ([\d.]+)", trained[1])]
    assert len(losses) == 80 and np.mean(losses[-8:]) < 0.25 * np.mean(losses[:8])
    (precision,) = re.findall(r"\(AP\) @\[ IoU=0\.50 +\|.*= ([\d.]+)", trained[1])
    assert float(precision) > 0.8


def test_export_finds_the_boxes_that_the_network_finds(trained, tmp_path):
    path, _ = trained
    assert main(["detection", "export", "--config", str(path), "--save_dir", str(tmp_path)]) == 0
    network = create(load_config(path, pretrained=False)["architecture"])
    network.set_state_dict(paddle.load(str(path.parent / "output" / "small" / "model_final.pdparams")))
    network.eval()
    predictor_config = paddle.inference.Config(
        str(tmp_path / "small" / "model.pdmodel"), str(tmp_path / "small" / "model.pdiparams")
    )
    predictor_config.disable_glog_info()
    predictor = paddle.inference.create_predictor(predictor_config)
    for index in range(3):
        pixels = np.asarray(Image.open(path.parent / "images" / f"{index}.png")) / 255
        image = ((pixels - MEAN) / STD).transpose(2, 0, 1)[np.newaxis].astype("float32")
        ones = np.ones((1, 2), "float32")
        feed = {"image": image, "im_shape": SIDE * ones, "scale_factor": ones}
        with paddle.no_grad():
            expected = network({name: paddle.to_tensor(value) for name, value in feed.items()})["bbox"].numpy()
        for name in predictor.get_input_names():
            predictor.get_input_handle(name).copy_from_cpu(feed[name])
        predictor.run()
        found, count = (predictor.get_output_handle(name).copy_to_cpu() for name in predictor.get_output_names())
        # A box a row: class, score, and its corners in pixels.
        assert count.tolist() == [len(expected)] and len(expected) >= 2
        assert (found[:, 0] == expected[:, 0]).all() and np.abs(found[:, 1] - expected[:, 1]).max() < 1e-5
        assert np.abs(found[:, 2:] - expected[:, 2:]).max() < 1e-2


def test_predict_draws_and_lists_the_boxes(trained, tmp_path):
    path, _ = trained
    image = path.parent / "images" / "0.png"
    arguments = ["--config", str(path), "--image_path", str(image), "--save_dir", str(tmp_path)]
    assert main(["detection", "predict", *arguments]) == 0
    drawn, plain = (np.asarray(Image.open(each).convert("RGB")).astype(int) for each in (tmp_path / "0.png", image))
    assert drawn.shape == plain.shape and (np.abs(drawn - plain).max(axis=2) > 60).sum() > 100
    truth = json.loads((path.parent / "boxes.json").read_text())["annotations"][:2]
    found = json.loads((tmp_path / "bbox.json").read_text())
    for box in truth:
        same = [each for each in found if each["category_id"] == box["category_id"]]
        best = max(same, key=lambda each: each["score"])
        assert best["score"] > 0.5 and np.abs(np.subtract(best["bbox"], box["bbox"])).max() < 6


@pytest.mark.parametrize("variant, widths", [("tiny", [32, 64, 128, 160]), ("base", [64, 128, 192, 256])])
def test_seaformer_gives_the_features_of_its_stages(variant, widths):
    backbone = SeaFormerBackbone(variant)
    assert [(shape.channels, shape.stride) for shape in backbone.out_shape] == list(zip(widths, (8, 16, 32, 64)))
    with paddle.no_grad():
        features = backbone({"image": paddle.zeros([1, 3, 128, 192])})
    assert [each.shape for each in features] == [
        [1, width, 128 // stride, 192 // stride] for width, stride in zip(widths, (8, 16, 32, 64))
    ]


def test_backbones_take_the_weights_of_this_plugins_and_the_strides_that_are_asked_for(tmp_path):
    image = paddle.to_tensor(np.random.default_rng(0).standard_normal((1, 3, 64, 64)).astype("float32"))
    kinds = ((SeaFormer_Tiny(), SeaFormerBackbone, [0, 1]), (StrideFormer_Tiny(), StrideFormerBackbone, [0, 2]))
    for own, kind, positions in kinds:
        paddle.save(own.state_dict(), str(tmp_path / "own.pdparams"))
        backbone = kind("tiny", strides=[8, 32], pretrained=str(tmp_path / "own.pdparams"))
        own.eval(), backbone.eval()
        with paddle.no_grad():
            expected, found = own(image), backbone({"image": image})
        assert [shape.stride for shape in backbone.out_shape] == [8, 32]
        assert all(bool((expected[at] == each).all()) for at, each in zip(positions, found))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"variant": "bas"}, "variant must be of tiny, base, not bas.*did you mean base"),
        ({"strides": [8, 64]}, "strides must be of 8, 16, 32, not 64"),
    ],
)
def test_unknown_variant_and_stride_are_refused(arguments, message):
    with pytest.raises(InputError, match=f"StrideFormerBackbone: {message}"):
        StrideFormerBackbone(**arguments)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: !!python/object/apply:os.system ['touch TOUCHED']", "holds .*python.*which would run code"),
        ("_BASE_: c", "_BASE_ must be a list of files"),
        ("<<: {_BASE_: [hidden]}", "could not determine a constructor"),
        ("_BASE_: [none.yml]", "there is no config .*none.yml"),
        ("_BASE_: [config.yml]", "its own _BASE_"),
        ("a: [", "cannot read config"),
        ("- a", "must hold keys and values"),
    ],
)
def test_config_is_looked_through_before_paddledetection_reads_it(tmp_path, text, message):
    path = tmp_path / "config.yml"
    path.write_text(text.replace("TOUCHED", str(tmp_path / "touched")))
    for name in ("c", "hidden"):
        (tmp_path / name).write_text(f"a: !!python/object/apply:os.system ['touch {tmp_path / 'touched'}']")
    with pytest.raises(InputError, match=message):
        load_config(path)
    assert not (tmp_path / "touched").exists()


def test_config_of_the_project_is_retinanet_on_all_of_seaformer():
    config = load_config(CONFIG, ["TrainReader.batch_size=3"], pretrained=False)
    assert (config["architecture"], config["num_classes"], config["epoch"]) == ("RetinaNet", 80, 12)
    assert config["TrainReader"]["batch_size"] == 3
    network = create(config["architecture"])
    assert [shape.stride for shape in network.backbone.out_shape] == [8, 16, 32, 64]
    assert [shape.stride for shape in network.neck.out_shape] == [8, 16, 32, 64, 128]
    with pytest.raises(InputError, match="no section 'Reader'"):
        load_config(CONFIG, ["Reader.batch_size=3"])


def test_absent_data_is_said_instead_of_downloaded(tmp_path, capsys):
    opts = [f"TrainDataset.dataset_dir={tmp_path / 'coco'}"]
    assert main(["detection", "train", "--config", str(CONFIG), "--opts", *opts]) == 2
    assert f"there is no folder {tmp_path / 'coco'}" in capsys.readouterr().err
