"""Convolutions with several branches in training and one kernel in evaluation.

After RepVGG (arXiv:2101.03697) and MobileOne (arXiv:2206.04040): more branches are easier to train, and since each
is linear, their sum is one convolution.
"""

from typing import Optional, Sequence, Tuple

import paddle
import paddle.nn.functional as F
from paddle import nn

from .layers import ACTIVATIONS, ConvBN


def _folded(norm: nn.BatchNorm2D) -> Tuple[paddle.Tensor, paddle.Tensor]:
    """What a batch norm does in evaluation: a factor and a summand for each channel."""
    scale = norm.weight / paddle.sqrt(norm._variance + norm._epsilon)
    return scale, norm.bias - norm._mean * scale


class BranchedConvBN(nn.Layer):
    """The sum of convolutions of several sizes, each with its batch norm, and of a batch norm alone.

    In evaluation, and so in exported programs, the sum is computed as the one convolution that it equals: the kernels
    are padded to the largest and added. The sum is over parameters only, and `mobileseg convert` folds it.

    Args:
        kernel_size: of the largest branch; the others are 3 (if that is smaller) and 1. A branch without convolution
            is there where the sizes and channels of input and output are the same.

    Shape:
        input [N, in_channels, H, W], float32; output [N, out_channels, ceil(H / stride), ceil(W / stride)].
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        act: Optional[str] = None,
    ):
        super().__init__()
        self.kernel_size, self.stride, self.groups = kernel_size, stride, groups
        sizes: Sequence[int] = sorted({kernel_size, 3, 1}, reverse=True)
        self.branches = nn.LayerList(
            [ConvBN(in_channels, out_channels, size, stride, groups) for size in sizes if size <= kernel_size]
        )
        self.shortcut_bn = nn.BatchNorm2D(in_channels) if stride == 1 and in_channels == out_channels else None
        self.act = ACTIVATIONS[act]() if act else None

    def _pad(self, kernel):
        """A kernel [out, in, k, k] with zeros around it, of the largest branch's size."""
        missing = (self.kernel_size - kernel.shape[-1]) // 2
        return F.pad(kernel, [missing] * 4)

    def folded(self) -> Tuple[paddle.Tensor, paddle.Tensor]:
        """Kernel [out, in / groups, k, k] and bias [out] of the one convolution that evaluation computes."""
        kernel, bias = 0.0, 0.0
        for branch in self.branches:
            scale, shift = _folded(branch.bn)
            kernel = kernel + self._pad(branch.conv.weight * scale.reshape([-1, 1, 1, 1]))
            bias = bias + shift
        if self.shortcut_bn is not None:
            scale, shift = _folded(self.shortcut_bn)
            group = scale.shape[0] // self.groups
            centre = scale.reshape([-1, 1, 1, 1]) * paddle.tile(paddle.eye(group), [self.groups, 1]).reshape(
                [-1, group, 1, 1]
            )
            kernel, bias = kernel + self._pad(centre), bias + shift
        return kernel, bias

    def forward(self, x):
        if self.training:
            y = sum(branch(x) for branch in self.branches)
            if self.shortcut_bn is not None:
                y = y + self.shortcut_bn(x)
        else:
            kernel, bias = self.folded()
            y = F.conv2d(x, kernel, bias, self.stride, self.kernel_size // 2, groups=self.groups)
        return self.act(y) if self.act is not None else y
