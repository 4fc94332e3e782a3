"""SeaFormer and StrideFormer under PaddleDetection's interface of a backbone."""

from typing import Any, Iterable, List, Mapping, Optional, Sequence

from paddle import nn
from ppdet.core.workspace import register
from ppdet.modeling.shape_spec import ShapeSpec

from ..errors import InputError, near
from ..models.backbones import (
    SeaFormer_Base,
    SeaFormer_Large,
    SeaFormer_Small,
    SeaFormer_Tiny,
    StrideFormer_Base,
    StrideFormer_Tiny,
)

_SEAFORMERS = {
    "tiny": SeaFormer_Tiny,
    "small": SeaFormer_Small,
    "base": SeaFormer_Base,
    "large": SeaFormer_Large,
}
_STRIDEFORMERS = {"tiny": StrideFormer_Tiny, "base": StrideFormer_Base}


def _check(owner: str, argument: str, value: Any, known: Iterable[Any]) -> None:
    """Refuse a value of an argument that is none of the known ones."""
    known = [str(each) for each in known]
    if str(value) not in known:
        raise InputError(f"{owner}: {argument} must be of {', '.join(known)}, not {value}{near(str(value), known)}")


class _Backbone(nn.Layer):
    """Features of some strides, as PaddleDetection's necks want them.

    Args:
        network: the backbone.
        channels: of its features by stride, in the order of the features.
        strides: of the features to give.

    Shape:
        input a mapping with "image" [N, 3, H, W], float32, normalised; output a list of features, one a stride.
    """

    def __init__(self, network: nn.Layer, channels: Mapping[int, int], strides: Sequence[int]):
        super().__init__()
        for stride in strides:
            _check(type(self).__name__, "strides", stride, channels)
        self.network = network
        self.strides = sorted(strides)
        self.channels = [channels[stride] for stride in self.strides]
        self.positions = [list(channels).index(stride) for stride in self.strides]

    @property
    def out_shape(self) -> List[ShapeSpec]:
        """Channels and stride of each feature."""
        return [ShapeSpec(channels=width, stride=stride) for width, stride in zip(self.channels, self.strides)]


@register
class SeaFormerBackbone(_Backbone):
    """SeaFormer (arXiv:2301.13156) for PaddleDetection.

    Args:
        variant (str): "tiny", "small", "base" or "large".
        strides (list): of the features, out of 4, 8, 16, 32 and 64.
        drop_path_rate (float): stochastic depth of the last SEA block of a stage.
        pretrained (str): a checkpoint, as of `load_weights`.

    Raises:
        InputError: there is no such variant or stride, or the checkpoint cannot be loaded whole.
    """

    def __init__(
        self,
        variant: str = "base",
        strides: List[int] = [8, 16, 32, 64],
        drop_path_rate: float = 0.1,
        pretrained: Optional[str] = None,
    ):
        _check("SeaFormerBackbone", "variant", variant, _SEAFORMERS)
        network = _SEAFORMERS[variant](drop_path_rate=drop_path_rate, pretrained=pretrained)
        super().__init__(network, dict(zip((4, 8, 16, 32, 64), network.stage_channels)), strides)

    def forward(self, inputs):
        features = self.network.stages(inputs["image"])
        return [features[position] for position in self.positions]


@register
class StrideFormerBackbone(_Backbone):
    """StrideFormer, the backbone of PP-MobileSeg (arXiv:2304.05152), for PaddleDetection.

    Args:
        variant (str): "tiny" or "base".
        strides (list): of the features, out of 8, 16 and 32.
        drop_path_rate (float): stochastic depth of the last SEA block of a stage.
        pretrained (str): a checkpoint, as of `load_weights`.

    Raises:
        InputError: there is no such variant or stride, or the checkpoint cannot be loaded whole.
    """

    def __init__(
        self,
        variant: str = "base",
        strides: List[int] = [8, 16, 32],
        drop_path_rate: float = 0.1,
        pretrained: Optional[str] = None,
    ):
        _check("StrideFormerBackbone", "variant", variant, _STRIDEFORMERS)
        network = _STRIDEFORMERS[variant](drop_path_rate=drop_path_rate, pretrained=pretrained)
        super().__init__(network, dict(zip((8, 16, 32), network.feat_channels)), strides)

    def forward(self, inputs):
        features = self.network(inputs["image"])
        return [features[position] for position in self.positions]
