"""The table of models: how to build each, what was published about it, and where its checkpoint is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from paddle import nn

from ..checkpoints.loading import load_weights
from ..config.reader import build_component, read_content, without_pretrained
from ..errors import InputError, near
from ..paths import CONFIGS
from . import registered  # noqa: F401  what a config may name


@dataclass(frozen=True)
class Published:
    """What a paper or its code says of a model.

    Attributes:
        miou: percent, on the data set's validation images.
        latency_ms: on a Snapdragon 855, one thread; with the label map where it is of 512x512.
        parameters_m: millions.
        flops_g: giga multiply-adds, at 512x512 for ADE20K.
        source: where the figures stand.
        latency_size: height and width of the image that latency_ms is of.
    """

    miou: Optional[float] = None
    latency_ms: Optional[float] = None
    parameters_m: Optional[float] = None
    flops_g: Optional[float] = None
    source: str = ""
    latency_size: Tuple[int, int] = (512, 512)


@dataclass(frozen=True)
class Model:
    """One row of the table. What the network is made of stands in its configs.

    Attributes:
        configs: by data set, relative to the folder of configs.
        published: by data set.
        checkpoint: by data set, where its authors published the weights.
        note: what a reader of the figures must know.
        counting_rule: by which the published parameters were counted, a key of `complexity.COUNTING_RULES`; empty
            where that is not known, and the note then says so.
    """

    name: str
    title: str
    configs: Dict[str, str] = field(default_factory=dict)
    published: Dict[str, Published] = field(default_factory=dict)
    checkpoint: Dict[str, str] = field(default_factory=dict)
    note: str = ""
    counting_rule: str = ""

    def build(self, num_classes: int, **further: Any) -> nn.Layer:
        """The network of the first config with random weights; the arguments are those of `build_model`."""
        config = CONFIGS / next(iter(self.configs.values()))
        section = without_pretrained(read_content(config)["model"])
        return build_component({**section, "num_classes": num_classes, **further})


def _mobileseg_row(name: str, title: str, miou: float, fps: float) -> Model:
    """MobileSeg as PaddleSeg publishes it, on Cityscapes; frames a second at 256x256."""
    stem = f"{name}_cityscapes_1024x512_80k"
    latency = round(1000 / fps, 1)
    return Model(
        name=name,
        title=title,
        configs={"cityscapes": f"mobileseg/{stem}.yml"},
        published={"cityscapes": Published(miou, latency, source=_MOBILESEG_SOURCE, latency_size=(256, 256))},
        checkpoint={"cityscapes": f"https://paddleseg.bj.bcebos.com/dygraph/cityscapes/{stem}/model.pdparams"},
        note=_MOBILESEG_NOTE,
    )


def _further_data(stem: str) -> Dict[str, str]:
    """The configs for Pascal Context and COCO-Stuff 10k of a network; `stem` is what their names begin with."""
    return {
        "pascal_context": f"{stem}_pascal_context_480x480_80k.yml",
        "pascal_context_59": f"{stem}_pascal_context_59_480x480_80k.yml",
        "coco_stuff_10k": f"{stem}_coco_stuff_10k_512x512_80k.yml",
    }


_PP_MOBILESEG_NOTE = (
    "Published parameter counts differ between the paper's tables and PaddleSeg's pages, and no single counting "
    "rule gives them all; counted here: trainable parameters with 150 classes."
)

_SEAFORMER_SOURCE = "arXiv:2301.13156 and the README of github.com/fudan-zvg/SeaFormer"
_SEAFORMER_NOTE = (
    "Published mIoU is of training with 32 images an iteration. Latencies are from PaddleSeg's configs/pp_mobileseg "
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
    "training with 32 images an iteration gives mIoU 34.6 for Tiny and 39.2 for Base. An image whose height or "
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
        configs={
            "ade20k": "seaformer/seaformer_tiny_ade20k_512x512_160k.yml",
            **_further_data("seaformer/seaformer_tiny"),
            "coco_stuff_164k": "seaformer/seaformer_tiny_coco_stuff_164k_512x512_160k.yml",
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
        configs={
            "ade20k": "seaformer/seaformer_small_ade20k_512x512_160k.yml",
            "cityscapes": "seaformer/seaformer_small_cityscapes_1024x512_160k.yml",
            "cityscapes_1024x1024": "seaformer/seaformer_small_cityscapes_1024x1024_160k.yml",
            **_further_data("seaformer/seaformer_small"),
            "coco_stuff_164k": "seaformer/seaformer_small_coco_stuff_164k_512x512_160k.yml",
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
        configs={
            "ade20k": "seaformer/seaformer_base_ade20k_512x512_160k.yml",
            "cityscapes": "seaformer/seaformer_base_cityscapes_1024x512_160k.yml",
            "cityscapes_1024x1024": "seaformer/seaformer_base_cityscapes_1024x1024_160k.yml",
            **_further_data("seaformer/seaformer_base"),
            "coco_stuff_164k": "seaformer/seaformer_base_coco_stuff_164k_512x512_160k.yml",
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
        configs={
            "ade20k": "topformer/topformer_tiny_ade20k_512x512_160k.yml",
            "cityscapes": "topformer/topformer_tiny_cityscapes_1024x512_80k.yml",
            **_further_data("topformer/topformer_tiny"),
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
        configs={
            "ade20k": "topformer/topformer_base_ade20k_512x512_160k.yml",
            "cityscapes": "topformer/topformer_base_cityscapes_1024x512_80k.yml",
            **_further_data("topformer/topformer_base"),
        },
        published={
            "ade20k": Published(38.28, 480.6, 5.13, 1.8, source=_TOPFORMER_SOURCE),
            "coco_stuff_10k": Published(33.43, source="arXiv:2204.05525 (mIoU on COCO-Stuff), as wizwand.com lists it"),
        },
        checkpoint={
            "ade20k": "https://paddleseg.bj.bcebos.com/dygraph/ade20k/topformer_base_ade20k_512x512_160k/model.pdparams",
        },
        note=_TOPFORMER_NOTE,
        counting_rule="parameters and running statistics",
    ),
    Model(
        name="lraspp_mobilenetv3",
        title="LR-ASPP, MobileNetV3-Large",
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
    _mobileseg_row("mobileseg_mobilenetv2", "MobileSeg, MobileNetV2", miou=73.94, fps=27.01),
    Model(
        name="mobileseg_mobilenetv3",
        title="MobileSeg, MobileNetV3-Large",
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
    _mobileseg_row("mobileseg_litehrnet18", "MobileSeg, Lite-HRNet-18", miou=70.75, fps=13.05),
    _mobileseg_row("mobileseg_shufflenetv2", "MobileSeg, ShuffleNetV2", miou=69.46, fps=39.61),
    _mobileseg_row("mobileseg_ghostnet", "MobileSeg, GhostNet", miou=71.88, fps=38.74),
]


def list_models() -> List[str]:
    """The names that `build_model` takes, as `mobileseg models` lists them."""
    return [model.name for model in MODELS]


def find_model(name: str) -> Model:
    """The row called `name`.

    Raises:
        InputError: there is none; the message lists the names.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise InputError(f"there is no model '{name}'{near(name, list_models())}; choose from {', '.join(list_models())}")


