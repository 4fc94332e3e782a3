"""Counting parameters and multiply-adds."""

from typing import Callable, Dict, Sequence

import numpy as np
import paddle
from paddle import nn
from paddleseg.models.backbones import top_transformer

from .layers import SeaAttention
from .reparameterised import BranchedConvBN


def count_parameters(model: nn.Layer) -> int:
    """Trainable parameters; the running statistics of batch norms are not among them."""
    return sum(int(np.prod(p.shape)) for p in model.parameters() if not p.stop_gradient)


def count_state(model: nn.Layer) -> int:
    """Parameters and the running statistics of batch norms, as Paddle's own summary counts them."""
    return sum(int(np.prod(tensor.shape)) for tensor in model.state_dict().values())


COUNTING_RULES: Dict[str, Callable[[nn.Layer], int]] = {
    "trainable parameters": count_parameters,
    "parameters and running statistics": count_state,
}
"""The ways in which published parameters are counted."""


def count_multiply_adds(model: nn.Layer, input_shape: Sequence[int] = (1, 3, 512, 512)) -> int:
    """Multiply-adds of one forward pass in convolutions, linear layers and the products of attention.

    Batch norms (folded into convolutions when converted), activations and interpolation are not
    counted: the rule of the papers' FLOPs columns.

    Args:
        input_shape: [N, C, H, W].
    """
    counted: Dict[str, int] = {"total": 0}

    def count_conv(layer, inputs, output):
        counted["total"] += int(np.prod(output.shape)) * int(np.prod(layer.weight.shape[1:]))

    def count_linear(layer, inputs, output):
        counted["total"] += int(np.prod(output.shape)) * layer.weight.shape[0]

    def count_attention(layer, inputs, output):
        batch, _, height, width = inputs[0].shape
        if layer.downsample is not None:
            height, width = (height + 1) // 2, (width + 1) // 2
        per_pair = layer.num_heads * (layer.key_dim + layer.value_dim)
        counted["total"] += batch * per_pair * (height * height + width * width)

    def count_full_attention(layer, inputs, output):
        batch, _, height, width = output.shape
        counted["total"] += batch * layer.num_heads * (layer.key_dim + layer.d) * (height * width) ** 2

    def count_branched(layer, inputs, output):
        per_output = layer.branches[0].conv.weight.shape[1] * layer.kernel_size**2
        counted["total"] += int(np.prod(output.shape)) * per_output

    counters = {
        nn.Conv2D: count_conv,
        nn.Linear: count_linear,
        BranchedConvBN: count_branched,
        SeaAttention: count_attention,
        top_transformer.Attention: count_full_attention,
    }
    hooks = [
        layer.register_forward_post_hook(counters[type(layer)])
        for layer in model.sublayers()
        if type(layer) in counters
    ]
    training = model.training
    model.eval()
    try:
        with paddle.no_grad():
            model(paddle.zeros(list(input_shape)))
    finally:
        for hook in hooks:
            hook.remove()
        if training:
            model.train()
    return counted["total"]
