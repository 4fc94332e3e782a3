"""StrideFormer, the backbone of PP-MobileSeg (arXiv:2304.05152, section 3.1), and one of our own after it."""

from typing import List, Optional, Sequence, Union

from paddle import nn
from paddleseg.cvlibs import manager

from ...checkpoints.loading import load_weights
from ..layers import ConvBN, InvertedResidual, sea_stage
from ..reparameterised import BranchedConvBN

Block = Sequence[Union[int, str, bool, None]]


class StrideFormer(nn.Layer):
    """Four stages of MobileNetV3 blocks; strided SEA attention after the last two.

    Args:
        stages: four lists of blocks, each block `[kernel_size, hidden_channels, out_channels,
            squeeze_excitation, activation, stride]` (the columns of MobileNetV3's tables). Where hidden_channels
            is None the block is one full convolution, where it is 0 nothing is expanded.
        depths: SEA blocks after stage 3 and after stage 4 (the paper's M and N).
        num_heads: heads of the SEA attention.
        key_dims: channels of query and key in a head, after stage 3 and after stage 4.
        attn_ratio: channels of value over those of key.
        mlp_ratios: hidden over outer channels of the feed-forwards, after stage 3 and after stage 4.
        drop_path_rate: stochastic depth of the last SEA block of a stage; the first has none.
        stride_attention: run the attention at half the resolution. The paper's networks do.
        stem_channels: of the first convolution.
        branched: full and depthwise convolutions of the stages have branches in training (`BranchedConvBN`).
        in_channels: of the image.
        pretrained: a backbone checkpoint, or a segmentor's, of which the backbone is taken.

    Shape:
        input [N, in_channels, H, W], float32; output a list of three features at strides 8, 16 and 32,
        whose channels are in `feat_channels`.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Block]],
        depths: Sequence[int],
        num_heads: int,
        key_dims: Sequence[int] = (16, 24),
        attn_ratio: int = 2,
        mlp_ratios: Sequence[float] = (2, 4),
        drop_path_rate: float = 0.1,
        stride_attention: bool = True,
        stem_channels: int = 16,
        branched: bool = False,
        in_channels: int = 3,
        pretrained: Optional[str] = None,
    ):
        super().__init__()
        self.stem = ConvBN(in_channels, stem_channels, 3, stride=2, act="hardswish")
        convolution = BranchedConvBN if branched else ConvBN
        channels = stem_channels
        stage_channels = []
        for index, blocks in enumerate(stages, start=1):
            stage = nn.Sequential()
            for position, (kernel_size, hidden, out, squeeze, act, stride) in enumerate(blocks):
                if hidden is None:
                    block = convolution(channels, out, kernel_size, stride, act=act)
                else:
                    block = InvertedResidual(
                        channels, hidden or channels, out, kernel_size, stride, act, squeeze, hidden > 0, convolution
                    )
                stage.add_sublayer(str(position), block)
                channels = out
            self.add_sublayer(f"stage{index}", stage)
            stage_channels.append(channels)

        for index, depth, key_dim, mlp_ratio, width in zip((3, 4), depths, key_dims, mlp_ratios, stage_channels[2:]):
            self.add_sublayer(
                f"attention{index}",
                sea_stage(
                    width,
                    depth,
                    key_dim,
                    num_heads,
                    attn_ratio,
                    mlp_ratio,
                    drop_path_rate,
                    stride=2 if stride_attention else 1,
                ),
            )
        self.feat_channels: List[int] = stage_channels[1:]
        if pretrained is not None:
            load_weights(self, pretrained)

    def forward(self, x):
        stride8 = self.stage2(self.stage1(self.stem(x)))
        stride16 = self.attention3(self.stage3(stride8))
        stride32 = self.attention4(self.stage4(stride16))
        return [stride8, stride16, stride32]


_BASE = dict(
    stages=[
        [[3, 16, 16, True, "relu", 1], [3, 64, 32, False, "relu", 2], [3, 96, 32, False, "relu", 1]],
        [[5, 128, 64, True, "hardswish", 2], [5, 240, 64, True, "hardswish", 1]],
        [[5, 384, 128, True, "hardswish", 2], [5, 384, 128, True, "hardswish", 1]],
        [[5, 768, 192, True, "hardswish", 2], [5, 768, 192, True, "hardswish", 1]],
    ],
    depths=(3, 3),
    num_heads=8,
)

_TINY = dict(
    stages=[
        [[3, 16, 16, True, "relu", 1], [3, 64, 32, False, "relu", 2], [3, 48, 24, False, "relu", 1]],
        [[5, 96, 32, True, "hardswish", 2], [5, 96, 32, True, "hardswish", 1]],
        [[5, 160, 64, True, "hardswish", 2], [5, 160, 64, True, "hardswish", 1]],
        [[3, 384, 128, True, "hardswish", 2], [3, 384, 128, True, "hardswish", 1]],
    ],
    depths=(2, 2),
    num_heads=4,
)


_TINY_FAST = dict(
    stages=[
        [[3, None, 24, False, "hardswish", 2], [3, 0, 24, False, "hardswish", 1]],
        [[3, None, 40, False, "hardswish", 2], [5, 80, 40, True, "hardswish", 1]],
        [[5, 160, 64, True, "hardswish", 2], [5, 160, 64, True, "hardswish", 1]],
        [[3, 384, 128, True, "hardswish", 2], [3, 256, 128, True, "hardswish", 1]],
    ],
    depths=(1, 2),
    num_heads=4,
    mlp_ratios=(2, 2),
    stem_channels=12,
    branched=True,
)


class StrideFormer_Base(StrideFormer):
    """StrideFormer of PP-MobileSeg-Base: features of 64, 128 and 192 channels."""

    def __init__(
        self,
        drop_path_rate: float = 0.1,
        stride_attention: bool = True,
        in_channels: int = 3,
        pretrained: Optional[str] = None,
    ):
        super().__init__(
            **_BASE,
            drop_path_rate=drop_path_rate,
            stride_attention=stride_attention,
            in_channels=in_channels,
            pretrained=pretrained,
        )


class StrideFormer_Tiny(StrideFormer):
    """StrideFormer of PP-MobileSeg-Tiny: features of 32, 64 and 128 channels."""

    def __init__(
        self,
        drop_path_rate: float = 0.1,
        stride_attention: bool = True,
        in_channels: int = 3,
        pretrained: Optional[str] = None,
    ):
        super().__init__(
            **_TINY,
            drop_path_rate=drop_path_rate,
            stride_attention=stride_attention,
            in_channels=in_channels,
            pretrained=pretrained,
        )


class StrideFormer_TinyFast(StrideFormer):
    """A StrideFormer of this project, not of the paper, for a network that takes fewer instructions than Tiny.

    Its features have 40, 64 and 128 channels. The large maps at strides 2 and 4 take half of Tiny's instructions: here
    one full convolution takes the place of each inverted residual that halves them, nothing is expanded at stride 4,
    and squeeze-excitation begins at stride 8.
    """

    def __init__(
        self,
        drop_path_rate: float = 0.1,
        stride_attention: bool = True,
        in_channels: int = 3,
        pretrained: Optional[str] = None,
    ):
        super().__init__(
            **_TINY_FAST,
            drop_path_rate=drop_path_rate,
            stride_attention=stride_attention,
            in_channels=in_channels,
            pretrained=pretrained,
        )


manager.BACKBONES.add_component([StrideFormer, StrideFormer_Base, StrideFormer_Tiny, StrideFormer_TinyFast])
