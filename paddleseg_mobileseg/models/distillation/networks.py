"""What distillation wants of a network beside its output: its last feature and its low-resolution logits."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple, Union

import paddle
from paddle import nn

from ...checkpoints.loading import load_weights
from ...errors import InputError

_LAYERS: Dict[str, Callable[[nn.Layer], Tuple[nn.Layer, nn.Layer]]] = {
    "MobileSegmentor": lambda network: (network.head.fuse, network.head.classifier),
    "TopFormer": lambda network: (network.decode_head.linear_fuse, network.decode_head.conv_seg),
    "LRASPP": lambda network: (network.lraspp_head.conv_ups[-1], network.lraspp_head.conv_out),
    "MobileSeg": lambda network: (network.seg_heads[0].conv, network.seg_heads[0].conv_out),
}
"""By the name of a network's class: the layer whose output is classified, and the one that classifies it."""


class Inside(NamedTuple):
    """One run of a network.

    Attributes:
        outputs: what the network returns, logits at the size of its image.
        feature: what its classifier reads, [N, channels, h, w].
        logits: before any upsampling, [N, num_classes, h, w].
    """

    outputs: List[Any]
    feature: Any
    logits: Any


def run_inside(network: nn.Layer, image) -> Inside:
    """Run a network on `image` [N, 3, H, W] and keep what distillation needs.

    Raises:
        InputError: it is of a class whose layers are not known.
    """
    feature, classifier = _layers(network)
    with _kept(feature) as features, _kept(classifier) as all_logits:
        outputs = network(image)
    return Inside(list(outputs), features[-1], all_logits[-1])


def _layers(network: nn.Layer) -> Tuple[nn.Layer, nn.Layer]:
    names = [kind.__name__ for kind in type(network).__mro__ if kind.__name__ in _LAYERS]
    if not names:
        raise InputError(
            f"distillation knows the layers of {', '.join(_LAYERS)}, not those of {type(network).__name__}; "
            "choose one of these as student and as teacher"
        )
    return _LAYERS[names[0]](network)


@contextmanager
def _kept(layer: nn.Layer) -> Iterator[List[Any]]:
    """The outputs of a layer within the block.

    A hook that stayed would be copied with the network, and would keep the copy's outputs in the same list.
    """
    outputs: List[Any] = []
    hook = layer.register_forward_post_hook(lambda _layer, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()


def probe(network: nn.Layer, channels: int) -> Inside:
    """A run on a small image without gradient, for the channels of feature and logits; the network stays as it is."""
    was_training = network.training
    network.eval()
    with paddle.no_grad():
        inside = run_inside(network, paddle.zeros([1, channels, 128, 128]))
    if was_training:
        network.train()
    return inside


class FrozenTeacher:
    """A network that nothing trains, moves or saves.

    It is no layer, and so no part of the layer that holds it: the optimizer, `train()`, `state_dict()` and a
    moving average of the weights do not reach it. A copy of the holder shares it.

    Args:
        network: the teacher, with any weights.
        checkpoint: its weights; read when they are wanted first, since evaluation and export do without.
    """

    def __init__(self, network: nn.Layer, checkpoint: Union[str, Path]):
        for parameter in network.parameters():
            parameter.stop_gradient = True
        network.eval()
        self.network = network
        self.checkpoint = checkpoint
        self.loaded = False

    def __deepcopy__(self, memo: Dict[int, Any]) -> "FrozenTeacher":
        return self

    def load(self) -> None:
        """Read the weights, once.

        Raises:
            InputError: the checkpoint cannot be read, or is of another network.
        """
        if not self.loaded:
            load_weights(self.network, self.checkpoint)
            self.loaded = True

    def __call__(self, image) -> Inside:
        """Feature and logits of `image` [N, 3, H, W], without gradient."""
        self.load()
        with paddle.no_grad():
            return run_inside(self.network, image)

    def classify(self, feature):
        """Logits [N, num_classes, h, w] of a feature [N, channels, h, w]; the gradient goes through to the feature."""
        self.load()
        return _layers(self.network)[1](feature)
