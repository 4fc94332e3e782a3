"""The weights that the networks' authors and PaddleSeg publish, by name, and configs that name them.

The names are those of data sets. "imagenet" is a backbone that was trained as a classifier on ImageNet-1K.
"""

import os
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..downloads.addresses import check_address
from ..errors import InputError, near

IMAGENET = "imagenet"

OWN_MODEL = "MobileSegmentor"
"""The model of this plugin, whose own loading knows the names; a config for another one is given the address."""


@dataclass(frozen=True)
class Weights:
    """One published checkpoint.

    Attributes:
        address: where the file lies, or the page to download it from by hand.
        page: where it was published.
        classes: of its classifier; None for a backbone.
        miou: percent on the data set's validation images, as published with this file; None where nothing was.
    """

    address: str
    page: str
    classes: Optional[int] = None
    miou: Optional[float] = None


@dataclass(frozen=True)
class Network:
    """One network of the table of models as a config spells it, and its weights by name."""

    model: str
    backbone: str
    weights: Dict[str, Weights]


_BOS = "https://paddleseg.bj.bcebos.com/dygraph"
_OLD_BOS = "https://bj.bcebos.com/paddleseg/dygraph"
_DRIVE = "https://drive.google.com/file/d"
_SEAFORMER = "github.com/fudan-zvg/SeaFormer, seaformer-seg"


def _imagenet(address: str, family: str) -> Weights:
    return Weights(address, f"PaddleSeg configs/{family}")


def _pp_mobileseg(variant: str, backbone: str, imagenet: str, miou: float) -> Network:
    page = "PaddleSeg configs/pp_mobileseg"
    whole = {"ade20k": Weights(f"{_OLD_BOS}/ade20k/pp_mobileseg_{variant}/model.pdparams", page, 150, miou)}
    if variant == "base":
        address = "https://github.com/shiyutang/files/raw/main/ppmobileseg_best_city_model.pdparams"
        whole["cityscapes"] = Weights(address, "an author's answer in PaddleSeg's issue 3370", 19)
    return Network(OWN_MODEL, backbone, {**whole, IMAGENET: _imagenet(f"{_OLD_BOS}/ade20k/{imagenet}", "pp_mobileseg")})


def _seaformer(variant: str, trained: Weights, paper: Dict[str, Tuple[str, int, float]]) -> Network:
    """PaddleSeg's own training on ADE20K, which can be fetched, and the authors' files, which are on pages.

    Args:
        paper: by data set, the file's id, classes and mIoU.
    """
    backbone = (
        f"{_BOS}/backbone/seaformer_base_imagenet_pretrained.zip" if variant == "base"
        else f"{_OLD_BOS}/ade20k/backbone/seaformer_{variant}_imagenet_pretrained.pdparams"
    )
    pages = {
        data: Weights(f"{_DRIVE}/{file}/view", _SEAFORMER, classes, miou)
        for data, (file, classes, miou) in paper.items()
    }
    return Network(
        OWN_MODEL,
        f"SeaFormer_{variant.capitalize()}",
        {"ade20k": trained, **pages, IMAGENET: _imagenet(backbone, "seaformer")},
    )


def _on_ade20k(address: str, miou: float) -> Weights:
    return Weights(address, "PaddleSeg configs/seaformer", 150, miou)


def _topformer(variant: str, miou: float) -> Network:
    page = "PaddleSeg configs/topformer"
    return Network(
        "TopFormer",
        f"TopTransformer_{variant.capitalize()}",
        {
            "ade20k": Weights(f"{_BOS}/ade20k/topformer_{variant}_ade20k_512x512_160k/model.pdparams", page, 150, miou),
            IMAGENET: _imagenet(f"{_BOS}/backbone/topformer_{variant}_imagenet_pretrained.zip", "topformer"),
        },
    )


def _mobileseg(name: str, backbone: str, imagenet: str, miou: float) -> Network:
    address = f"{_BOS}/cityscapes/mobileseg_{name}_cityscapes_1024x512_80k/model.pdparams"
    return Network(
        "MobileSeg",
        backbone,
        {
            "cityscapes": Weights(address, "PaddleSeg configs/mobileseg", 19, miou),
            IMAGENET: _imagenet(f"{_BOS}/backbone/{imagenet}", "mobileseg"),
        },
    )


