"""SeaFormer, a backbone of MobileNetV2 blocks and SEA attention (arXiv:2301.13156, section 3)."""

from typing import Any, Dict, List, Optional, Sequence, Union

from paddle import nn
from paddleseg.cvlibs import manager

from ...checkpoints.loading import load_weights
from ..layers import ConvBN, InvertedResidual, sea_stage


class SeaFormer(nn.Layer):
    """Five stages of MobileNetV2 blocks, each halving the resolution; SEA attention after the last ones.

    Args:
        stages: five lists of blocks, each block `[kernel_size, expansion, out_channels, stride]`; an
            expansion of 1 has no expanding convolution.
        depths: SEA blocks after each of the last stages: two numbers stand for stages 4 and 5, three
            for 3, 4 and 5.
        key_dims: channels of query and key in a head, a number for each of `depths`.
        mlp_ratios: hidden over outer channels of the feed-forwards, a number for each of `depths`.
        num_heads: heads of the SEA attention.
        stem_channels: of the first convolution.
        attn_ratio: channels of value over those of key.
        drop_path_rate: stochastic depth of the last SEA block of a stage; the first has none.
        in_channels: of the image.
        pretrained: a backbone checkpoint, or a segmentor's or classifier's, of which the backbone is taken;
            SeaFormer's own PyTorch files are read too.

    Shape:
        input [N, in_channels, H, W], float32; output a list of features, the first at stride 8, the others
        from behind the attentions: strides 32 and 64, or 16, 32 and 64. Their channels are in `feat_channels`.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Sequence[int]]],
        depths: Sequence[int],
        key_dims: Sequence[int],
        mlp_ratios: Sequence[Union[int, float]],
        num_heads: int,
        stem_channels: int = 16,
        attn_ratio: int = 2,
        drop_path_rate: float = 0.1,
        in_channels: int = 3,
        pretrained: Optional[str] = None,
    ):
        super().__init__()
        self.stem = ConvBN(in_channels, stem_channels, 3, stride=2, act="relu")
        channels = stem_channels
        widths = []
        for index, blocks in enumerate(stages, start=1):
            stage = nn.Sequential()
            for position, (kernel_size, expansion, out, stride) in enumerate(blocks):
                block = InvertedResidual(
                    channels, channels * expansion, out, kernel_size, stride, "relu", expand=expansion != 1
                )
                stage.add_sublayer(str(position), block)
                channels = out
            self.add_sublayer(f"stage{index}", stage)
            widths.append(channels)

        self.attended = list(range(len(stages) - len(depths) + 1, len(stages) + 1))
        for index, depth, key_dim, mlp_ratio in zip(self.attended, depths, key_dims, mlp_ratios):
            attention = sea_stage(
                widths[index - 1], depth, key_dim, num_heads, attn_ratio, mlp_ratio, drop_path_rate
            )
            self.add_sublayer(f"attention{index}", attention)
        self.stage_channels: List[int] = widths
        self.feat_channels: List[int] = [widths[1], *(widths[index - 1] for index in self.attended)]
        if pretrained is not None:
            load_weights(self, pretrained)

    def stages(self, x):
        """The features behind every stage, at strides 4, 8, 16, 32 and 64; their channels are in `stage_channels`."""
        x = self.stem(x)
        features = []
        for index in range(1, len(self.stage_channels) + 1):
            x = getattr(self, f"stage{index}")(x)
            if index in self.attended:
                x = getattr(self, f"attention{index}")(x)
            features.append(x)
        return features

    def forward(self, x):
        features = self.stages(x)
        return [features[1], *[features[index - 1] for index in self.attended]]


_VARIANTS: Dict[str, Dict[str, Any]] = {
    "tiny": dict(
        stages=[
            [[3, 1, 16, 1], [3, 4, 16, 2], [3, 3, 16, 1]],
            [[5, 3, 32, 2], [5, 3, 32, 1]],
            [[3, 3, 64, 2], [3, 3, 64, 1]],
            [[5, 3, 128, 2]],
            [[3, 6, 160, 2]],
        ],
        depths=(2, 2),
        key_dims=(16, 24),
        mlp_ratios=(2, 4),
        num_heads=4,
    ),
    "small": dict(
        stages=[
            [[3, 1, 16, 1], [3, 4, 24, 2], [3, 3, 24, 1]],
            [[5, 3, 48, 2], [5, 3, 48, 1]],
            [[3, 3, 96, 2], [3, 3, 96, 1]],
            [[5, 4, 160, 2]],
            [[3, 6, 192, 2]],
        ],
        depths=(3, 3),
        key_dims=(16, 24),
        mlp_ratios=(2, 4),
        num_heads=6,
    ),
    "base": dict(
        stages=[
            [[3, 1, 16, 1], [3, 4, 32, 2], [3, 3, 32, 1]],
            [[5, 3, 64, 2], [5, 3, 64, 1]],
            [[3, 3, 128, 2], [3, 3, 128, 1]],
            [[5, 4, 192, 2]],
            [[3, 6, 256, 2]],
        ],
        depths=(4, 4),
        key_dims=(16, 24),
        mlp_ratios=(2, 4),
        num_heads=8,
    ),
    "large": dict(
        stages=[
            [[3, 3, 32, 1], [3, 4, 64, 2], [3, 4, 64, 1]],
            [[5, 4, 128, 2], [5, 4, 128, 1]],
            [[3, 4, 192, 2], [3, 4, 192, 1]],
            [[5, 4, 256, 2]],
            [[3, 6, 320, 2]],
        ],
        depths=(3, 3, 3),
        key_dims=(16, 20, 24),
        mlp_ratios=(2, 4, 6),
        num_heads=8,
        stem_channels=32,
    ),
}


class SeaFormer_Tiny(SeaFormer):
    """SeaFormer-Tiny: features of 32, 128 and 160 channels at strides 8, 32 and 64."""

    def __init__(self, drop_path_rate: float = 0.1, in_channels: int = 3, pretrained: Optional[str] = None):
        super().__init__(
            **_VARIANTS["tiny"], drop_path_rate=drop_path_rate, in_channels=in_channels, pretrained=pretrained
        )


class SeaFormer_Small(SeaFormer):
    """SeaFormer-Small: features of 48, 160 and 192 channels at strides 8, 32 and 64."""

    def __init__(self, drop_path_rate: float = 0.1, in_channels: int = 3, pretrained: Optional[str] = None):
        super().__init__(
            **_VARIANTS["small"], drop_path_rate=drop_path_rate, in_channels=in_channels, pretrained=pretrained
        )


class SeaFormer_Base(SeaFormer):
    """SeaFormer-Base: features of 64, 192 and 256 channels at strides 8, 32 and 64."""

    def __init__(self, drop_path_rate: float = 0.1, in_channels: int = 3, pretrained: Optional[str] = None):
        super().__init__(
            **_VARIANTS["base"], drop_path_rate=drop_path_rate, in_channels=in_channels, pretrained=pretrained
        )


class SeaFormer_Large(SeaFormer):
    """SeaFormer-Large: features of 128, 192, 256 and 320 channels at strides 8, 16, 32 and 64."""

    def __init__(self, drop_path_rate: float = 0.1, in_channels: int = 3, pretrained: Optional[str] = None):
        super().__init__(
            **_VARIANTS["large"], drop_path_rate=drop_path_rate, in_channels=in_channels, pretrained=pretrained
        )


manager.BACKBONES.add_component([SeaFormer, SeaFormer_Tiny, SeaFormer_Small, SeaFormer_Base, SeaFormer_Large])