def build_model(
    name: str, num_classes: int, pretrained: Union[bool, str, Path, None] = None, **further: Any
) -> nn.Layer:
    """Build a network of the table, as its config describes it.

    Args:
        name: one of `list_models()`.
        num_classes: classes of the logits.
        pretrained: None for random weights; True for the weights that the network's authors published (downloaded;
            with another number of classes than theirs the classifier stays random); or a checkpoint, as of
            `load_weights`, which must have this number of classes unless `pretrained_classifier` is False.
        further: arguments of the model's class that replace those of its config; for the networks of this plugin
            those of `MobileSegmentor`, such as `upsample` and `pretrained_classifier`.

    Returns:
        A layer that takes images [N, 3, H, W], float32, normalised, and gives a list whose first element is the
        logits [N, num_classes, H, W].

    Raises:
        InputError: there is no such model, or the weights cannot be had or do not fit.
    """
    row = find_model(name)
    network = row.build(num_classes, **further)
    if pretrained is True:
        load_weights(network, *_published_weights(row, num_classes))
    elif pretrained:
        load_weights(network, pretrained, classifier=further.get("pretrained_classifier", True))
    return network


def _published_weights(row: Model, num_classes: int) -> Tuple[str, bool]:
    """The address of the weights to load for a number of classes, and whether their classifier is taken too."""
    classes = {data: read_content(CONFIGS / row.configs[data])["model"]["num_classes"] for data in row.checkpoint}
    if not classes:
        raise InputError(f"nobody published weights of {row.name}; give a checkpoint as `pretrained`")
    data = next((data for data, count in classes.items() if count == num_classes), next(iter(classes)))
    address = row.checkpoint[data]
    if "drive.google.com" in address:
        raise InputError(f"{address} is a page to download from by hand; do that, and give the file as `pretrained`")
    return address, classes[data] == num_classes