PUBLISHED: Dict[str, Network] = {
    "pp_mobileseg_tiny": _pp_mobileseg(
        "tiny", "StrideFormer_Tiny", "pp_mobileseg_tiny_pretrain/model.pdparams", 36.39
    ),
    "pp_mobileseg_base": _pp_mobileseg("base", "StrideFormer_Base", "pp_mobileseg/pretrain/model.pdparams", 41.57),
    "pp_mobileseg_tiny_fast": Network(OWN_MODEL, "StrideFormer_TinyFast", {}),
    "seaformer_tiny": _seaformer(
        "tiny",
        _on_ade20k(f"{_OLD_BOS}/ade20k/seaformer_tiny_ade20k_512x512_160k/model.pdparams", 34.58),
        {"ade20k_paper": ("1eIBkr2x5jv4eNaNUQpC-91tbIlktXSPi", 150, 36.5)},
    ),
    "seaformer_small": _seaformer(
        "small",
        _on_ade20k(f"{_OLD_BOS}/ade20k/seaformer_small_ade20k_512x512_160k/model.pdparam", 38.73),  # so on its page
        {
            "ade20k_paper": ("1hGXFVc7F-vLAKe3BLjqnS06_8Fo7CO-L", 150, 39.5),
            "cityscapes": ("1MQ-nkCMyrzUF_SnWyNCrjra9bPTmr7Iq", 19, 71.1),
            "cityscapes_1024x1024": ("1jaia2FsZrxVkXzVY-BmIwQXr523feAxC", 19, 76.4),
        },
    ),
    "seaformer_base": _seaformer(
        "base",
        _on_ade20k(f"{_BOS}/ade20k/seaformer_ade20k_512x512_160k/model.pdparams", 40.92),
        {
            "ade20k_paper": ("1flVg9imJTbgjcJrJiIn_3_lmYpaSKZuV", 150, 41.9),
            "cityscapes": ("1xIcxkwjIJgvPrm4UK7UXH5A5ZkNrCqRt", 19, 72.2),
            "cityscapes_1024x1024": ("1UgaSmQY1ZdFRokhHCB_u8HrDoNSodzIe", 19, 77.7),
        },
    ),
    "seaformer_large": _seaformer(
        "large",
        _on_ade20k(f"{_OLD_BOS}/ade20k/seaformer_large_ade20k_512x512_160k/model.pdparams", 43.66),
        {"ade20k_paper": ("1SUISoIpZujAYrxrvGPMJidzfYH2KYaAp", 150, 43.8)},
    ),
    "topformer_tiny": _topformer("tiny", 32.49),
    "topformer_base": _topformer("base", 38.28),
    "lraspp_mobilenetv3": Network(
        "LRASPP",
        "MobileNetV3_large_x1_0",
        {
            "cityscapes": Weights(
                f"{_BOS}/cityscapes/lraspp_mobilenetv3_cityscapes_1024x512_80k_os32/model.pdparams",
                "PaddleSeg configs/lraspp",
                19,
                70.13,
            ),
            IMAGENET: _imagenet(f"{_BOS}/backbone/mobilenetv3_large_x1_0_ssld.tar.gz", "lraspp"),
        },
    ),
    "mobileseg_mobilenetv2": _mobileseg("mobilenetv2", "MobileNetV2_x1_0", "mobilenetv2_x1_0_ssld.tar.gz", 73.94),
    "mobileseg_mobilenetv3": _mobileseg(
        "mobilenetv3", "MobileNetV3_large_x1_0", "mobilenetv3_large_x1_0_ssld.tar.gz", 73.47
    ),
    "mobileseg_litehrnet18": _mobileseg("litehrnet18", "Lite_HRNet_18", "lite_hrnet_18.tar.gz", 70.75),
    "mobileseg_shufflenetv2": _mobileseg("shufflenetv2", "ShuffleNetV2_x1_0", "shufflenetv2_x1_0.zip", 69.46),
    "mobileseg_ghostnet": _mobileseg("ghostnet", "GhostNet_x1_0", "ghostnet_x1_0.zip", 71.88),
}
"""By the name in the table of models."""

