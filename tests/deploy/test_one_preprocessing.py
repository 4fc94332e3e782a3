"""One image in each resize mode through PaddleSeg's evaluation, `predict`, `compare` and the C++ program.

They must show the network the same numbers and give the same label map, at the image's own size.
"""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
import yaml
from paddleseg.core import infer
from paddleseg.cvlibs import manager
from paddleseg.transforms import Compose
from PIL import Image

from paddleseg_mobileseg import Segmenter, build_model
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.compare import PaddleReference
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import describe_input
from paddleseg_mobileseg.deploy.runtime.image_labels import image_labels
from paddleseg_mobileseg.deploy.runtime.inputs import load_input
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from support import bench_program
from support.bench_networks import pooled_network, record_of, written
from support.exports import MEAN, STD, exported_network, save_scene, settled_weights
from support.small_data import changed, config, write_config, write_data

HEIGHT, WIDTH = 128, 160
NORMALIZE = {"type": "Normalize", "mean": MEAN, "std": STD}
PADDING = {"type": "Padding", "target_size": [WIDTH, HEIGHT]}
MODES = {
    "stretch": ([{"type": "Resize", "target_size": [WIDTH, HEIGHT]}], (201, 333)),
    "keep_ratio": ([{"type": "Resize", "target_size": [WIDTH, HEIGHT], "keep_ratio": True}, PADDING], (347, 521)),
    "keep_ratio, long side, nearest": (
        [{"type": "Resize", "target_size": [128, 128], "keep_ratio": True, "interp": "NEAREST"}, PADDING], (224, 160)
    ),
    "keep_ratio, as ADE20K": (
        [{"type": "Resize", "target_size": [640, 128], "keep_ratio": True, "size_divisor": 32}], (224, 256)
    ),
    "short_side": ([{"type": "ResizeByShort", "short_size": 128}], (256, 320)),
    "limit_long": ([{"type": "LimitLong", "max_long": 120}, PADDING], (224, 192)),
    "none": ([PADDING], (96, 128)),
}  # fmt: skip


@pytest.fixture(scope="module")
def network():
    model = build_model("pp_mobileseg_tiny", 150)
    model.set_state_dict(settled_weights("pp_mobileseg_tiny"))
    model.eval()
    return model


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    nb = tmp_path_factory.mktemp("nb") / "model.nb"
    # Without rewrites: what all are held against is PaddleSeg's evaluation, roundings of large means included.
    convert(exported_network("pp_mobileseg_tiny", "logits", HEIGHT, WIDTH), nb, "x86", optimize=False)
    return nb


@pytest.fixture(scope="module")
def reference(converted):
    """Of every mode: an export's program does not change with its transforms."""
    return PaddleReference(exported_network("pp_mobileseg_tiny", "logits", HEIGHT, WIDTH), read_metadata(converted))


@pytest.fixture
def case(request, converted, tmp_path):
    """The transforms of a mode, an image, an export that lists them, and its conversion."""
    resizing, size = MODES[request.param]
    transforms = [*resizing, NORMALIZE]
    export = shutil.copytree(exported_network("pp_mobileseg_tiny", "logits", HEIGHT, WIDTH), tmp_path / "export")
    recipe = yaml.safe_load((export / "deploy.yaml").read_text())
    recipe["Deploy"]["transforms"] = transforms
    (export / "deploy.yaml").write_text(yaml.safe_dump(recipe))
    # The program is that of every mode, so that it is converted once.
    nb = shutil.copy(converted, tmp_path / "model.nb")
    content = json.loads(metadata_path(converted).read_text())
    tensor = describe_input(read_exported(export))
    content["input"]["preprocessing"] = vars(tensor.preprocessing)
    metadata_path(nb).write_text(json.dumps(content))
    assert read_metadata(nb).input == tensor
    return transforms, save_scene(tmp_path / "scene.png", 5, *size), Path(export), Path(nb)


def predicted(work, transforms, network, image):
    """The label map that `mobileseg predict` writes."""
    content = changed(config(write_data(work)), val_dataset__transforms=transforms, model__num_classes=150)
    for section in ("train_dataset", "val_dataset"):
        content[section]["num_classes"] = 150
    path = write_config(work / "config.yml", content)
    paddle.save(network.state_dict(), str(work / "model.pdparams"))
    command = ["predict", "--config", path, "--model_path", str(work / "model.pdparams"), "--device", "cpu"]
    assert main([*command, "--image_path", str(image), "--save_dir", str(work / "out")]) == 0
    return np.asarray(Image.open(work / "out" / "pseudo_color_prediction" / f"{image.stem}.png"))


@pytest.mark.parametrize("case", MODES, indirect=True)
def test_one_image_is_the_same_everywhere(case, network, reference, tmp_path, record_property):
    transforms, image, export, nb = case
    size = cv2.imread(str(image)).shape[:2]
    metadata = read_metadata(nb)

    # PaddleSeg's evaluation, with nothing of this project's.
    steps = [manager.TRANSFORMS[step["type"]](**{k: v for k, v in step.items() if k != "type"}) for step in transforms]
    sample = Compose(steps)({"img": str(image)})
    fed = sample["img"][np.newaxis]
    assert fed.shape == (1, 3, HEIGHT, WIDTH)
    with paddle.no_grad():
        labels, _ = infer.inference(network, paddle.to_tensor(fed), trans_info=sample["trans_info"])
    expected = labels.numpy()[0, 0]
    assert expected.shape == size and len(np.unique(expected)) > 5

    inputs = {"compare": load_input(image, metadata.input), "C++": prepared_by_the_program(metadata, image, tmp_path)}
    found = {"predict": predicted(tmp_path, transforms, network, image)}
    reference.transforms, reference.input = transforms, describe_input(read_exported(export))
    found["device predict --check"] = reference.image_labels(image)
    # An export is lowered anew for each, which takes a while.
    for path in (nb, export) if transforms[0] in (MODES["stretch"][0][0], MODES["keep_ratio"][0][0]) else (nb,):
        with Segmenter(path) as segmenter:
            found[f"Segmenter, {path.name}"] = segmenter(image).labels
    with LitePredictor(nb) as predictor:
        for name, batch in inputs.items():
            trans_info = metadata.input.preprocessing.trans_info(size)
            output = predictor.run(batch)
            found[name] = image_labels(metadata.output, output, trans_info, (HEIGHT, WIDTH))
            assert reference.agreement(batch, output, name).fault() is None
    differences = {name: float(np.abs(batch - fed).max()) for name, batch in inputs.items()}
    agreements = {name: float((labels == expected).mean()) for name, labels in found.items()}
    record_property("before and after the network", json.dumps([differences, agreements]))
    assert max(differences.values()) <= 1e-5, differences
    assert min(agreements.values()) >= 0.9999, agreements


def prepared_by_the_program(metadata, image, folder):
    """What `mobileseg_bench` feeds a network with, for the image's pixels and the flags that .nb.json stands for."""
    pixels = cv2.imread(str(image))[..., ::-1]
    raw = bench_program.save_image(folder / "image.rgb", pixels)
    (folder / "any").mkdir()
    any_network = pooled_network(folder / "any", count=1).nb
    flags = ["--model", any_network, "--input-shape", ",".join(map(str, metadata.input.shape)), "--image", raw]
    flags += ["--image-size", "{},{}".format(*pixels.shape[:2])]
    flags += bench_program.preprocessing_flags(metadata.input.preprocessing)
    (file,), once = written(flags, folder, 1)
    record_of("host", *once, "--write", "input")
    return np.fromfile(file, "<f4").reshape(metadata.input.shape)
