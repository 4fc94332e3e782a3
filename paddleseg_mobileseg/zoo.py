"""The table of models: how to build each, what was published about it, and where its checkpoint is."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional

from paddle import nn

from .backbones import StrideFormer_Base, StrideFormer_Tiny
from .errors import InputError
from .necks import AAM
from .segmentor import MobileSegmentor


@dataclass(frozen=True)
class Published:
    """What a paper or its code says of a model.

    Attributes:
        miou: percent, on the data set's validation images.
        latency_ms: on a Snapdragon 855, one thread, 512x512, with the label map.
        parameters_m: millions.
        flops_g: thousand millions of multiply-adds at 512x512.
        source: where the figures stand.
    """

    miou: Optional[float] = None
    latency_ms: Optional[float] = None
    parameters_m: Optional[float] = None
    flops_g: Optional[float] = None
    source: str = ""


@dataclass(frozen=True)
class Model:
    """One row of the table.

    Attributes:
        build: from the number of classes (and the arguments of `MobileSegmentor`) to the network.
        configs: by data set, relative to the folder of configs.
        published: by data set.
        checkpoint: by data set, where its authors published the weights.
        note: what a reader of the figures must know.
    """

    name: str
    title: str
    build: Callable[..., nn.Layer]
    configs: Dict[str, str] = field(default_factory=dict)
    published: Dict[str, Published] = field(default_factory=dict)
    checkpoint: Dict[str, str] = field(default_factory=dict)
    note: str = ""


def _pp_mobileseg(backbone: Callable[..., nn.Layer], output_stride: int) -> Callable[..., nn.Layer]:
    def build(num_classes: int, **segmentor: Any) -> nn.Layer:
        return MobileSegmentor(num_classes, backbone(), AAM(output_stride=output_stride), **segmentor)

    return build


_PP_MOBILESEG_NOTE = (
    "Published parameter counts differ between the paper's tables and PaddleSeg's pages, and no single counting "
    "rule gives them all; counted here: trainable parameters with 150 classes."
)

MODELS: List[Model] = [
    Model(
        name="pp_mobileseg_tiny",
        title="PP-MobileSeg-Tiny",
        build=_pp_mobileseg(StrideFormer_Tiny, output_stride=16),
        configs={
            "ade20k": "pp_mobileseg/pp_mobileseg_tiny_ade20k_512x512_80k.yml",
            "cityscapes": "pp_mobileseg/pp_mobileseg_tiny_cityscapes_1024x512_80k.yml",
        },
        published={
            "ade20k": Published(36.39, 215.3, 1.44, source="arXiv:2304.05152 and PaddleSeg configs/pp_mobileseg"),
        },
        checkpoint={"ade20k": "https://bj.bcebos.com/paddleseg/dygraph/ade20k/pp_mobileseg_tiny/model.pdparams"},
        note=_PP_MOBILESEG_NOTE,
    ),
    Model(
        name="pp_mobileseg_base",
        title="PP-MobileSeg-Base",
        build=_pp_mobileseg(StrideFormer_Base, output_stride=8),
        configs={
            "ade20k": "pp_mobileseg/pp_mobileseg_base_ade20k_512x512_80k.yml",
            "cityscapes": "pp_mobileseg/pp_mobileseg_base_cityscapes_1024x512_80k.yml",
        },
        published={
            "ade20k": Published(41.57, 265.5, 5.62, source="arXiv:2304.05152 and PaddleSeg configs/pp_mobileseg"),
        },
        checkpoint={"ade20k": "https://bj.bcebos.com/paddleseg/dygraph/ade20k/pp_mobileseg_base/model.pdparams"},
        note=_PP_MOBILESEG_NOTE,
    ),
]


def find_model(name: str) -> Model:
    """The row called `name`.

    Raises:
        InputError: there is none; the message lists the names.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise InputError(f"there is no model '{name}'; choose from {', '.join(model.name for model in MODELS)}")


def build_model(name: str, num_classes: int, **segmentor: Any) -> nn.Layer:
    """Build a network of the table with random weights.

    Args:
        name: as `mobileseg models` lists it.
        num_classes: classes of the logits.
        segmentor: further arguments of `MobileSegmentor`, such as `upsample` or `pretrained`.

    Raises:
        InputError: there is no such model.
    """
    return find_model(name).build(num_classes, **segmentor)
