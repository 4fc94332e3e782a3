"""The segmentation head of PP-MobileSeg, TopFormer and SeaFormer: a fuse, 1x1 in theirs, and a 1x1 classifier."""

from typing import Optional

from paddle import nn
from paddleseg.cvlibs import manager

from ..layers import ConvBN


@manager.MODELS.add_component
class SegHead(nn.Layer):
    """Fuse, dropout, classifier.

    Args:
        dropout: probability of dropping a channel in training.
        depthwise: the fuse is a depthwise 1x1 convolution, a scale per channel (PP-MobileSeg); otherwise a full one.
        kernel_size: of the fuse.
        in_channels, num_classes: a `MobileSegmentor` fills them in.

    Shape:
        input [N, in_channels, h, w]; output logits [N, num_classes, h, w].
    """

    def __init__(
        self,
        dropout: float = 0.1,
        depthwise: bool = True,
        kernel_size: int = 1,
        in_channels: Optional[int] = None,
        num_classes: Optional[int] = None,
    ):
        super().__init__()
        self.depthwise = depthwise
        self.kernel_size = kernel_size
        self.dropout = nn.Dropout2D(dropout)
        if in_channels is not None and num_classes is not None:
            self.build(in_channels, num_classes)

    def build(self, in_channels: int, num_classes: int) -> None:
        """Make the layers for a feature of `in_channels`."""
        groups = in_channels if self.depthwise else 1
        self.fuse = ConvBN(in_channels, in_channels, self.kernel_size, groups=groups, act="relu")
        self.classifier = nn.Conv2D(in_channels, num_classes, 1)

    def forward(self, x):
        return self.classifier(self.dropout(self.fuse(x)))
