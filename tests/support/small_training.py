"""A training of a few milliseconds an iteration, with everything that has a state or draws random numbers."""

import random

import numpy as np
import paddle
from paddle import nn
from paddleseg import core
from paddleseg.models.losses import CrossEntropyLoss

SAMPLES = 10


class Squares(paddle.io.Dataset):
    """Images of 8x8 with noise that is drawn anew each time, and four classes."""

    num_classes, ignore_index = 4, 255

    def __init__(self, on_read=lambda index: None):
        super().__init__()
        self.on_read = on_read

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        self.on_read(index)
        noise = np.random.standard_normal((3, 8, 8)) + random.random()
        label = np.full((8, 8), index % 4, np.uint8)
        return {"img": (noise + index % 4).astype("float32"), "label": label, "trans_info": []}


class SmallNetwork(nn.Layer):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2D(3, 8, 1), nn.BatchNorm2D(8), nn.ReLU(), nn.Dropout2D(0.3))
        self.classifier = nn.Conv2D(8, 4, 1)

    def forward(self, images):
        return [self.classifier(self.body(images))]


def train(save_dir, dataset=None, learning_rate=0.05, network=SmallNetwork, groups=False, **options):
    """PaddleSeg's loop on the network as it begins, with names as a fresh process gives them; returns the network.

    With `groups`, its classifier learns faster than the rest.
    """
    paddle.seed(0)
    np.random.seed(0)
    with paddle.utils.unique_name.guard():
        model = network()
        rate = paddle.optimizer.lr.PolynomialDecay(learning_rate, decay_steps=20)
        parameters = model.parameters()
        if groups:
            fast = model.classifier.parameters()
            parameters = [{"params": fast, "learning_rate": 10.0}, {"params": model.body.parameters()}]
        optimizer = paddle.optimizer.Momentum(rate, 0.9, parameters=parameters)
        core.train(
            model, dataset or Squares(), optimizer=optimizer, save_dir=str(save_dir),
            losses={"types": [CrossEntropyLoss()], "coef": [1]},
            **{"iters": 12, "batch_size": 2, "log_iters": 1, "save_interval": 4, **options},
        )
    return model
