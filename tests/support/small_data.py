"""A data set of a few small images on disk, and a config that trains PP-MobileSeg-Tiny on it."""

import copy

import numpy as np
import yaml
from PIL import Image

HEIGHT, WIDTH, NUM_CLASSES = 64, 96, 4


def write_data(folder, train=4, val=2):
    """JPEG images with squares of three colours, PNG labels, and the two lists that PaddleSeg reads."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        rows = []
        for index in range(count):
            image = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            label = np.zeros((HEIGHT, WIDTH), np.uint8)
            for kind in range(1, NUM_CLASSES):
                top, left = rng.integers(0, HEIGHT - 20), rng.integers(0, WIDTH - 20)
                label[top:top + 20, left:left + 20] = kind
                image[top:top + 20, left:left + 20, kind - 1] += 150
            Image.fromarray(image).save(folder / f"{split}{index}.jpg")
            Image.fromarray(label).save(folder / f"{split}{index}.png")
            rows.append(f"{split}{index}.jpg {split}{index}.png\n")
        (folder / f"{split}.txt").write_text("".join(rows))
    return folder


def config(folder):
    """The content of a config for the data in `folder`."""
    shared = {"type": "Dataset", "dataset_root": str(folder), "num_classes": NUM_CLASSES}
    return {
        "batch_size": 2,
        "iters": 2,
        "train_dataset": {
            **shared,
            "train_path": str(folder / "train.txt"),
            "mode": "train",
            "transforms": [{"type": "RandomHorizontalFlip"}, {"type": "Normalize"}],
        },
        "val_dataset": {
            **shared,
            "val_path": str(folder / "val.txt"),
            "mode": "val",
            "transforms": [{"type": "Normalize"}],
        },
        "optimizer": {"type": "AdamW", "weight_decay": 0.01, "custom_cfg": [{"name": "head", "lr_mult": 10.0}]},
        "lr_scheduler": {"type": "PolynomialDecay", "learning_rate": 0.001, "end_lr": 0.0, "power": 1.0},
        "loss": {"types": [{"type": "CrossEntropyLoss"}], "coef": [1]},
        "model": {
            "type": "MobileSegmentor",
            "num_classes": NUM_CLASSES,
            "backbone": {"type": "StrideFormer_Tiny"},
            "neck": {"type": "AAM", "output_stride": 16},
            "head": {"type": "SegHead"},
            "upsample": {"type": "Bilinear"},
        },
    }


def changed(content, **changes):
    """A copy of a config with values replaced; a key such as model__upsample__type names the way to the value."""
    content = copy.deepcopy(content)
    for way, value in changes.items():
        *above, last = way.split("__")
        section = content
        for key in above:
            section = section[key]
        section[last] = value
    return content


def write_config(path, content):
    path.write_text(yaml.safe_dump(content))
    return str(path)
