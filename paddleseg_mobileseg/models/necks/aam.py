"""Aggregated Attention Module of PP-MobileSeg (arXiv:2304.05152, section 3.2)."""

from typing import Optional, Sequence

import paddle.nn.functional as F
from paddle import nn
from paddleseg.cvlibs import manager

from ...errors import InputError
from ..layers import ConvBN, resize


@manager.MODELS.add_component
class AAM(nn.Layer):
    """Details of the shallow features, filtered by a vote of gates, plus the deepest feature's semantics.

    The gates are **Sigmoid**. PaddleSeg 2.8.0 ships ReLU6 there, with which the published weights lose
    5 to 7 points of mIoU (PaddleSeg issue 3441).

    Args:
        output_stride: 8 (Base: details from stride 8, gates from 16 and 32) or 16 (Tiny: details from
            strides 8 and 16 at the resolution of 16, gates from all three).
        out_channels: of the fused feature.
        ensemble_voting: multiply the gates of several strides; without it only the deepest one gates
            (ablation).
        final_semantics: add the deepest feature at the end; without it only filtered details leave
            (ablation).
        in_channels: of the features at strides 8, 16 and 32; a `MobileSegmentor` fills it in.

    Shape:
        input a list of three features at strides 8, 16 and 32; output
        [N, out_channels, H / output_stride, W / output_stride].
    """

    def __init__(
        self,
        output_stride: int = 8,
        out_channels: int = 256,
        ensemble_voting: bool = True,
        final_semantics: bool = True,
        in_channels: Optional[Sequence[int]] = None,
    ):
        super().__init__()
        if output_stride not in (8, 16):
            raise InputError(f"AAM: output_stride is 8 or 16, not {output_stride}; Base uses 8, Tiny 16")
        self.output_stride = output_stride
        self.out_channels = out_channels
        self.ensemble_voting = ensemble_voting
        self.final_semantics = final_semantics
        if in_channels is not None:
            self.build(in_channels)

    def build(self, in_channels: Sequence[int]) -> int:
        """Make the layers for features of `in_channels` at strides 8, 16 and 32; returns `out_channels`."""
        if len(in_channels) != 3:
            raise InputError(
                f"AAM takes features at strides 8, 16 and 32, this backbone gives {len(in_channels)} "
                f"(channels {list(in_channels)}); use StrideFormer or another neck"
            )
        stride8, stride16, stride32 = in_channels
        self.detail8 = ConvBN(stride8, self.out_channels)
        self.detail16 = ConvBN(stride16, self.out_channels) if self.output_stride == 16 else None
        self.gate8 = (
            ConvBN(stride8, self.out_channels) if self.output_stride == 16 and self.ensemble_voting else None
        )
        self.gate16 = ConvBN(stride16, self.out_channels) if self.ensemble_voting else None
        self.gate32 = ConvBN(stride32, self.out_channels)
        self.semantics32 = ConvBN(stride32, self.out_channels) if self.final_semantics else None
        return self.out_channels

    def forward(self, features):
        stride8, stride16, stride32 = features
        if self.output_stride == 16:
            stride8 = F.interpolate(stride8, scale_factor=0.5, mode="bilinear", align_corners=False)
        size = stride8.shape[2:]
        if self.ensemble_voting or self.output_stride == 16:
            stride16 = resize(stride16, size)

        details = self.detail8(stride8)
        if self.output_stride == 16:
            details = details + self.detail16(stride16)

        gate = resize(F.sigmoid(self.gate32(stride32)), size)
        if self.ensemble_voting:
            votes = F.sigmoid(self.gate16(stride16))
            if self.output_stride == 16:
                votes = F.sigmoid(self.gate8(stride8)) * votes
            gate = votes * gate

        fused = gate * details
        if self.final_semantics:
            fused = fused + resize(self.semantics32(stride32), size)
        return fused
