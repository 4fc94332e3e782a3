"""Published checkpoints in and out, and loading that accepts no misfit."""

import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np
import paddle
from paddle import nn
from paddleseg.utils import seg_env

from ..downloads.addresses import is_address, named
from ..errors import InputError, shown
from .published import IMAGENET, Weights, find_network, find_weights, is_name
from .published_names import published_names
from .reader import read_checkpoint
from .remote import fetch_checkpoint

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
    """`path` itself, or where what lies at an address is kept."""
    if not is_address(str(path)):
        return path
    return fetch_checkpoint(str(path), Path(seg_env.PRETRAINED_MODEL_HOME))


def _of_classes(shapes: Shapes, table: Mapping[str, str], given: Shapes) -> List[str]:
    """The tensors of a model that are there for its classes, by its own names."""
    own = [name for name in table if name.startswith(CLASSIFIER)]
    # In PaddleSeg's networks they have many names, but only their number of rows differs.
    return own or [
        name for name, other in table.items()
        if other in given and given[other] != shapes[name] and given[other][1:] == shapes[name][1:]
    ]


def _published(model: nn.Layer, name: str) -> Weights:
    """The published weights of that name for a network or a backbone of this plugin."""
    if hasattr(model, "feat_channels"):
        return find_weights(find_network(None, type(model).__name__), name)
    backbone = getattr(model, "backbone", None)
    return find_weights(find_network(type(model).__name__, type(backbone).__name__), name)


def fits_classes(weights: Weights, num_classes: int) -> bool:
    """Whether the classifier of published weights is for so many classes; says so where it will be left out."""
    if weights.classes in (None, num_classes):
        return True
    print(
        f"note: {named(weights.address)} has {weights.classes} classes and the model {num_classes}: its classifier "
        "is left out",
        file=sys.stderr,
    )
    return False


def load_weights(model: nn.Layer, path: Union[str, Path], classifier: bool = True) -> str:
    """Load a checkpoint whole, under this plugin's or published names.

    A backbone (a layer with `feat_channels`) takes its part of a segmentor's or classifier's checkpoint or a
    checkpoint of its own; a whole model wants every tensor to have its place on both sides.

    Args:
        model: a segmentor or a backbone; it is changed only if everything fits.
        path: a `.safetensors` or `.pdparams` file, a folder that holds `model.pdparams`, a PyTorch file, an http(s)
            address of one, or the name of published weights (`mobileseg models --pretrained` lists them): "imagenet"
            goes into the backbone, and a classifier for another number of classes is left out.
        classifier: False leaves the model's classifier as it is, for other classes than the checkpoint's.

    Returns:
        The naming that was found: "plugin", "paddleseg" or "pytorch", followed by " backbone" for a backbone's own.

    Raises:
        InputError: the checkpoint cannot be read, or names or shapes do not fit; nothing was loaded.
    """
    if path == IMAGENET and hasattr(model, "backbone"):
        model = model.backbone
    backbone = hasattr(model, "feat_channels")
    own_shapes = tensor_shapes(model)
    if is_name(path):
        weights = _published(model, path)
        path = weights.address
        if not backbone:
            classifier = classifier and fits_classes(weights, own_shapes[f"{CLASSIFIER}weight"][0])
    tensors = read_checkpoint(_local(path))
    tables = _namings(list(own_shapes), backbone)
    naming = _naming(tables, tensors)
    table = tables[naming]
    given = {name: value.shape for name, value in tensors.items()}
    if not classifier:
        for own in _of_classes(own_shapes, table, given):
            given.pop(table.pop(own), None)
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
