"""The table of models: how to build each, what was published about it, and where its checkpoint is."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from paddle import nn
from paddleseg.cvlibs import manager

from ..errors import InputError
from .backbones import (
    SeaFormer_Base,
    SeaFormer_Large,
    SeaFormer_Small,
    SeaFormer_Tiny,
    StrideFormer_Base,
    StrideFormer_Tiny,
)
from .necks import AAM, SeaFusion
from .segmentor import MobileSegmentor


@dataclass(frozen=True)
class Published:
    """What a paper or its code says of a model.

    Attributes:
        miou: percent, on the data set's validation images.
        latency_ms: on a Snapdragon 855, one thread; with the label map where it is of 512x512.
        parameters_m: millions.
        flops_g: thousand millions of multiply-adds, at 512x512 for ADE20K.
        source: where the figures stand.
        latency_size: height and width of the picture that latency_ms is of.
    """

    miou: Optional[float] = None
    latency_ms: Optional[float] = None
    parameters_m: Optional[float] = None
    flops_g: Optional[float] = None
    source: str = ""
    latency_size: Tuple[int, int] = (512, 512)


@dataclass(frozen=True)
class Model:
    """One row of the table.

    Attributes:
        build: from the number of classes (and further arguments of the model's class) to the network.
        configs: by data set, relative to the folder of configs.
        published: by data set.
        checkpoint: by data set, where its authors published the weights.
        note: what a reader of the figures must know.
        counting_rule: by which the published parameters were counted, a key of `complexity.COUNTING_RULES`; empty
            where that is not known, and the note then says so.
    """

    name: str
    title: str
    build: Callable[..., nn.Layer]
    configs: Dict[str, str] = field(default_factory=dict)
    published: Dict[str, Published] = field(default_factory=dict)
    checkpoint: Dict[str, str] = field(default_factory=dict)
    note: str = ""
    counting_rule: str = ""


def _pp_mobileseg(backbone: Callable[..., nn.Layer], output_stride: int) -> Callable[..., nn.Layer]:
    def build(num_classes: int, **segmentor: Any) -> nn.Layer:
        return MobileSegmentor(num_classes, backbone(), AAM(output_stride=output_stride), **segmentor)

    return build


def _seaformer(backbone: Callable[..., nn.Layer], *channels: int) -> Callable[..., nn.Layer]:
    def build(num_classes: int, **segmentor: Any) -> nn.Layer:
        return MobileSegmentor(num_classes, backbone(), SeaFusion(channels), **segmentor)

    return build


def _paddleseg(
    model: str, backbone: str, backbone_options: Optional[Dict[str, Any]] = None, **options: Any
) -> Callable[..., nn.Layer]:
    """PaddleSeg's own `model` around its own `backbone`."""

    def build(num_classes: int, **further: Any) -> nn.Layer:
        layers = manager.BACKBONES[backbone](**(backbone_options or {}))
        return manager.MODELS[model](num_classes, layers, **options, **further)

    return build


def _mobileseg(
    backbone: str, backbone_options: Optional[Dict[str, Any]] = None, **options: Any
) -> Callable[..., nn.Layer]:
    return _paddleseg(
        "MobileSeg",
        backbone,
        backbone_options,
        cm_bin_sizes=[1, 2, 4],
        cm_out_ch=128,
        arm_out_chs=[32, 64, 128],
        seg_head_inter_chs=[32, 32, 32],
        **options,
    )


def _mobileseg_row(name: str, title: str, build: Callable[..., nn.Layer], miou: float, fps: float) -> Model:
    """MobileSeg as PaddleSeg publishes it, on Cityscapes; frames a second at 256x256."""
    stem = f"{name}_cityscapes_1024x512_80k"
    latency = round(1000 / fps, 1)
    return Model(
        name=name,
        title=title,
        build=build,
        configs={"cityscapes": f"mobileseg/{stem}.yml"},
        published={"cityscapes": Published(miou, latency, source=_MOBILESEG_SOURCE, latency_size=(256, 256))},
        checkpoint={"cityscapes": f"https://paddleseg.bj.bcebos.com/dygraph/cityscapes/{stem}/model.pdparams"},
        note=_MOBILESEG_NOTE,
    )


_PP_MOBILESEG_NOTE = (
    "Published parameter counts differ between the paper's tables and PaddleSeg's pages, and no single counting "
    "rule gives them all; counted here: trainable parameters with 150 classes."
)

_SEAFORMER_SOURCE = "arXiv:2301.13156 and the README of github.com/fudan-zvg/SeaFormer"
_SEAFORMER_NOTE = (
    "Published mIoU is of training with 32 pictures an iteration. Latencies are from PaddleSeg's configs/pp_mobileseg "
    "table, where Tiny has mIoU 35.00 and Base 40.07. Checkpoints are PyTorch files, which `mobileseg import-weights` "
    "and `pretrained` read."
)

_RIVALS_SOURCE = "arXiv:2304.05152 and the table of rivals in PaddleSeg configs/pp_mobileseg"
_TOPFORMER_SOURCE = (
    "PaddleSeg configs/topformer (mIoU), arXiv:2304.05152 and PaddleSeg configs/pp_mobileseg (parameters, latency), "
    "the README of github.com/hustvl/TopFormer (multiply-adds)"
)
_TOPFORMER_NOTE = (
    "Published parameters hold the running statistics of the batch norms, the counted ones do not. The authors' own "
    "training with 32 pictures an iteration gives mIoU 34.6 for Tiny and 39.2 for Base. A picture whose height or "
    "width is no multiple of 32 is enlarged to one inside the network."
)
_MOBILESEG_SOURCE = "PaddleSeg configs/mobileseg"
_MOBILESEG_NOTE = (
    "PaddleSeg publishes no parameter count on Cityscapes. Two auxiliary heads that only training uses are counted."
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
    Model(
        name="seaformer_tiny",
        title="SeaFormer-Tiny",
        build=_seaformer(SeaFormer_Tiny, 64, 96),
        configs={
            "ade20k": "seaformer/seaformer_tiny_ade20k_512x512_160k.yml",
        },
        published={
            "ade20k": Published(36.5, 459.0, 1.7, 0.6, source=_SEAFORMER_SOURCE),
        },
        checkpoint={
            "ade20k": "https://drive.google.com/file/d/1eIBkr2x5jv4eNaNUQpC-91tbIlktXSPi/view",
        },
        note=_SEAFORMER_NOTE,
        counting_rule="trainable parameters",
    ),
    Model(
        name="seaformer_small",
        title="SeaFormer-Small",
        build=_seaformer(SeaFormer_Small, 96, 128),
        configs={
            "ade20k": "seaformer/seaformer_small_ade20k_512x512_160k.yml",
            "cityscapes": "seaformer/seaformer_small_cityscapes_1024x512_160k.yml",
            "cityscapes_1024x1024": "seaformer/seaformer_small_cityscapes_1024x1024_160k.yml",
        },
        published={
            "ade20k": Published(39.4, None, 4.0, 1.1, source=_SEAFORMER_SOURCE),
            "cityscapes": Published(71.1, flops_g=2.0, source=_SEAFORMER_SOURCE),
            "cityscapes_1024x1024": Published(76.4, flops_g=8.0, source=_SEAFORMER_SOURCE),
        },
        checkpoint={
            "ade20k": "https://drive.google.com/file/d/1hGXFVc7F-vLAKe3BLjqnS06_8Fo7CO-L/view",
            "cityscapes": "https://drive.google.com/file/d/1MQ-nkCMyrzUF_SnWyNCrjra9bPTmr7Iq/view",
            "cityscapes_1024x1024": "https://drive.google.com/file/d/1jaia2FsZrxVkXzVY-BmIwQXr523feAxC/view",
        },
        note=_SEAFORMER_NOTE,
        counting_rule="trainable parameters",
    ),
    Model(
        name="seaformer_base",
        title="SeaFormer-Base",
        build=_seaformer(SeaFormer_Base, 128, 160),
        configs={
            "ade20k": "seaformer/seaformer_base_ade20k_512x512_160k.yml",
            "cityscapes": "seaformer/seaformer_base_cityscapes_1024x512_160k.yml",
            "cityscapes_1024x1024": "seaformer/seaformer_base_cityscapes_1024x1024_160k.yml",
        },
        published={
            "ade20k": Published(41.9, 465.4, 8.6, 1.8, source=_SEAFORMER_SOURCE),
            "cityscapes": Published(72.2, flops_g=3.4, source=_SEAFORMER_SOURCE),
            "cityscapes_1024x1024": Published(77.7, flops_g=13.7, source=_SEAFORMER_SOURCE),
        },
        checkpoint={
            "ade20k": "https://drive.google.com/file/d/1flVg9imJTbgjcJrJiIn_3_lmYpaSKZuV/view",
            "cityscapes": "https://drive.google.com/file/d/1xIcxkwjIJgvPrm4UK7UXH5A5ZkNrCqRt/view",
            "cityscapes_1024x1024": "https://drive.google.com/file/d/1UgaSmQY1ZdFRokhHCB_u8HrDoNSodzIe/view",
        },
        note=_SEAFORMER_NOTE,
        counting_rule="trainable parameters",
    ),
    Model(
        name="seaformer_large",
        title="SeaFormer-Large",
        build=_seaformer(SeaFormer_Large, 128, 160, 192),
        configs={
            "ade20k": "seaformer/seaformer_large_ade20k_512x512_160k.yml",
        },
        published={
            "ade20k": Published(43.8, None, 14.0, 6.5, source=_SEAFORMER_SOURCE),
        },
        checkpoint={
            "ade20k": "https://drive.google.com/file/d/1SUISoIpZujAYrxrvGPMJidzfYH2KYaAp/view",
        },
        note=_SEAFORMER_NOTE,
        counting_rule="trainable parameters",
    ),
    Model(
        name="topformer_tiny",
        title="TopFormer-Tiny",
        build=_paddleseg("TopFormer", "TopTransformer_Tiny", {"lr_mult": 0.1}, head_use_dw=True),
        configs={
            "ade20k": "topformer/topformer_tiny_ade20k_512x512_160k.yml",
            "cityscapes": "topformer/topformer_tiny_cityscapes_1024x512_80k.yml",
        },
        published={"ade20k": Published(32.49, 490.3, 1.41, 0.6, source=_TOPFORMER_SOURCE)},
        checkpoint={
            "ade20k": "https://paddleseg.bj.bcebos.com/dygraph/ade20k/topformer_tiny_ade20k_512x512_160k/model.pdparams",
        },
        note=_TOPFORMER_NOTE,
        counting_rule="parameters and running statistics",
    ),
    Model(
        name="topformer_base",
        title="TopFormer-Base",
        build=_paddleseg("TopFormer", "TopTransformer_Base", {"lr_mult": 0.1}),
        configs={
            "ade20k": "topformer/topformer_base_ade20k_512x512_160k.yml",
            "cityscapes": "topformer/topformer_base_cityscapes_1024x512_80k.yml",
        },
        published={"ade20k": Published(38.28, 480.6, 5.13, 1.8, source=_TOPFORMER_SOURCE)},
        checkpoint={
            "ade20k": "https://paddleseg.bj.bcebos.com/dygraph/ade20k/topformer_base_ade20k_512x512_160k/model.pdparams",
        },
        note=_TOPFORMER_NOTE,
        counting_rule="parameters and running statistics",
    ),
    Model(
        name="lraspp_mobilenetv3",
        title="LR-ASPP, MobileNetV3-Large",
        build=_paddleseg("LRASPP", "MobileNetV3_large_x1_0", backbone_indices=[0, 1, 3]),
        configs={
            "ade20k": "lraspp/lraspp_mobilenetv3_ade20k_512x512_80k.yml",
            "cityscapes": "lraspp/lraspp_mobilenetv3_cityscapes_1024x512_80k.yml",
        },
        published={
            "ade20k": Published(33.10, 730.9, 3.20, source=_RIVALS_SOURCE),
            "cityscapes": Published(70.13, source="PaddleSeg configs/lraspp, output stride 32"),
        },
        checkpoint={
            "cityscapes": "https://paddleseg.bj.bcebos.com/dygraph/cityscapes/"
            "lraspp_mobilenetv3_cityscapes_1024x512_80k_os32/model.pdparams",
        },
        note="How the published parameters of LR-ASPP were counted is not known: PaddleSeg's network has fewer by any "
        "rule, also with the running statistics of the batch norms (2.96 M).",
    ),
    _mobileseg_row(
        "mobileseg_mobilenetv2", "MobileSeg, MobileNetV2", _mobileseg("MobileNetV2_x1_0"), miou=73.94, fps=27.01
    ),
    Model(
        name="mobileseg_mobilenetv3",
        title="MobileSeg, MobileNetV3-Large",
        build=_mobileseg("MobileNetV3_large_x1_0"),
        configs={
            "ade20k": "mobileseg/mobileseg_mobilenetv3_ade20k_512x512_80k.yml",
            "cityscapes": "mobileseg/mobileseg_mobilenetv3_cityscapes_1024x512_80k.yml",
        },
        published={
            "ade20k": Published(33.26, 391.5, 2.85, source=_RIVALS_SOURCE),
            "cityscapes": Published(73.47, 30.4, source=_MOBILESEG_SOURCE, latency_size=(256, 256)),
        },
        checkpoint={
            "cityscapes": "https://paddleseg.bj.bcebos.com/dygraph/cityscapes/"
            "mobileseg_mobilenetv3_cityscapes_1024x512_80k/model.pdparams",
        },
        note="How the published parameters of MobileSeg-Base were counted is not known: the network has more by any "
        "rule (2.97 M without the two auxiliary heads that only training uses).",
    ),
    _mobileseg_row(
        "mobileseg_litehrnet18",
        "MobileSeg, Lite-HRNet-18",
        # By default PaddleSeg freezes every batch norm and cuts the first branch from the gradient.
        _mobileseg(
            "Lite_HRNet_18",
            {"use_head": True, "freeze_norm": False, "freeze_at": -1},
            backbone_indices=[0, 1, 2],
        ),
        miou=70.75,
        fps=13.05,
    ),
    _mobileseg_row(
        "mobileseg_shufflenetv2", "MobileSeg, ShuffleNetV2", _mobileseg("ShuffleNetV2_x1_0"), miou=69.46, fps=39.61
    ),
    _mobileseg_row("mobileseg_ghostnet", "MobileSeg, GhostNet", _mobileseg("GhostNet_x1_0"), miou=71.88, fps=38.74),
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


def build_model(name: str, num_classes: int, **further: Any) -> nn.Layer:
    """Build a network of the table with random weights.

    Args:
        name: as `mobileseg models` lists it.
        num_classes: classes of the logits.
        further: arguments of the model's class, such as `pretrained`; for the networks of this plugin those of
            `MobileSegmentor`, such as `upsample`.

    Raises:
        InputError: there is no such model.
    """
    return find_model(name).build(num_classes, **further)
