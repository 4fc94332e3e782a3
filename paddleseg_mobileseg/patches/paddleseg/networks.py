"""PaddleSeg's own mobile networks: names that are given twice, sizes that do not fit."""

import functools
from collections import Counter
from typing import Any, List

import paddle

from ..patch import NotApplicable, Patch, lookup, source_of

_BACKBONES = "paddleseg.models.backbones."

SIZE_MULTIPLE = 32
"""What the heights and widths that TopFormer and Lite-HRNet compute on are multiples of."""


def _named_layers() -> List[type]:
    """The layers of MobileNetV2, ShuffleNetV2 and GhostNet that give every parameter a fixed name."""
    found = []
    for module in ("mobilenetv2", "shufflenetv2", "ghostnet"):
        layers = [lookup(_BACKBONES + module, "ConvBNLayer")]
        if module == "ghostnet":
            layers.append(lookup(_BACKBONES + module, "SEBlock"))
        found += [layer for layer in layers if '_weights"' in source_of(layer)]
    return found


def _tell_all_apart() -> None:
    built: Counter = Counter()
    for layer in _named_layers():
        _tell_apart(layer, built)


def _tell_apart(layer: type, built: Counter) -> None:
    """Put a number behind the `name` of a layer where it was given before.

    The first network of a process keeps the names, by which the optimizer's state is stored in checkpoints.
    """
    build = layer.__init__

    @functools.wraps(build)
    def __init__(self, *args: Any, name: str, **kwargs: Any):
        repeated = built[name]
        built[name] += 1
        build(self, *args, name=f"{name}_again{repeated}" if repeated else name, **kwargs)

    layer.__init__ = __init__


REPEATED_PARAMETER_NAMES = Patch(
    name="repeated_parameter_names",
    what="a second MobileNetV2, ShuffleNetV2 or GhostNet in one process stops with ValueError",
    upstream="paddleseg/models/backbones/mobilenetv2.py, shufflenetv2.py and ghostnet.py, ConvBNLayer and SEBlock: "
    "fixed parameter names, which Paddle accepts once a process",
    detect=lambda: bool(_named_layers()),
    apply=_tell_all_apart,
)


def _fixed_windows() -> List[type]:
    """The backbones that pool their features by windows which only fit for multiples of 32."""
    found, missing = [], []
    for module, pooling, backbone in (
        ("top_transformer", "PyramidPoolAgg", "TopTransformer"),
        ("lite_hrnet", "CrossResolutionWeightingModule", "LiteHRNet"),
    ):
        try:
            source = source_of(lookup(_BACKBONES + module, pooling))
            owner = lookup(_BACKBONES + module, backbone)
        except NotApplicable as error:
            missing.append(str(error))
            continue
        if "F.avg_pool2d(" in source and "ceil_mode" not in source:
            found.append(owner)
    if missing and not found:
        raise NotApplicable("; ".join(missing))
    return found


def _resize_before_all() -> None:
    # Its `if` is about Python numbers, and must not become a condition in the graph.
    paddle.jit.not_to_static(resized_to_multiple)
    for backbone in _fixed_windows():
        backbone.forward_multiple, backbone.forward = backbone.forward, _forward_any_size


def _forward_any_size(self, x):
    # The method is reached through the class, since to_static knows neither closures nor functools.wraps.
    return self.forward_multiple(resized_to_multiple(x))


def next_multiple(size: int) -> int:
    """The smallest multiple of 32 that is not below `size`."""
    return -(-size // SIZE_MULTIPLE) * SIZE_MULTIPLE


def resized_to_multiple(x):
    """`x` [N, C, H, W], bilinearly enlarged where H or W is no multiple of 32.

    As `size_divisor: 32` of the published configs does it before the network, which resizes its logits to the size
    of the image in any case. An open size (-1, while exporting) cannot be asked: such an export goes on to take
    multiples of 32 only.
    """
    height, width = x.shape[2:]
    if -1 in (height, width) or height % SIZE_MULTIPLE == width % SIZE_MULTIPLE == 0:
        return x
    size = [next_multiple(height), next_multiple(width)]
    return paddle.nn.functional.interpolate(x, size, mode="bilinear", align_corners=False)


SIZES_BETWEEN_MULTIPLES = Patch(
    name="sizes_between_multiples",
    what="TopFormer and Lite-HRNet stop at an image whose height or width is no multiple of 32",
    upstream="paddleseg/models/backbones/top_transformer.py, PyramidPoolAgg, and lite_hrnet.py, "
    "CrossResolutionWeightingModule: average pools over fixed windows",
    detect=lambda: bool(_fixed_windows()),
    apply=_resize_before_all,
)

PATCHES = [REPEATED_PARAMETER_NAMES, SIZES_BETWEEN_MULTIPLES]