_NAMES = frozenset(name for network in PUBLISHED.values() for name in network.weights)


def is_name(pretrained: Any) -> bool:
    """Whether a value of `pretrained` is meant as published weights: a name, or a word that is no path.

    A file or folder that is called like published weights is to be given as ./NAME.
    """
    if not isinstance(pretrained, str):
        return False
    return pretrained in _NAMES or re.fullmatch(r"\w+", pretrained) is not None and not os.path.exists(pretrained)


def find_network(model: Optional[str], backbone: str) -> str:
    """The name of the network that is spelt so.

    Args:
        model: the model's type; None where only the backbone is known.
        backbone: the backbone's type.

    Raises:
        InputError: no weights of it are known.
    """
    for name, network in PUBLISHED.items():
        if network.backbone == backbone and model in (None, network.model):
            return name
    spelt = f"{model} with {backbone}" if model else backbone
    raise InputError(f"no published weights are known by name for {spelt}; give an address or a path as `pretrained`")


def find_weights(network: str, name: str) -> Weights:
    """The weights called `name` of a network of the table of models.

    Raises:
        InputError: there are none of that name, or a person must download them from a page.
    """
    known = PUBLISHED[network].weights
    if not known:
        raise InputError(
            f"nobody published weights of {network}: start at random (`mobileseg init --pretrained none`, a config "
            "without `pretrained`), or give an address or a path"
        )
    if name not in known:
        raise InputError(
            f"nobody published weights '{name}' of {network}{near(name, known)}; choose from {', '.join(known)}, or "
            "give an address or a path"
        )
    check_address(known[name].address)
    return known[name]


def segmentation_weights(network: str) -> Dict[str, Weights]:
    """The weights of a whole network, by name; none of a network that is not in the table of models."""
    known = PUBLISHED[network].weights if network in PUBLISHED else {}
    return {name: weights for name, weights in known.items() if weights.classes is not None}


def with_published(model: Mapping[str, Any], chosen: Optional[str] = None) -> Dict[str, Any]:
    """A config's section of a model with the names of published weights looked up.

    Args:
        model: the section; a model within it, such as a teacher, is looked at too.
        chosen: weights to start the whole model from instead, or its backbone for "imagenet": a name, an address or a
            path.

    Returns:
        The section with addresses in place of names, but where the model knows them itself. Weights of the whole model
        that were chosen or named leave none for the backbone to fetch.

    Raises:
        InputError: there are no such weights, they are on a page, or `chosen` finds no backbone in the section.
    """
    section = {
        key: with_published(value) if isinstance(value, Mapping) and key != "backbone" else value
        for key, value in model.items()
    }
    backbone = section.get("backbone")
    if not isinstance(backbone, Mapping):
        if chosen:
            raise InputError(f"{section.get('type')} has no backbone of its own: set `pretrained` in the config")
        return section
    whole, part = chosen or section.get("pretrained"), backbone.get("pretrained")
    if whole == IMAGENET:
        section.pop("pretrained", None)
        whole, part = None, IMAGENET
    if is_name(whole):
        network = find_network(section.get("type"), backbone.get("type"))
        address = find_weights(network, whole).address
        whole, part = whole if section["type"] == OWN_MODEL else address, None
    elif chosen and whole:
        part = None
    if is_name(part):
        part = find_weights(find_network(section.get("type"), backbone.get("type")), part).address
    return {**_starting_from(section, whole), "backbone": _starting_from(backbone, part)}


def _starting_from(section: Mapping[str, Any], pretrained: Optional[str]) -> Dict[str, Any]:
    rest = {key: value for key, value in section.items() if key != "pretrained"}
    return rest if pretrained is None else {**rest, "pretrained": pretrained}


def listing() -> List[Dict[str, Any]]:
    """One row for each of the published weights; `by_hand` where the address is a page to download it from."""
    return [
        {"model": model, "pretrained": name, **vars(weights), "by_hand": weights.address.startswith(_DRIVE)}
        for model, network in PUBLISHED.items()
        for name, weights in network.weights.items()
    ]
