"""Full int8 without training: thresholds from pictures, and sensitive layers left in float32."""

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Sequence

import numpy as np

from ..ir.edit import Edit
from ..ir.exported import ExportedModel
from .layers import layers_of, quantised_program
from .ranges import SHARE, observe
from .sensitivity import layer_errors

_MOST_LEFT = 0.1
"""Share of the layers that may stay in float32: each costs a cast before and behind it."""


@dataclass(frozen=True)
class PostTraining:
    """A quantised program, and how it came about.

    Attributes:
        program: with Paddle's ops of quantisation, in which Paddle computes what the phone will.
        layers: how many compute in int8.
        left: names of the results of those that stay in float32, with the error that each alone would have brought.
    """

    program: ExportedModel
    layers: int
    left: Dict[str, float]

    def recipe(self) -> Dict[str, object]:
        """For the JSON file beside the model."""
        return {
            "method": "post-training quantisation",
            "activations": f"int8, by tensor, {100 * SHARE:g} % of the absolute values",
            "weights": "int8, by output channel, the largest absolute value",
            "int8_layers": self.layers,
            "float32_layers": {name: round(error, 5) for name, error in self.left.items()},
        }


def quantise_program(
    model: ExportedModel,
    batches: Iterable[np.ndarray],
    few: Sequence[np.ndarray],
    good: Callable[[ExportedModel], bool],
    results: bool = False,
) -> PostTraining:
    """Quantise a program after calibration.

    Args:
        model: legalized and rewritten, in float32, its linear layers as `mul`.
        batches: of the network's input, gone through once.
        few: of the same kind, to find sensitive layers with where they are asked for.
        good: whether a quantised program agrees well enough with `model`. Where it does not, the most sensitive layers
            stay in float32: one, two, four and so on, up to a tenth of all.
        results: as of `layers_of`.

    Raises:
        InputError: the network cannot run on a batch.
    """
    layers = layers_of(Edit(model), results)
    found = observe(model, batches, list(dict.fromkeys(name for layer in layers for name in layer.rounded)))
    thresholds = {name: values.threshold() for name, values in found.items()}
    program = quantised_program(model, layers, thresholds)
    most = int(_MOST_LEFT * len(layers))
    if not most or good(program):
        return PostTraining(program, len(layers), {})
    errors = layer_errors(model, layers, thresholds, few)
    worst: List[str] = sorted(errors, key=errors.get, reverse=True)
    count = 1
    while True:
        left = worst[:count]
        program = quantised_program(model, [layer for layer in layers if layer.name not in left], thresholds)
        if count == most or good(program):
            return PostTraining(program, len(layers) - count, {name: errors[name] for name in left})
        count = min(2 * count, most)
