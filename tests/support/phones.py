"""Small models for an emulated phone.

The tests run the real program, for aarch64, linked with the test double of Paddle-Lite; or with the real library
where PADDLE_LITE_DIR names one for aarch64, and then with what `mobileseg convert` makes.
"""

import atexit
import json
import shutil
from functools import lru_cache

import numpy as np
import paddle
import pytest
from paddle import nn

from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, sha256_of
from support import folders
from support.bench_program import double_model, real_lite_dir
from support.chance import seeded
from support.emulated_device import PrivateAdb
from support.exports import export

HEIGHT, WIDTH, CLASSES, STRIDE = 32, 64, 6, 8

ALL_OF_A_SHELL = "$(touch x) `touch y` \"'\\;&|<>*?[a]{b,c}~!#\n\t$HOME \\' ''"


@lru_cache(maxsize=None)
def private_adb():
    """The real adb's server of this process, until it ends."""
    folder = folders.OWN / "adb"
    folder.mkdir()
    server = PrivateAdb(folder)
    atexit.register(server.close)
    return server


class Squares(nn.Layer):
    """Logits [1, CLASSES, HEIGHT, WIDTH] from the mean colours of squares: what the test double computes too."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2D(STRIDE, STRIDE)
        self.classifier = nn.Conv2D(3, CLASSES, 1)

    def forward(self, x):
        logits = self.classifier(self.pool(x))
        return [nn.functional.interpolate(logits, [HEIGHT, WIDTH], mode="bilinear", align_corners=False)]


@lru_cache(maxsize=None)
def squares(seed):
    random = np.random.RandomState(seed)
    weights, bias = random.randn(CLASSES, 3), random.randn(CLASSES) * 0.2
    return np.float32(weights), np.float32(bias)


@lru_cache(maxsize=None)
@seeded(0)
def exported_squares(seed):
    """The exported network, ending in labels as PaddleSeg exports do."""
    network, (weights, bias) = Squares(), squares(seed)
    network.classifier.weight.set_value(paddle.to_tensor(weights.reshape(CLASSES, 3, 1, 1)))
    network.classifier.bias.set_value(paddle.to_tensor(bias))
    return export(network, folders.OWN / f"squares{seed}", [1, 3, HEIGHT, WIDTH], "argmax")


@lru_cache(maxsize=None)
def _converted(seed):
    nb = folders.OWN / f"squares{seed}.nb"
    convert(exported_squares(seed), nb, "arm")
    return nb


def write_model(path, seed=0, **behaviour):
    """A model of `exported_squares` at `path`, with its JSON file.

    With the real library it is what `convert` made; then `behaviour` of the double cannot be had.
    """
    source = _converted(seed)
    shutil.copy(metadata_path(source), metadata_path(path))
    if real_lite_dir("aarch64"):
        if behaviour:
            pytest.skip("faults are asked of the test double, and PADDLE_LITE_DIR names the real library")
        shutil.copy(source, path)
        return path
    weights, bias = squares(seed)
    double_model(path, weights.tolist(), bias.tolist(), STRIDE, **behaviour)
    change_metadata(path, sha256=sha256_of(path), bytes=path.stat().st_size)
    return path


def change_metadata(nb, **changes):
    path = metadata_path(nb)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
