"""Random weights under which a network behaves as a trained one does: features and logits keep their scale."""

from typing import List, Optional

import numpy as np
import paddle
from paddle import nn

from paddleseg_mobileseg.errors import InputError

_FAR_BELOW = 8.0
"""How far a class that cannot win lies below the others, in standard deviations of their logits."""


def calibrate_random_weights(
    network: nn.Layer, images: np.ndarray, num_classes: int, active_classes: Optional[int] = None
) -> None:
    """Give batch norms the statistics of images, and classes logits of mean 0 and deviation 1.

    Speed depends on weights in two places. Denormal or infinite numbers are slow, and VIM and the exact label map
    take longer for more classes. A trained network finds some of its classes in an image, a random one mostly
    one: so the classifier is rescaled until `active_classes` of them have the same chance to win.

    Args:
        network: any network of the zoo; set to evaluation.
        images: float32 [N, 3, H, W], normalised; two or more, since some batch norms see one number an image.
        num_classes: of the logits.
        active_classes: how many of the classes can win, spread evenly over their numbers; all if None.

    Raises:
        InputError: the network has no classifier, a convolution with `num_classes` channels.
    """
    batch = paddle.to_tensor(images)
    norms = [layer for layer in network.sublayers() if isinstance(layer, nn.BatchNorm2D)]
    momentums = [norm._momentum for norm in norms]
    for norm in norms:
        norm._momentum = 0.0
    with paddle.no_grad():
        network.train()
        network(batch)
        network.eval()
        for norm, momentum in zip(norms, momentums):
            norm._momentum = momentum
        classifier, features = _find_classifier(network, batch, num_classes)
        _rescale(classifier, features, _aims(num_classes, active_classes))


def _find_classifier(network: nn.Layer, batch: paddle.Tensor, num_classes: int):
    """The convolution that makes the logits, and what it is fed with."""
    seen: List = []
    hooks = [
        layer.register_forward_post_hook(lambda layer, inputs, output: seen.append((layer, inputs[0])))
        for layer in network.sublayers()
        if isinstance(layer, nn.Conv2D) and layer.weight.shape[0] == num_classes
    ]
    try:
        network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise InputError(
            f"{type(network).__name__} has no convolution with {num_classes} channels that could be its classifier"
        )
    return seen[-1]


def _aims(num_classes: int, active_classes: Optional[int]) -> np.ndarray:
    """The mean that each class' logit is to have, [classes]."""
    aims = np.zeros(num_classes, np.float32)
    if active_classes is not None and active_classes < num_classes:
        aims -= _FAR_BELOW
        aims[np.linspace(0, num_classes - 1, active_classes).round().astype(int)] = 0
    return aims


def _rescale(classifier: nn.Conv2D, features: paddle.Tensor, aims: np.ndarray) -> None:
    """Deviation 1 for the logits of each class, and the means of `aims`."""
    logits = classifier(features)
    scale = 1 / (logits.std([0, 2, 3]) + 1e-6)
    classifier.weight.set_value(classifier.weight * scale.reshape([-1, 1, 1, 1]))
    if classifier.bias is not None:
        classifier.bias.set_value(classifier.bias * scale)
    missing = paddle.to_tensor(aims) - classifier(features).mean([0, 2, 3])
    if classifier.bias is not None:
        classifier.bias.set_value(classifier.bias + missing)
    else:
        # What every pixel has in common stands in for the bias that there is not.
        mean = features.mean([0, 2, 3])
        direction = (mean / (mean * mean).sum()).reshape([1, -1, 1, 1])
        classifier.weight.set_value(classifier.weight + missing.reshape([-1, 1, 1, 1]) * direction)
