"""Published checkpoints in and out, and loading that accepts no misfit."""

from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Tuple, Union
from urllib.parse import urlparse

import numpy as np
import paddle
from paddle import nn
from paddleseg.utils.utils import download_pretrained_model

from ..errors import InputError, shown
from .published_names import published_names
from .reader import read_checkpoint

CLASSIFIER = "head.classifier."

Shapes = Mapping[str, Tuple[int, ...]]


def tensor_shapes(model: nn.Layer) -> Dict[str, Tuple[int, ...]]:
    """Shape of every parameter and buffer of `model` by name."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _namings(names: Sequence[str], backbone: bool) -> Dict[str, Dict[str, str]]:
    """The tables from a model's names to those a checkpoint may use for it, by the naming's name."""
    if not backbone:
        return {"plugin": {name: name for name in names}, **published_names(names)}
    prefix = "backbone."
    tables = _namings([prefix + name for name in names], backbone=False)
    whole = {
        naming: {own[len(prefix):]: other for own, other in table.items()} for naming, table in tables.items()
    }
    alone = {
        f"{naming} backbone": {own: other[len(prefix):] for own, other in table.items()}
        for naming, table in whole.items()
    }
    return {**whole, **alone}


def _naming(tables: Mapping[str, Mapping[str, str]], tensors: Mapping[str, np.ndarray]) -> str:
    """The naming under which most tensors of a checkpoint are known."""
    return max(tables, key=lambda key: sum(other in tensors for other in tables[key].values()))


def _listing(title: str, rows: Sequence[str], limit: int = 5) -> str:
    if not rows:
        return ""
    more = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return f"; {len(rows)} {title}: {', '.join(shown(row, 200) for row in rows[:limit])}{more}"


def _misfit(shapes: Shapes, table: Mapping[str, str], given: Shapes, leftover_allowed: bool) -> str:
    """What does not fit, in words; an empty string when all does."""
    missing = [other for own, other in table.items() if other not in given]
    expected = set(table.values())
    leftover = [] if leftover_allowed else [name for name in given if name not in expected]
    mismatched = [
        f"{other} is {list(given[other])} in the checkpoint and {list(shapes[own])} in the model"
        for own, other in table.items()
        if other in given and given[other] != shapes[own]
    ]
    return (
        _listing("tensors of another shape", mismatched)
        + _listing("tensors missing from the checkpoint", missing)
        + _listing("tensors unknown to the model", leftover)
    )


def _local(path: Union[str, Path]) -> Union[str, Path]:
    """`path` itself, or where PaddleSeg's downloader put what lies at an http(s) address."""
    if urlparse(str(path)).scheme not in ("http", "https"):
        return path
    try:
        return download_pretrained_model(str(path))
    except InputError:
        raise
    except Exception as error:
        reason = shown(error, 200) or type(error).__name__
        raise InputError(
            f"cannot download checkpoint {path}: {reason}; download it by hand and give its path as `pretrained`"
        ) from error


def load_weights(model: nn.Layer, path: Union[str, Path], classifier: bool = True) -> str:
    """Load a checkpoint whole, under this plugin's or published names.

    A backbone (a layer with `feat_channels`) takes its part of a segmentor's or classifier's checkpoint or a
    checkpoint of its own; a whole model wants every tensor to have its place on both sides.

    Args:
        model: a segmentor or a backbone; it is changed only if everything fits.
        path: a `.safetensors` or `.pdparams` file, a folder that holds `model.pdparams`, a PyTorch file, or an http(s)
            address of one.
        classifier: False leaves the model's classifier as it is, for other classes than the checkpoint's.

    Returns:
        The naming that was found: "plugin", "paddleseg" or "pytorch", followed by " backbone" for a backbone's own.

    Raises:
        InputError: the checkpoint cannot be read, or names or shapes do not fit; nothing was loaded.
    """
    tensors = read_checkpoint(_local(path))
    backbone = hasattr(model, "feat_channels")
    own_shapes = tensor_shapes(model)
    tables = _namings(list(own_shapes), backbone)
    naming = _naming(tables, tensors)
    table = tables[naming]
    if not classifier:
        for own in [own for own in table if own.startswith(CLASSIFIER)]:
            tensors.pop(table.pop(own), None)
    given = {name: value.shape for name, value in tensors.items()}
    problem = _misfit(own_shapes, table, given, leftover_allowed=backbone)
    if problem:
        raise InputError(
            f"checkpoint {path} does not fit {type(model).__name__}{problem}; choose the config of the "
            "checkpoint's variant and number of classes"
            + ("" if backbone else ", or set pretrained_classifier: False to start from it with other classes")
        )
    state = model.state_dict()
    for own, other in table.items():
        state[own] = paddle.to_tensor(tensors[other].astype("float32")).astype(state[own].dtype)
    model.set_state_dict(state)
    return naming


def check_state(model: nn.Layer, shapes: Shapes, state: Mapping[str, Any]) -> None:
    """Refuse tensors that are not exactly those of `model`, by this plugin's names.

    Args:
        model: for the message.
        shapes: its own, as `tensor_shapes` gives them.
        state: tensors or arrays by name.

    Raises:
        InputError: a name is missing or unknown, or shapes differ.
    """
    given = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if given == shapes:
        return
    problem = _misfit(shapes, {name: name for name in shapes}, given, leftover_allowed=False)
    raise InputError(
        f"the weights do not fit {type(model).__name__}{problem}; choose the checkpoint of this config's variant "
        "and number of classes, and rename a published one with `mobileseg import-weights`"
    )


def fitting_tensors(model: nn.Layer, tensors: Mapping[str, np.ndarray]) -> int:
    """How many tensors of `model` have one of their name and shape in a checkpoint, under the best naming."""
    shapes = tensor_shapes(model)
    return max(
        sum(other in tensors and tensors[other].shape == shapes[own] for own, other in table.items())
        for table in _namings(list(shapes), hasattr(model, "feat_channels")).values()
    )


def rename_tensors(model: nn.Layer, tensors: Mapping[str, np.ndarray], to: str) -> Dict[str, np.ndarray]:
    """The tensors of a checkpoint under the names of `to`, with nothing left over.

    Args:
        model: the segmentor or the backbone that the checkpoint belongs to.
        tensors: under this plugin's or published names.
        to: "plugin", "paddleseg" or "pytorch".

    Raises:
        InputError: a tensor of either side has no counterpart, their shapes differ, or the model was not
            published under the names of `to`.
    """
    shapes = tensor_shapes(model)
    backbone = hasattr(model, "feat_channels")
    tables = _namings(list(shapes), backbone)
    naming = _naming(tables, tensors)
    problem = _misfit(
        shapes, tables[naming], {name: value.shape for name, value in tensors.items()}, leftover_allowed=False
    )
    if problem:
        raise InputError(f"the checkpoint does not map onto {type(model).__name__}{problem}")
    target = f"{to} backbone" if backbone else to
    if target not in tables:
        raise InputError(f"there is no '{to}' naming of this network; choose from {', '.join(tables)}")
    return {tables[target][own]: tensors[other] for own, other in tables[naming].items()}
