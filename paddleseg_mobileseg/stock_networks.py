"""Mending PaddleSeg's own mobile networks: each function is named after the fault, as in `compat`."""

import functools
import importlib
import inspect
from collections import Counter
from typing import Any

from .compat import Fault

_BACKBONES = "paddleseg.models.backbones."

SIZE_MULTIPLE = 32
"""What the heights and widths that TopFormer and Lite-HRNet compute on are multiples of."""


def repeated_parameter_names() -> Fault:
    """MobileNetV2, ShuffleNetV2 and GhostNet give every parameter a fixed name, which Paddle accepts once a process.

    The first network of a process keeps the names, by which the optimizer's state is stored in checkpoints;
    the names of a later one get a number behind them.
    """
    built: Counter = Counter()
    faulty = False
    for module in ("mobilenetv2", "shufflenetv2", "ghostnet"):
        module = importlib.import_module(_BACKBONES + module)
        for layer in filter(None, (getattr(module, name, None) for name in ("ConvBNLayer", "SEBlock"))):
            if '_weights"' in inspect.getsource(layer):
                _tell_apart(layer, built)
                faulty = True
    return Fault(
        "repeated_parameter_names",
        "a second MobileNetV2, ShuffleNetV2 or GhostNet in one process stops with ValueError",
        found=faulty,
        mended=faulty,
    )


def _tell_apart(layer: type, built: Counter) -> None:
    """Put a number behind the `name` of a layer where it was given before."""
    build = layer.__init__

    @functools.wraps(build)
    def __init__(self, *args: Any, name: str, **kwargs: Any):
        repeated = built[name]
        built[name] += 1
        build(self, *args, name=f"{name}_again{repeated}" if repeated else name, **kwargs)

    layer.__init__ = __init__


def sizes_between_multiples() -> Fault:
    """TopTransformer and LiteHRNet pool their features by fixed windows, whose results only fit for multiples of 32.

    A picture of another size is resized to the next multiple as it enters the backbone, as `size_divisor: 32` of
    the published configs does it before. The network resizes its logits to the size of the picture in any case.
    """
    faulty = False
    for module, pooling, backbone in (
        ("top_transformer", "PyramidPoolAgg", "TopTransformer"),
        ("lite_hrnet", "CrossResolutionWeightingModule", "LiteHRNet"),
    ):
        module = importlib.import_module(_BACKBONES + module)
        source = inspect.getsource(getattr(module, pooling))
        if "F.avg_pool2d(" in source and "ceil_mode" not in source:
            _resize_before(getattr(module, backbone))
            faulty = True
    return Fault(
        "sizes_between_multiples",
        "TopFormer and Lite-HRNet stop at a picture whose height or width is no multiple of 32",
        found=faulty,
        mended=faulty,
    )


def _resize_before(backbone: type) -> None:
    """Let `backbone` see pictures of fitting sizes only."""
    import paddle

    # Its `if` is about Python numbers, and must not become a condition in the graph.
    paddle.jit.not_to_static(resized_to_multiple)
    backbone.forward_multiple, backbone.forward = backbone.forward, _forward_any_size


def _forward_any_size(self, x):
    # The method is reached through the class, since to_static knows neither closures nor functools.wraps.
    return self.forward_multiple(resized_to_multiple(x))


def next_multiple(size: int) -> int:
    """The smallest multiple of 32 that is not below `size`."""
    return -(-size // SIZE_MULTIPLE) * SIZE_MULTIPLE


def resized_to_multiple(x):
    """`x` [N, C, H, W], bilinearly enlarged where H or W is no multiple of 32.

    An open size (-1, while exporting) cannot be asked: such an export goes on to take multiples of 32 only.
    """
    import paddle

    height, width = x.shape[2:]
    if -1 in (height, width) or height % SIZE_MULTIPLE == width % SIZE_MULTIPLE == 0:
        return x
    size = [next_multiple(height), next_multiple(width)]
    return paddle.nn.functional.interpolate(x, size, mode="bilinear", align_corners=False)
