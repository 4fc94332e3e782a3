"""Small data sets in the layouts that `mobileseg init` knows, and what it makes of them."""

import numpy as np
from PIL import Image

from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.projects.project import Request, make_project

HEIGHT, WIDTH = 30, 40


def label(rng, values):
    """A label of blocks of the values, uint8 [HEIGHT, WIDTH]; each value is in it."""
    blocks = rng.permutation(np.resize(values, 12)).reshape(3, 4)
    return np.kron(blocks, np.ones((10, 10), int))


def write_picture(path, rng, size=(HEIGHT, WIDTH)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)


def write_label(path, values, mode="L", palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "RGB":
        image = Image.fromarray(np.asarray(values, np.uint8))
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(values, np.uint16))
    else:
        image = Image.fromarray(np.asarray(values, np.uint8))
        if palette is not None:
            image.putpalette(palette)
    image.save(path)


def init(folder, data, **wishes):
    """The project of `data`, without downloads in its config."""
    return make_project(Request(folder, data=data, **{"model": "pp_mobileseg_tiny", "pretrained": "none", **wishes}))


def written(project):
    """The labels that a project trains and validates on, by the picture's stem, as PaddleSeg reads them."""
    config = load_config(str(project.config)).dic
    found = {}
    for section, part in (("train_dataset", "train"), ("val_dataset", "val")):
        given = config[section]
        with open(given[f"{part}_path"]) as lines:
            rows = [line.rstrip("\n").split(given.get("separator", " ")) for line in lines]
        for image, name in rows:
            stem = f"{part}/{image.rsplit('/', 1)[-1].rsplit('.', 1)[0]}"
            stored = Image.open(f"{given['dataset_root']}/{name}" if not name.startswith("/") else name)
            found[stem] = np.asarray(stored)
            assert stored.mode in ("L", "P") and found[stem].dtype == np.uint8
            inside = found[stem][found[stem] != 255]
            assert inside.size == 0 or inside.max() < given["num_classes"] == len(project.classes)
    return found
