"""The fusion of SeaFormer's light head (arXiv:2301.13156, section 3.3)."""

from typing import Optional, Sequence

import paddle.nn.functional as F
from paddle import nn
from paddleseg.cvlibs import manager

from ...errors import InputError
from ..layers import ConvBN, resize


class SeaFusionBlock(nn.Layer):
    """Embed the detailed feature and gate it by a deeper one, stretched to its size; the gate is a hard sigmoid."""

    def __init__(self, detail_channels: int, context_channels: int, out_channels: int):
        super().__init__()
        self.detail = ConvBN(detail_channels, out_channels)
        self.gate = ConvBN(context_channels, out_channels)

    def forward(self, detail, context):
        # Gated before it is stretched, which is cheaper and what the published weights were trained with.
        gate = F.hardsigmoid(self.gate(context), slope=1 / 6, offset=0.5)
        return self.detail(detail) * resize(gate, detail.shape[2:])


@manager.MODELS.add_component
class SeaFusion(nn.Layer):
    """Gates the most detailed feature by each deeper one in turn.

    Args:
        channels: of the result after each deeper feature; as many numbers as there are deeper features.
            SeaFormer's: Tiny (64, 96), Small (96, 128), Base (128, 160), Large (128, 160, 192).
        in_channels: of the features, the most detailed first; a `MobileSegmentor` fills it in.

    Raises:
        InputError: the backbone gives another number of features.

    Shape:
        input a list of features, the most detailed first; output [N, channels[-1], h, w], the size of
        the most detailed feature.
    """

    def __init__(self, channels: Sequence[int] = (128, 160), in_channels: Optional[Sequence[int]] = None):
        super().__init__()
        self.channels = list(channels)
        if in_channels is not None:
            self.build(in_channels)

    def build(self, in_channels: Sequence[int]) -> int:
        """Make the layers for features of `in_channels`; returns the channels of the result."""
        detail, *contexts = in_channels
        if len(contexts) != len(self.channels):
            raise InputError(
                f"SeaFusion: channels {self.channels} want {len(self.channels) + 1} features, this backbone gives "
                f"{len(in_channels)} (channels {list(in_channels)}); give a number for each but the first"
            )
        self.fuse = nn.LayerList()
        for context, out in zip(contexts, self.channels):
            self.fuse.append(SeaFusionBlock(detail, context, out))
            detail = out
        return detail

    def forward(self, features):
        x, *contexts = features
        for block, context in zip(self.fuse, contexts):
            x = block(x, context)
        return x
