"""From a student's feature to the size and the channels of its teacher's; used in training only."""

from typing import Sequence

from paddle import nn

from ..layers import ConvBN, resize


class FeatureUpsampling(nn.Layer):
    """Stretch, smooth each channel by a depthwise 3x3 convolution, and mix the channels by a 1x1 convolution.

    Args:
        in_channels: of the student's feature.
        out_channels: of the teacher's feature.

    Shape:
        input [N, in_channels, h, w] and a size (H, W); output [N, out_channels, H, W].
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.depthwise = ConvBN(in_channels, in_channels, 3, groups=in_channels, act="relu6")
        self.project = nn.Conv2D(in_channels, out_channels, 1)

    def forward(self, x, size: Sequence[int]):
        return self.project(self.depthwise(resize(x, size)))
