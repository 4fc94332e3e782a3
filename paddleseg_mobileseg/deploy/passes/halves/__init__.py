"""What makes a rewritten program right in half precision: one pass a file, only where it fits, and only for that.

Each names the kernel of Paddle-Lite (release/v2.13) that it keeps away from. In float32 the program computes what it
did before, up to roundings.
"""

from typing import Dict, Tuple

from ...ir.exported import ExportedModel
from ..in_turn import Passes, apply_in_turn
from ..rewrites.channel_biases import flatten_channel_biases
from .block_pools import pools_of_given_size
from .largest_of_four import pad_largest_of_four
from .own_copies import copy_what_others_read
from .single_positions import linear_layers_of_single_positions
from .whole_means import means_of_whole_maps

HALF_PASSES: Passes = [
    ("wrote pools over whole maps as means in float32", means_of_whole_maps),
    ("gave adaptive pools over even blocks their size", pools_of_given_size),
    ("padded max pools of 2x2", pad_largest_of_four),
    ("wrote convolutions of single positions as linear layers", linear_layers_of_single_positions),
    ("gave biases behind convolutions one axis", flatten_channel_biases),
    ("copied what concat shares with other ops", copy_what_others_read),
]


def legalize_for_half(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply every pass of half precision, as of `apply_in_turn`."""
    return apply_in_turn(model, HALF_PASSES)
