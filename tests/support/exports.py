"""Exported models for the tests: this plugin's networks, PaddleSeg's own, and small ones around a single layer."""

import os
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import paddle
import yaml
from paddle import nn

from paddleseg_mobileseg import VIM, Bilinear, build_model
from paddleseg_mobileseg.deploy.ir.deploy_yaml import deploy_yaml
from support.chance import seeded
from support.folders import made_once

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TRANSFORMS = [
    {"type": "Resize", "target_size": [2048, 512], "keep_ratio": True, "size_divisor": 32},
    {"type": "Normalize", "mean": MEAN, "std": STD},
]


class ArgmaxTail(nn.Layer):
    """What PaddleSeg's tools/export.py puts behind a network by default."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return paddle.argmax(self.network(x)[0], axis=1, dtype="int32")


def export(network, folder, shape, output_op="none", transforms=None):
    """Write what PaddleSeg's tools/export.py writes."""
    network.eval()
    with patch.dict(os.environ, PADDLESEG_EXPORT_STAGE="True"):
        static = paddle.jit.to_static(
            ArgmaxTail(network) if output_op == "argmax" else network,
            input_spec=[paddle.static.InputSpec(shape=shape, dtype="float32")],
        )
        static.eval()
        paddle.jit.save(static, str(Path(folder) / "model"))
    content = {
        "model": "model.pdmodel",
        "params": "model.pdiparams",
        "transforms": TRANSFORMS if transforms is None else transforms,
        "input_shape": shape,
        "output_op": output_op,
        "output_dtype": "int32" if output_op == "argmax" else "float32",
    }
    (Path(folder) / "deploy.yaml").write_text(yaml.dump({"Deploy": content}))
    return Path(folder)


def describe(folder, transforms, **more):
    """Write another `deploy.yaml`, as `mobileseg export` does."""
    section = yaml.safe_load((Path(folder) / "deploy.yaml").read_text())["Deploy"]
    (Path(folder) / "deploy.yaml").write_text(deploy_yaml({**section, "transforms": transforms, **more}))


def scene(seed, height, width):
    """An image [H, W, 3], uint8: soft blobs with grain, so that many classes win somewhere."""
    random = np.random.RandomState(seed)
    blobs = random.uniform(0, 255, (height // 32, width // 32, 3)).astype(np.float32)
    image = cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image + random.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def save_scene(path, seed, height, width):
    assert cv2.imwrite(str(path), scene(seed, height, width))
    return path


@lru_cache(maxsize=None)
@seeded(3)
def settled_weights(model_name):
    """Random weights under which features and logits keep their scale, as they do after training.

    Batch norms get the statistics of a scene, and every class the same chance to win.
    """
    network = build_model(model_name, 150)
    pixels = np.stack([scene(seed, 256, 256) for seed in (1, 2)]).transpose(0, 3, 1, 2) / 255
    batch = (pixels - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    batch = paddle.to_tensor(batch.astype("float32"))
    for layer in network.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            layer._momentum = 0.0
    with paddle.no_grad():
        network.train()
        network.logits(batch)
        network.eval()
        logits = network.logits(batch)
        mean, std = logits.mean([0, 2, 3]), logits.std([0, 2, 3])
        classifier = network.head.classifier
        classifier.weight.set_value(classifier.weight / std.reshape([-1, 1, 1, 1]))
        classifier.bias.set_value((classifier.bias - mean) / std)
    return network.state_dict()


@lru_cache(maxsize=None)
@seeded(3)
def exported_network(model_name, tail, height, width):
    """A network of this plugin: `tail` is "logits", "argmax" or "vim"; 150 classes, `settled_weights`."""

    def write(folder):
        network = build_model(model_name, 150, upsample=VIM() if tail == "vim" else Bilinear())
        network.set_state_dict(settled_weights(model_name))
        export(network, folder, [1, 3, height, width], "argmax" if tail == "argmax" else "none")

    return made_once(f"{model_name}_{tail}_{height}x{width}", write)


def randomise(network, seed=0):
    """Weights and statistics that leave no layer without effect."""
    random = np.random.RandomState(seed)
    for name, value in network.state_dict().items():
        shape = value.shape
        if name.endswith("_variance") or len(shape) == 1 and name.endswith("weight"):
            drawn = random.uniform(0.5, 1.5, shape)
        elif len(shape) == 4:
            drawn = random.randn(*shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            drawn = random.randn(*shape) * (1.0 if len(shape) == 3 else 0.1)
        value.set_value(drawn.astype("float32"))
    return network


@lru_cache(maxsize=None)
@seeded(3)
def exported_stock(kind, shape):
    """A network of PaddleSeg's own: "pp_mobileseg", "pp_mobileseg_vim", "topformer" or "lraspp"."""
    from paddleseg.models import LRASPP, TopFormer, backbones
    from paddleseg.models.pp_mobileseg import PPMobileSeg

    def pp_mobileseg(upsample):
        return PPMobileSeg(
            150, backbones.MobileSeg_Tiny(inj_type="AAM", out_feat_chs=[32, 64, 128]), upsample=upsample
        )

    networks = {
        "pp_mobileseg": lambda: pp_mobileseg("intepolate"),
        "pp_mobileseg_vim": lambda: pp_mobileseg("vim"),
        "topformer": lambda: TopFormer(150, backbones.TopTransformer_Tiny(lr_mult=0.1), head_use_dw=True),
        "lraspp": lambda: LRASPP(19, backbones.MobileNetV3_large_x1_0(), backbone_indices=[0, 1, 3]),
    }
    sizes = "x".join(str(size) for size in shape)
    return made_once(
        f"stock_{kind}_{sizes}", lambda folder: export(randomise(networks[kind]()), folder, list(shape))
    )


class Around(nn.Layer):
    """Logits of 8 classes from a 1x1 convolution, then `body`."""

    def __init__(self, body):
        super().__init__()
        self.classifier = nn.Conv2D(3, 8, 1)
        self.body = body

    def forward(self, x):
        return self.body(self.classifier(x))


@seeded(5)
def export_around(body, folder, size=32):
    """A small network that has little beside `body`, a layer or a function of logits [1, 8, size, size]."""
    return export(Around(body), folder, [1, 3, size, size])
