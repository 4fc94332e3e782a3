"""Small networks with what computes in int8, and what stays in float32 between."""

from paddle import nn
from paddle.nn import functional as F


class Small(nn.Layer):
    """One of each: a convolution, a depthwise one, one of 1x1, linear layers."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2D(3, 16, 3, stride=2, padding=1, bias_attr=False), nn.BatchNorm2D(16)
        self.depth, self.norm2 = nn.Conv2D(16, 16, 3, padding=1, groups=16, bias_attr=False), nn.BatchNorm2D(16)
        self.squeeze, self.excite = nn.Linear(16, 8), nn.Linear(8, 16)
        self.point = nn.Conv2D(16, 32, 1)
        self.classifier = nn.Conv2D(32, 9, 1)

    def gated(self, x):
        x = F.relu6(self.norm(self.stem(x)))
        x = x + F.hardswish(self.norm2(self.depth(x)))
        gate = F.sigmoid(self.excite(F.relu(self.squeeze(x.mean([2, 3])))))
        return x, x * gate.reshape([1, 16, 1, 1])

    def forward(self, x):
        return self.classifier(F.relu(self.point(self.gated(x)[1])))


class OfEveryEnd(Small):
    """Convolutions each with another end: a ReLU, a ReLU6, a hard swish, a sum, none at all."""

    def __init__(self):
        super().__init__()
        self.point, self.wide = nn.Conv2D(16, 16, 1), nn.Conv2D(16, 32, 1, bias_attr=False)

    def forward(self, x):
        x, gated = self.gated(x)
        return self.classifier(self.wide(x + F.relu(self.point(gated))))
