"""The table of models: how to build each, and what was published about it. Weights: `checkpoints.published`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from paddle import nn

from ..checkpoints.loading import fits_classes, load_weights
from ..checkpoints.published import IMAGENET, Weights, find_weights, is_name, segmentation_weights
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
        published: by data set; empty for a network of this project's own.
        note: what a reader of the figures must know.
        counting_rule: by which the published parameters were counted, a key of `complexity.COUNTING_RULES`; empty
            where that is not known, and the note then says so.
    """

    name: str
    title: str
    configs: Dict[str, str] = field(default_factory=dict)
    published: Dict[str, Published] = field(default_factory=dict)
    note: str = ""
    counting_rule: str = ""

    def build(self, num_classes: int, backbone_weights: Optional[str] = None, **further: Any) -> nn.Layer:
        """The network of the first config with random weights, or those of an address in its backbone; the other
        arguments are those of `build_model`.
        """
        config = CONFIGS / next(iter(self.configs.values()))
        section = without_pretrained(read_content(config)["model"])
        if backbone_weights is not None:
            section["backbone"]["pretrained"] = backbone_weights
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

_OWN_NOTE = (
    "An architecture of this project: nobody has trained it on ImageNet or ADE20K, no weights of it are published, and "
    "what it was compared by is the built-in scenes (benchmarks/README.md). Its parameters are counted with the "
    "branches that only training has."
)

_SEAFORMER_SOURCE = "arXiv:2301.13156 and the README of github.com/fudan-zvg/SeaFormer"
_SEAFORMER_NOTE = (
    "Published mIoU is of training with 32 images an iteration. Latencies are from PaddleSeg's configs/pp_mobileseg "
    "table, where Tiny has mIoU 35.00 and Base 40.07. The authors' checkpoints are PyTorch files, which `mobileseg "
    "import-weights` and `pretrained` read."
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
        note=_PP_MOBILESEG_NOTE,
    ),
    Model(
        name="pp_mobileseg_tiny_fast",
        title="PP-MobileSeg-Tiny-Fast, this project's",
        configs={
            "ade20k": "pp_mobileseg/pp_mobileseg_tiny_fast_ade20k_512x512_80k.yml",
            "cityscapes": "pp_mobileseg/pp_mobileseg_tiny_fast_cityscapes_1024x512_80k.yml",
        },
        note=_OWN_NOTE,
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
    name: str, num_classes: Optional[int] = None, pretrained: Union[bool, str, Path, None] = None, **further: Any
) -> nn.Layer:
    """Build a network of the table, as its config describes it.

    Args:
        name: one of `list_models()`.
        num_classes: classes of the logits; by default those of the published weights that `pretrained` names.
        pretrained: None for random weights; the name of published weights, which are downloaded: a data set's, such as
            "ade20k" or "cityscapes", for the whole network (with another number of classes than theirs the classifier
            stays random), or "imagenet" for the backbone (`mobileseg models --pretrained` lists them); True for those
            of the number of classes, or else the first; or a checkpoint, as of `load_weights`, which must have this
            number of classes unless `pretrained_classifier` is False.
        further: arguments of the model's class that replace those of its config; for the networks of this plugin
            those of `MobileSegmentor`, such as `upsample` and `pretrained_classifier`.

    Returns:
        A layer that takes images [N, 3, H, W], float32, normalised, and gives a list whose first element is the
        logits [N, num_classes, H, W].

    Raises:
        InputError: there is no such model, the number of classes is not known, or the weights cannot be had or do not
            fit.
    """
    row = find_model(name)
    weights = _published_weights(name, num_classes, pretrained)
    if num_classes is None:
        if weights is None or weights.classes is None:
            raise InputError(f"how many classes should {name} have? Give num_classes")
        num_classes = weights.classes
    if weights is not None and weights.classes is None:
        return row.build(num_classes, weights.address, **further)
    network = row.build(num_classes, **further)
    classifier = further.get("pretrained_classifier", True)
    if weights is not None:
        load_weights(network, weights.address, fits_classes(weights, num_classes) and classifier)
    elif pretrained:
        load_weights(network, pretrained, classifier)
    return network


def _published_weights(
    name: str, num_classes: Optional[int], pretrained: Union[bool, str, Path, None]
) -> Optional[Weights]:
    """The published weights that `pretrained` asks for, None if it asks for no such."""
    if pretrained is True:
        known = segmentation_weights(name)
        fitting = [data for data, weights in known.items() if weights.classes == num_classes]
        return find_weights(name, next(iter(fitting or known), IMAGENET))
    return find_weights(name, pretrained) if is_name(pretrained) else None
