"""The published networks' weights and outputs, rebuilt from their tensors' names.

Every tensor is drawn from a generator seeded by its published name, so that any program can make the
same weights; `tests/data/*.npz` holds what the published code computed with them in float32.

With these weights SeaFormer's gates see values of several hundred, and the few that fall between a hard
sigmoid's ends carry the rounding of everything before them: the published code run in float64 is up to 4.1e-5
away from what it gave in float32. `seaformer_*_float64.npz` therefore holds every third class of its logits in
float64 (PyTorch 1.12 on a CPU, rounded to float32 at the end), which pins the network ten times as closely.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import paddle

from paddleseg_mobileseg.checkpoints.published_names import published_names

DATA = Path(__file__).resolve().parents[1] / "data"

NAMES = sorted(path.name[: -len("_state_dict.json")] for path in DATA.glob("*_state_dict.json"))
"""The models of `zoo.py` that published vectors exist for."""


def published_shapes(model_name):
    """Published tensor names with their shapes, without PyTorch's counts of batches."""
    content = json.loads((DATA / f"{model_name}_state_dict.json").read_text())
    return {name: tuple(shape) for name, shape in content.items() if not name.endswith("num_batches_tracked")}


def published_naming(model_name):
    """Whose names its published checkpoint has."""
    return "pytorch" if model_name.startswith("seaformer") else "paddleseg"


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


def fill(model, dtype="float32"):
    """Give a segmentor of this plugin the rebuilt weights; returns it in evaluation mode."""
    namings = published_names(model.state_dict())
    names = namings.get("pytorch", namings["paddleseg"])
    model.to(dtype=dtype)
    drawn = {own: draw(names[own], tuple(value.shape)).astype(dtype) for own, value in model.state_dict().items()}
    model.set_state_dict({own: paddle.to_tensor(value) for own, value in drawn.items()})
    model.eval()
    return model


def golden_input(height, width):
    return np.random.RandomState(1).randn(1, 3, height, width).astype("float32")


def golden_logits(model_name, height, width):
    return np.load(DATA / f"{model_name}.npz")[f"logits_{height}x{width}"]


def relative_difference(value, reference):
    """Largest difference over largest value."""
    return float(np.abs(value - reference).max() / np.abs(reference).max())
