"""Blocks that more than one network uses.

Layouts are NCHW, dtype float32. Parameter names end in `conv`, `bn` or `pos_embed` on purpose: configs
pick parameters for the optimizer by a part of their name.
"""

from typing import Optional, Sequence, Type

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddleseg.models.backbones.transformer_utils import DropPath

ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "hardswish": nn.Hardswish, "sigmoid": nn.Sigmoid}


def resize(x, size: Sequence[int], align_corners: bool = False):
    """Bilinear interpolation of [N, C, h, w] to `size` (H, W), by default with half-pixel centres."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)


class ConvBN(nn.Layer):
    """Convolution without bias, batch norm, optional activation.

    Padding keeps the size at stride 1. `bn_scale` is the initial scale of the batch norm; zero makes
    the block start out silent.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        groups: int = 1,
        act: Optional[str] = None,
        bn_scale: float = 1.0,
        bias: bool = False,
    ):
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            groups=groups,
            bias_attr=None if bias else False,
        )
        self.bn = nn.BatchNorm2D(
            out_channels, weight_attr=paddle.ParamAttr(initializer=nn.initializer.Constant(bn_scale))
        )
        self.act = ACTIVATIONS[act]() if act else None

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.act(x) if self.act is not None else x


class SqueezeExcitation(nn.Layer):
    """Channel gate of MobileNetV3 (arXiv:1905.02244): pool, reduce, expand, hard sigmoid of slope 0.2."""

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2D(1)
        self.reduce = nn.Conv2D(channels, channels // reduction, 1)
        self.expand = nn.Conv2D(channels // reduction, channels, 1)

    def forward(self, x):
        gate = self.expand(F.relu(self.reduce(self.pool(x))))
        return x * F.hardsigmoid(gate, slope=0.2, offset=0.5)


class InvertedResidual(nn.Layer):
    """MobileNetV3 block: expand 1x1, depthwise kxk, optional squeeze-excitation, project 1x1, shortcut if it fits.

    Without squeeze-excitation it is MobileNetV2's (arXiv:1801.04381), which leaves the expansion out where
    it would not widen anything: `expand` False. `convolution` makes the depthwise one.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        act: str,
        squeeze_excitation: bool = False,
        expand: bool = True,
        convolution: Type[nn.Layer] = ConvBN,
    ):
        super().__init__()
        self.shortcut = stride == 1 and in_channels == out_channels
        self.expand = ConvBN(in_channels, hidden_channels, act=act) if expand else None
        self.depthwise = convolution(
            hidden_channels, hidden_channels, kernel_size, stride=stride, groups=hidden_channels, act=act
        )
        self.se = SqueezeExcitation(hidden_channels) if squeeze_excitation else None
        self.project = ConvBN(hidden_channels, out_channels)

    def forward(self, x):
        y = self.depthwise(self.expand(x) if self.expand is not None else x)
        if self.se is not None:
            y = self.se(y)
        y = self.project(y)
        return x + y if self.shortcut else y


class AxialPositionEmbedding(nn.Layer):
    """Learned embedding of one axis, shape [1, channels, length], stretched linearly to the axis at hand.

    SeaFormer (arXiv:2301.13156), section 3.2. At a fixed input size the stretched embedding is a constant,
    and `mobileseg convert` folds it into one.
    """

    def __init__(self, channels: int, length: int = 16):
        super().__init__()
        self.pos_embed = self.create_parameter([1, channels, length], default_initializer=nn.initializer.Normal())

    def forward(self, x):
        """Add the embedding to `x` of shape [N, channels, L]."""
        return x + F.interpolate(
            self.pos_embed, size=(x.shape[-1],), mode="linear", align_corners=False, data_format="NCW"
        )


class SeaAttention(nn.Layer):
    """Squeeze-enhanced axial attention of SeaFormer, with PP-MobileSeg's optional stride.

    Rows and columns are squeezed to their means, attend along one axis each, are spread back over the
    map, and gate a convolutional branch that sees query, key and value at full detail (SeaFormer,
    section 3.2). With `stride` 2 the whole attention runs at half the resolution and its result is
    interpolated back (PP-MobileSeg, arXiv:2304.05152, section 3.1).

    Args:
        channels: of the input and the output, [N, channels, H, W].
        key_dim: channels of query and key in each head.
        num_heads: heads; value has `key_dim * attn_ratio` channels in each.
        attn_ratio: channels of value over those of key.
        stride: 1 or 2.
    """

    def __init__(
        self, channels: int, key_dim: int, num_heads: int, attn_ratio: int = 2, act: str = "relu6", stride: int = 1
    ):
        super().__init__()
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = int(attn_ratio * key_dim)
        query_channels = key_dim * num_heads
        value_channels = self.value_dim * num_heads
        detail_channels = 2 * query_channels + value_channels

        self.downsample = (
            ConvBN(channels, channels, 3, stride=stride, groups=channels, bias=True) if stride > 1 else None
        )
        self.query = ConvBN(channels, query_channels)
        self.key = ConvBN(channels, query_channels)
        self.value = ConvBN(channels, value_channels)
        self.row_query_position = AxialPositionEmbedding(query_channels)
        self.row_key_position = AxialPositionEmbedding(query_channels)
        self.column_query_position = AxialPositionEmbedding(query_channels)
        self.column_key_position = AxialPositionEmbedding(query_channels)
        self.act = ACTIVATIONS[act]()
        self.row_project = ConvBN(value_channels, value_channels, bn_scale=0.0)
        self.column_project = ConvBN(value_channels, value_channels, bn_scale=0.0)
        self.project = ConvBN(value_channels, channels, bn_scale=0.0)
        self.detail_depthwise = ConvBN(detail_channels, detail_channels, 3, groups=detail_channels, act=act)
        self.detail_pointwise = ConvBN(detail_channels, channels)

    def _attend(self, query, key, value):
        """Attention along one squeezed axis.

        Args:
            query, key: [N, heads * key_dim, L].
            value: [N, heads * value_dim, L].

        Returns:
            [N, heads, value_dim, L].
        """
        query = query.reshape([0, self.num_heads, self.key_dim, -1]).transpose([0, 1, 3, 2])
        key = key.reshape([0, self.num_heads, self.key_dim, -1])
        value = value.reshape([0, self.num_heads, self.value_dim, -1]).transpose([0, 1, 3, 2])
        weights = F.softmax(paddle.matmul(query, key) * self.key_dim**-0.5, axis=-1)
        return paddle.matmul(weights, value).transpose([0, 1, 3, 2])

    def forward(self, x):
        size = x.shape[2:]
        if self.downsample is not None:
            x = self.downsample(x)
        query, key, value = self.query(x), self.key(x), self.value(x)
        detail = self.detail_pointwise(self.detail_depthwise(paddle.concat([query, key, value], axis=1)))

        value_channels = self.num_heads * self.value_dim
        row = self._attend(
            self.row_query_position(query.mean(-1)), self.row_key_position(key.mean(-1)), value.mean(-1)
        ).reshape([0, value_channels, -1, 1])
        column = self._attend(
            self.column_query_position(query.mean(-2)), self.column_key_position(key.mean(-2)), value.mean(-2)
        ).reshape([0, value_channels, 1, -1])

        gate = value + (self.row_project(self.act(row)) + self.column_project(self.act(column)))
        gate = F.hardsigmoid(self.project(self.act(gate)), slope=1 / 6, offset=0.5)
        out = gate * detail
        if self.downsample is not None:
            out = resize(out, size)
        return out


class ConvMLP(nn.Layer):
    """Feed-forward of a SEA block: expand 1x1, depthwise 3x3 with bias, activation, project 1x1."""

    def __init__(self, channels: int, hidden_channels: int, act: str = "relu6"):
        super().__init__()
        self.expand = ConvBN(channels, hidden_channels)
        self.depthwise = nn.Conv2D(hidden_channels, hidden_channels, 3, padding=1, groups=hidden_channels)
        self.act = ACTIVATIONS[act]()
        self.project = ConvBN(hidden_channels, channels)

    def forward(self, x):
        return self.project(self.act(self.depthwise(self.expand(x))))


class SeaBlock(nn.Layer):
    """SEA attention and a convolutional feed-forward, each with a shortcut and stochastic depth."""

    def __init__(
        self,
        channels: int,
        key_dim: int,
        num_heads: int,
        attn_ratio: int,
        mlp_ratio: float,
        act: str = "relu6",
        drop_path: float = 0.0,
        stride: int = 1,
    ):
        super().__init__()
        self.attn = SeaAttention(channels, key_dim, num_heads, attn_ratio, act, stride)
        self.mlp = ConvMLP(channels, int(channels * mlp_ratio), act)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x):
        x = x + self.drop_path(self.attn(x))
        return x + self.drop_path(self.mlp(x))


def sea_stage(
    channels: int,
    depth: int,
    key_dim: int,
    num_heads: int,
    attn_ratio: int,
    mlp_ratio: float,
    drop_path_rate: float,
    stride: int = 1,
) -> nn.Sequential:
    """`depth` SEA blocks in a row; stochastic depth grows from none in the first to `drop_path_rate` in the last."""
    last = max(depth - 1, 1)
    return nn.Sequential(
        *[
            SeaBlock(
                channels,
                key_dim,
                num_heads,
                attn_ratio,
                mlp_ratio,
                drop_path=drop_path_rate * position / last,
                stride=stride,
            )
            for position in range(depth)
        ]
    )
