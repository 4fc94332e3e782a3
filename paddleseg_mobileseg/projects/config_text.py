"""The config of a project: the network's own recipe with the data's sizes and numbers, in one file."""

import copy
import os
import textwrap
from typing import Any, Dict, List, Mapping

import yaml

from ..checkpoints.published import IMAGENET, OWN_MODEL, find_weights, is_name, with_published
from ..config.reader import read_content, without_pretrained
from ..errors import InputError
from ..models.zoo import Model
from ..paths import CONFIGS
from .recipe import Proposal

_WIDTH = 110
_CROP = "RandomPaddingCrop"


def recipe_of(model: Model) -> Dict[str, Any]:
    """The whole config that a network of the zoo was trained with first."""
    return read_content(CONFIGS / next(iter(model.configs.values())))


def config_of(
    recipe: Mapping[str, Any], proposal: Proposal, num_classes: int, paths: Mapping[str, str], separator: str
) -> Dict[str, Any]:
    """The sections of a project's config.

    Args:
        recipe: the network's.
        proposal: what fits the data.
        num_classes: of the data.
        paths: "root", "train" and "val": the data set's folder and its lists.
        separator: between the two columns of a list.
    """
    recipe = copy.deepcopy(dict(recipe))
    shared = {"type": "Dataset", "dataset_root": paths["root"], "num_classes": num_classes}
    if separator != " ":
        shared["separator"] = separator
    steps = recipe["train_dataset"]["transforms"]
    behind = steps[[step["type"] for step in steps].index(_CROP) + 1 :]
    width_height = [proposal.size[1], proposal.size[0]]
    normalize = [step for step in recipe["val_dataset"]["transforms"] if step["type"] == "Normalize"]
    train = [
        *proposal.scaling,
        {"type": "ResizeStepScaling", "min_scale_factor": 0.5, "max_scale_factor": 2.0, "scale_step_size": 0.25},
        {"type": _CROP, "crop_size": width_height},
        *behind,
    ]
    schedule = {**recipe["lr_scheduler"], "learning_rate": proposal.learning_rate}
    if "warmup_iters" in schedule:
        schedule["warmup_iters"] = proposal.warmup_iters
    val = [*proposal.resize, *normalize]
    return {
        "batch_size": proposal.batch_size,
        "iters": proposal.iters,
        "classes": "classes.txt",
        "train_dataset": {**shared, "train_path": paths["train"], "mode": "train", "transforms": train},
        "val_dataset": {**shared, "val_path": paths["val"], "mode": "val", "transforms": val},
        "optimizer": recipe["optimizer"],
        "lr_scheduler": schedule,
        "loss": _with_kept_share(recipe, proposal),
        "model": {**recipe["model"], "num_classes": num_classes},
    }


def _with_kept_share(recipe: Mapping[str, Any], proposal: Proposal) -> Any:
    """The loss; where it keeps a number of pixels of a batch, it keeps the same share of this batch."""
    loss = copy.deepcopy(recipe["loss"])
    steps = {step["type"]: step for step in recipe["train_dataset"]["transforms"]}
    width, height = steps[_CROP]["crop_size"]
    share = proposal.batch_size * proposal.size[0] * proposal.size[1] / (recipe["batch_size"] * width * height)
    for part in loss["types"]:
        if "min_kept" in part:
            part["min_kept"] = max(1, round(part["min_kept"] * share))
    return loss


def with_weights(config: Dict[str, Any], model: Model, pretrained: str) -> str:
    """Put the weights to start from into a config, and say which they are.

    Args:
        config: what `config_of` gave; its model section is changed.
        model: the network.
        pretrained: "imagenet" for the backbone's; "none"; the name of published weights; else a file
            or an address.

    Raises:
        InputError: nobody published weights of that name, or the network cannot take them.
    """
    if pretrained == IMAGENET:
        config["model"] = with_published(without_pretrained(config["model"]), IMAGENET)
        address = config["model"]["backbone"]["pretrained"]
        return f"the backbone starts from ImageNet weights, downloaded when training starts: {address}"
    config["model"] = section = without_pretrained(config["model"])
    if pretrained == "none":
        return "the weights start at random"
    if is_name(pretrained):
        find_weights(model.name, pretrained)
    if section["type"] != OWN_MODEL:
        raise InputError(
            f"{model.name} is PaddleSeg's own network, which takes no weights of another number of classes; say "
            "--pretrained imagenet or none"
        )
    section["pretrained"] = os.path.abspath(pretrained) if os.path.exists(pretrained) else pretrained
    section["pretrained_classifier"] = False
    return f"all but the classifier starts from {section['pretrained']}"


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, no aliases, and lists in mappings indented."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _represent_list(dumper: _Dumper, items: List[Any]) -> yaml.Node:
    flat = all(not isinstance(item, (dict, list)) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


_Dumper.add_representer(list, _represent_list)


def config_text(config: Mapping[str, Any], head: str, comments: Mapping[str, str]) -> str:
    """A config as YAML.

    Args:
        config: its sections.
        head: the comment at its top.
        comments: a line above a section, by its name.
    """
    blocks = ["".join(f"# {line}\n" for line in textwrap.wrap(head, _WIDTH))]
    for name, content in config.items():
        lines = textwrap.wrap(comments.get(name, ""), _WIDTH)
        text = yaml.dump({name: content}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
        blocks.append("".join(f"# {line}\n" for line in lines) + text)
    return "\n".join(blocks)
