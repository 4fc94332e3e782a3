"""`mobileseg` with one more network, small enough to be trained and killed many times a minute; run by path."""

import sys
from typing import List

import paddle
from paddle import nn
from paddle.nn import functional as F
from paddleseg.cvlibs import manager

from paddleseg_mobileseg.cli import main


@manager.MODELS.add_component
class SmallNetwork(nn.Layer):
    """Three convolutions, batch normalisation and dropout: what of a network has a state or draws random numbers.

    Input [N, 3, H, W], output one tensor [N, num_classes, H, W].
    """

    def __init__(self, num_classes: int, in_channels: int = 3, width: int = 48):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2D(in_channels, width, 3, 2, 1),
            nn.BatchNorm2D(width),
            nn.ReLU(),
            nn.Conv2D(width, width, 3, 2, 1),
            nn.BatchNorm2D(width),
            nn.ReLU(),
            nn.Dropout2D(0.2),
        )
        self.classifier = nn.Conv2D(width, num_classes, 1)

    def forward(self, images: paddle.Tensor) -> List[paddle.Tensor]:
        logits = self.classifier(self.body(images))
        return [F.interpolate(logits, images.shape[2:], mode="bilinear")]


if __name__ == "__main__":
    sys.exit(main())
