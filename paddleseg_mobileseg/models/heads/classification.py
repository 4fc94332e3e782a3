"""The classifier that a backbone is pretrained under."""

from typing import List

from paddle import nn


class ClassificationHead(nn.Layer):
    """Mean over the image, dropout, linear classifier: SeaFormer's ImageNet head, and StrideFormer's here.

    PP-MobileSeg's paper says that StrideFormer was pretrained on ImageNet-1K and not under which head.

    Args:
        in_channels: of the feature.
        num_classes: of the images.
        dropout: probability of dropping a channel's mean in training.

    Shape:
        input [N, in_channels, h, w], float32; output logits [N, num_classes].
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.2):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        # Small at first, as SeaFormer's: the features of a fresh backbone are large.
        self.classifier = nn.Linear(in_channels, num_classes, weight_attr=nn.initializer.Normal(std=0.01))

    def forward(self, x):
        return self.classifier(self.dropout(x.mean([2, 3])))


class BackboneClassifier(nn.Layer):
    """A segmentation backbone under a `ClassificationHead` on its deepest feature.

    The backbone's tensors are called `backbone.*`, as in a segmentor, so that `load_weights` finds them in the
    classifier's checkpoint.

    Args:
        backbone: a layer that gives a list of features and names their channels in `feat_channels`.
        num_classes: of the images.
        dropout: of the head.

    Shape:
        input [N, 3, H, W], float32; output logits [N, num_classes].
    """

    def __init__(self, backbone: nn.Layer, num_classes: int, dropout: float = 0.2):
        super().__init__()
        self.backbone = backbone
        channels: List[int] = backbone.feat_channels
        self.head = ClassificationHead(channels[-1], num_classes, dropout)

    def forward(self, x):
        return self.head(self.backbone(x)[-1])
