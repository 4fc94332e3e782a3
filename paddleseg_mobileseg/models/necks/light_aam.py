"""An aggregation of features as the AAM's (arXiv:2304.05152, section 3.2), made for few instructions. Our own."""

from typing import Optional, Sequence

import paddle.nn.functional as F
from paddle import nn
from paddleseg.cvlibs import manager

from ...errors import InputError
from ..layers import ConvBN, resize


@manager.MODELS.add_component
class LightAAM(nn.Layer):
    """Details at stride 8 plus the semantics of the deeper features, whose own details a gate filters.

    As in the AAM, details are filtered by a gate of the deepest feature and its semantics are added at the end. Here
    the gate is a hard sigmoid, which needs no division, computed where it is smallest; and the filtering is
    done at stride 16 and made narrow there, so that one feature is enlarged to stride 8 where the AAM enlarges three.

    Args:
        out_channels: of the fused feature.
        inner_channels: of the gate, the details that it filters and the semantics.
        in_channels: of the features at strides 8, 16 and 32; a `MobileSegmentor` fills it in.

    Shape:
        input a list of three features at strides 8, 16 and 32; output [N, out_channels, H / 8, W / 8].
    """

    def __init__(
        self, out_channels: int = 64, inner_channels: int = 128, in_channels: Optional[Sequence[int]] = None
    ):
        super().__init__()
        self.out_channels = out_channels
        self.inner_channels = inner_channels
        if in_channels is not None:
            self.build(in_channels)

    def build(self, in_channels: Sequence[int]) -> int:
        """Make the layers for features of `in_channels` at strides 8, 16 and 32; returns `out_channels`."""
        if len(in_channels) != 3:
            raise InputError(
                f"LightAAM takes features at strides 8, 16 and 32, this backbone gives {len(in_channels)} "
                f"(channels {list(in_channels)}); use StrideFormer or another neck"
            )
        stride8, stride16, stride32 = in_channels
        self.detail8 = ConvBN(stride8, self.out_channels)
        self.detail16 = ConvBN(stride16, self.inner_channels)
        self.gate32 = ConvBN(stride32, self.inner_channels)
        self.semantics32 = ConvBN(stride32, self.inner_channels)
        self.fuse16 = ConvBN(self.inner_channels, self.out_channels)
        return self.out_channels

    def forward(self, features):
        stride8, stride16, stride32 = features
        size = stride16.shape[2:]
        gate = resize(F.hardsigmoid(self.gate32(stride32), slope=1 / 6, offset=0.5), size)
        fused = gate * self.detail16(stride16) + resize(self.semantics32(stride32), size)
        fused = self.fuse16(F.hardswish(fused))
        return self.detail8(stride8) + resize(fused, stride8.shape[2:])
