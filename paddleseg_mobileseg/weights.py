"""Published checkpoints in and out, and loading that accepts no misfit.

Names are mapped by one list of rules from this plugin's names to PaddleSeg's; the way back is the
same table read the other way round, so the two cannot disagree.
"""

import re
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple, Union
from urllib.parse import urlparse

import numpy as np
import paddle
from paddle import nn
from paddleseg.utils.utils import download_pretrained_model

from .checkpoint import read_checkpoint
from .errors import InputError

CLASSIFIER = "head.classifier."

Shapes = Mapping[str, Tuple[int, ...]]

# Applied in this order to each name: (pattern, replacement).
_PADDLESEG_RULES: Sequence[Tuple[str, str]] = (
    (r"^backbone\.stem\.conv\.", "backbone.smb1.conv.c."),
    (r"^backbone\.stem\.bn\.", "backbone.smb1.conv.bn."),
    (r"^backbone\.stage(\d)\.(\d+)\.", r"backbone.smb\1.blocks.\2."),
    (r"(blocks\.\d+)\.expand\.conv\.", r"\1.expand_conv.c."),
    (r"(blocks\.\d+)\.expand\.bn\.", r"\1.expand_conv.bn."),
    (r"(blocks\.\d+)\.depthwise\.conv\.", r"\1.bottleneck_conv.c."),
    (r"(blocks\.\d+)\.depthwise\.bn\.", r"\1.bottleneck_conv.bn."),
    (r"(blocks\.\d+)\.project\.conv\.", r"\1.linear_conv.c."),
    (r"(blocks\.\d+)\.project\.bn\.", r"\1.linear_conv.bn."),
    (r"\.se\.reduce\.", ".mid_se.conv1."),
    (r"\.se\.expand\.", ".mid_se.conv2."),
    (r"^backbone\.attention3\.", "backbone.trans1.transformer_blocks."),
    (r"^backbone\.attention4\.", "backbone.trans2.transformer_blocks."),
    (r"\.attn\.downsample\.conv\.", ".attn.stride_conv.0."),
    (r"\.attn\.downsample\.bn\.", ".attn.stride_conv.1."),
    (r"\.attn\.query\.", ".attn.to_q."),
    (r"\.attn\.key\.", ".attn.to_k."),
    (r"\.attn\.value\.", ".attn.to_v."),
    (r"\.attn\.(row|column)_query_position\.", r".attn.pos_emb_\1q."),
    (r"\.attn\.(row|column)_key_position\.", r".attn.pos_emb_\1k."),
    (r"\.attn\.(row|column)_project\.", r".attn.proj_encode_\1.1."),
    (r"\.attn\.project\.", ".attn.proj.1."),
    (r"\.attn\.detail_depthwise\.", ".attn.dwconv."),
    (r"\.attn\.detail_pointwise\.", ".attn.pwconv."),
    (r"\.mlp\.expand\.", ".mlp.fc1."),
    (r"\.mlp\.depthwise\.", ".mlp.dwconv."),
    (r"\.mlp\.project\.", ".mlp.fc2."),
    (r"((?:trans\d)\..*\.(?:to_q|to_k|to_v|1|dwconv|pwconv|fc1|fc2))\.conv\.", r"\1.c."),
    (r"^head\.fuse\.", "decode_head.linear_fuse."),
    (r"^head\.classifier\.", "decode_head.conv_seg."),
)

_AAM_LISTS = {
    "backbone.inj_module.embedding_list": ("neck.detail8.", "neck.detail16.", "neck.semantics32."),
    "backbone.inj_module.act_embedding_list": ("neck.gate8.", "neck.gate16.", "neck.gate32."),
}


def paddleseg_names(names: Iterable[str]) -> Dict[str, str]:
    """PaddleSeg's name of each of this plugin's, for a PP-MobileSeg segmentor.

    PaddleSeg keeps the AAM's layers in two lists without the strides they lack, so the position of a
    layer depends on which others there are.
    """
    names = list(names)
    rules: List[Tuple[str, str]] = list(_PADDLESEG_RULES)
    for published, prefixes in _AAM_LISTS.items():
        present = [prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)]
        rules += [("^" + re.escape(prefix), f"{published}.{position}.") for position, prefix in enumerate(present)]
    mapped = {}
    for name in names:
        published = name
        for pattern, replacement in rules:
            published = re.sub(pattern, replacement, published)
        mapped[name] = published
    return mapped


def tensor_shapes(model: nn.Layer) -> Dict[str, Tuple[int, ...]]:
    """Shape of every parameter and buffer of `model` by name."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _namings(names: Sequence[str], backbone: bool) -> Dict[str, Dict[str, str]]:
    """The tables from a model's names to those a checkpoint may use for it, by the naming's name."""
    if not backbone:
        return {"plugin": {name: name for name in names}, "paddleseg": paddleseg_names(names)}
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


def _listing(title: str, rows: Sequence[str], limit: int = 5) -> str:
    if not rows:
        return ""
    more = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return f"; {len(rows)} {title}: {', '.join(rows[:limit])}{more}"


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
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"cannot download checkpoint {path}: {reason}; download it by hand and give its path as `pretrained`"
        ) from error


def load_weights(model: nn.Layer, path: Union[str, Path], classifier: bool = True) -> str:
    """Load a checkpoint whole, under this plugin's or PaddleSeg's names.

    A backbone (a layer with `feat_channels`) takes its part of a segmentor's checkpoint or a
    checkpoint of its own; a whole model wants every tensor to have its place on both sides.

    Args:
        model: a segmentor or a backbone; it is changed only if everything fits.
        path: a `.pdparams` file, a folder that holds `model.pdparams`, or an http(s) address of one.
        classifier: False leaves the model's classifier as it is, for other classes than the checkpoint's.

    Returns:
        The naming that was found: "plugin" or "paddleseg", followed by " backbone" for a backbone's own.

    Raises:
        InputError: the checkpoint cannot be read, or names or shapes do not fit; nothing was loaded.
    """
    tensors = read_checkpoint(_local(path))
    backbone = hasattr(model, "feat_channels")
    own_shapes = tensor_shapes(model)
    tables = _namings(list(own_shapes), backbone)
    naming = max(tables, key=lambda key: sum(other in tensors for other in tables[key].values()))
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


def rename_tensors(model: nn.Layer, tensors: Mapping[str, np.ndarray], to: str) -> Dict[str, np.ndarray]:
    """The tensors of a whole segmentor's checkpoint under the names of `to`, with nothing left over.

    Args:
        model: the segmentor that the checkpoint belongs to.
        tensors: under this plugin's or PaddleSeg's names.
        to: "plugin" or "paddleseg".

    Raises:
        InputError: a tensor of either side has no counterpart, or their shapes differ.
    """
    shapes = tensor_shapes(model)
    tables = _namings(list(shapes), backbone=False)
    naming = max(tables, key=lambda key: sum(other in tensors for other in tables[key].values()))
    problem = _misfit(
        shapes, tables[naming], {name: value.shape for name, value in tensors.items()}, leftover_allowed=False
    )
    if problem:
        raise InputError(f"the checkpoint does not map onto {type(model).__name__}{problem}")
    return {tables[to][own]: tensors[other] for own, other in tables[naming].items()}
