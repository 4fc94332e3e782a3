"""Quantisation-aware fine-tuning: convolutions and linear layers that see in training what int8 makes of their numbers.

Paddle's own layers do the arithmetic (`paddle.nn.quant.quant_layers`), those of `ImperativeQuantAware`. That class puts
them in place of the network's, so that every checkpoint has names that nothing else knows. Here they stand beside
it and only compute: the parameters are the network's, under their names, and a checkpoint is one like any other. It is
exported and converted as usual, and `convert --precision int8` sets the scales from pictures.
"""

from typing import Callable, Optional

import paddle
from paddle import nn
from paddle.nn.quant.quant_layers import QuantizedConv2D, QuantizedLinear

_BY_CHANNEL, _BY_TENSOR = "channel_wise_abs_max", "moving_average_abs_max"


def train_in_int8(model: nn.Layer) -> int:
    """Let a network round, from now on, inputs and weights of the layers that `convert --precision int8` rounds.

    Gradients pass through the rounding as if it were not there. In training the scale of an input follows the largest
    absolute value of its batches; in evaluation it stays.

    Args:
        model: of PaddleSeg; changed in place, its parameters and their names stay.

    Returns:
        How many layers round.
    """
    count = 0
    for layer in model.sublayers(include_self=True):
        quantised = _quantised(layer)
        if quantised is not None:
            # No sublayer and no parameter of the network: its state stays what it was.
            object.__setattr__(layer, "forward", _following(layer, quantised))
            count += 1
    return count


def _quantised(layer: nn.Layer) -> Optional[nn.Layer]:
    """What computes a layer in int8; None for one that stays in float32, as depthwise convolutions do."""
    if type(layer) is nn.Linear:
        return QuantizedLinear(layer, weight_quantize_type=_BY_CHANNEL, activation_quantize_type=_BY_TENSOR)
    if type(layer) is nn.Conv2D and layer._groups == 1:
        return QuantizedConv2D(layer, weight_quantize_type=_BY_CHANNEL, activation_quantize_type=_BY_TENSOR)
    return None


def _following(layer: nn.Layer, quantised: nn.Layer) -> Callable[[paddle.Tensor], paddle.Tensor]:
    def forward(x: paddle.Tensor) -> paddle.Tensor:
        if quantised.training != layer.training:
            quantised.train() if layer.training else quantised.eval()
        return quantised(x)

    return forward
