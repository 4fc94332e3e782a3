"""Writes the honest files that the campaign damages, with the plugin's own writers wherever it has one."""

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Dict

import numpy as np
import paddle
import yaml
from paddle import nn
from PIL import Image

from paddleseg_mobileseg import convert
from paddleseg_mobileseg.checkpoints.reader import write_checkpoint
from paddleseg_mobileseg.deploy.ir.deploy_yaml import deploy_yaml
from paddleseg_mobileseg.files import scratch_folder

from .case import HONEST
from .kinds.checkpoints import small_network

ROOT = HONEST.parents[1]
SIDE = 16


def make_honest() -> None:
    """Write every file of `HONEST` anew."""
    HONEST.mkdir(exist_ok=True)
    paddle.seed(0)
    _checkpoints()
    with scratch_folder() as scratch:
        _export(scratch)
        convert(scratch, HONEST / "small.nb", target="x86", labels="none")
        for name in ("model.pdmodel", "model.pdiparams", "deploy.yaml"):
            shutil.copyfile(scratch / name, HONEST / name)
    _pictures()
    _configs()
    line = (ROOT / "benchmarks/results/training.jsonl").read_text(encoding="utf-8").splitlines()[0]
    row = json.loads(line)
    row["samples"] = {name: [turn[:3] for turn in turns] for name, turns in row["samples"].items()}
    (HONEST / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def _checkpoints() -> None:
    network = small_network()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    for suffix in ("pdparams", "safetensors"):
        write_checkpoint(HONEST / f"small.{suffix}", state)
    optimizer = paddle.optimizer.AdamW(paddle.optimizer.lr.PolynomialDecay(0.1, 10), parameters=network.parameters())
    network(paddle.ones([1, 3, 4, 4])).sum().backward()
    optimizer.step()
    paddle.save(optimizer.state_dict(), str(HONEST / "small.pdopt"))
    sys.path.insert(0, str(ROOT / "tests"))
    from support import torch_files

    tables: Dict[str, object] = {"meta": {"epoch": 3}, "state_dict": state}
    torch_files.write_zip(HONEST / "small.pth", tables)
    _forget_dates(HONEST / "small.pth")
    torch_files.write_legacy(HONEST / "small_legacy.pth", tables)


def _forget_dates(path: Path) -> None:
    """The same archive with one date for all, so that it is the same bytes whenever it is made."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


class _Small(nn.Layer):
    def __init__(self):
        super().__init__()
        self.classifier = nn.Conv2D(3, 4, 3, padding=1, stride=2)

    def forward(self, image):
        logits = nn.functional.relu(self.classifier(image))
        shape = paddle.shape(image)
        return nn.functional.interpolate(logits, shape[2:], mode="bilinear")


def _export(folder: Path) -> None:
    """What `mobileseg export` writes, of a network of one layer."""
    network = _Small()
    network.eval()
    static = paddle.jit.to_static(network, input_spec=[paddle.static.InputSpec([1, 3, SIDE, SIDE], "float32")])
    paddle.jit.save(static, str(folder / "model"))
    transforms = [
        {"type": "Resize", "target_size": [SIDE, SIDE]},
        {"type": "Normalize", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
    ]
    recipe = {
        "model": "model.pdmodel",
        "params": "model.pdiparams",
        "transforms": transforms,
        "input_shape": [1, 3, SIDE, SIDE],
        "output_op": "none",
        "output_dtype": "float32",
        "classes": ["road", {"name": "car", "colour": "#1080ff"}, {"name": "sky", "colour": [1, 2, 3]}, "tree"],
    }
    (folder / "deploy.yaml").write_text(deploy_yaml(recipe), encoding="utf-8")
    # As PaddleSeg's own export writes it, without a checksum.
    (HONEST / "stock_deploy.yaml").write_text(yaml.dump({"Deploy": recipe}), encoding="utf-8")


def _pictures() -> None:
    random = np.random.RandomState(0)
    image = Image.fromarray(random.randint(0, 256, (12, 16, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    image.save(HONEST / "picture.jpg", quality=80, exif=exif)
    image.save(HONEST / "progressive.jpg", quality=80, progressive=True)
    for suffix in ("png", "bmp", "webp"):
        image.save(HONEST / f"picture.{suffix}")
    Image.fromarray(random.randint(0, 4, (12, 16)).astype(np.uint8)).save(HONEST / "label.png")


def _configs() -> None:
    shared = {"type": "Dataset", "dataset_root": ".", "num_classes": 4}
    base = {
        "batch_size": 2,
        "iters": 2,
        "train_dataset": {**shared, "train_path": "train.txt", "mode": "train", "transforms": [{"type": "Normalize"}]},
        "optimizer": {"type": "AdamW", "weight_decay": 0.01, "custom_cfg": [{"name": "head", "lr_mult": 10.0}]},
        "lr_scheduler": {"type": "PolynomialDecay", "learning_rate": 0.001, "end_lr": 0.0, "power": 1.0},
        "loss": {"types": [{"type": "CrossEntropyLoss"}], "coef": [1]},
    }
    own = {
        "_base_": "base.yml",
        "iters": 3,
        "model": {
            "type": "MobileSegmentor",
            "num_classes": 4,
            "backbone": {"type": "StrideFormer_Tiny"},
            "neck": {"type": "AAM", "output_stride": 16},
            "head": {"type": "SegHead"},
            "upsample": {"type": "Bilinear"},
        },
    }
    for name, content in (("base.yml", base), ("config.yml", own)):
        (HONEST / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
