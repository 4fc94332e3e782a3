"""The published networks' weights and outputs, rebuilt from their tensors' names.

Every tensor is drawn from a generator seeded by its published name, so that any program can make the
same weights; `tests/data/*.npz` holds what the published code computed with them.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import paddle

from paddleseg_mobileseg.weights import paddleseg_names

DATA = Path(__file__).parent / "data"


def published_shapes(model_name):
    """Published tensor names with their shapes."""
    content = json.loads((DATA / f"{model_name}_state_dict.json").read_text())
    return {name: tuple(shape) for name, shape in content.items()}


def draw(name, shape):
    """The tensor called `name`, float32."""
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    if name.endswith(("running_mean", "_mean")):
        value = random.randn(*shape) * 0.1
    elif name.endswith(("running_var", "_variance")):
        value = random.uniform(0.5, 1.5, shape)
    elif len(shape) == 4:
        value = random.randn(*shape) * np.sqrt(2 / (shape[1] * shape[2] * shape[3]))
    elif len(shape) == 3:
        value = random.randn(*shape)
    elif len(shape) == 1 and name.endswith("weight"):
        value = random.uniform(0.5, 1.5, shape)
    else:
        value = random.randn(*shape) * 0.1
    return value.astype("float32")


def published_tensors(model_name):
    """The whole published checkpoint by name."""
    return {name: draw(name, shape) for name, shape in published_shapes(model_name).items()}


def fill(model):
    """Give a PP-MobileSeg segmentor of this plugin the rebuilt weights; returns it in evaluation mode."""
    names = paddleseg_names(model.state_dict())
    model.set_state_dict(
        {own: paddle.to_tensor(draw(names[own], tuple(value.shape))) for own, value in model.state_dict().items()}
    )
    model.eval()
    return model


def golden_input(height, width):
    return np.random.RandomState(1).randn(1, 3, height, width).astype("float32")


def golden_logits(model_name, height, width):
    return np.load(DATA / f"{model_name}.npz")[f"logits_{height}x{width}"]


def relative_difference(value, reference):
    """Largest difference over largest value."""
    return float(np.abs(value - reference).max() / np.abs(reference).max())
