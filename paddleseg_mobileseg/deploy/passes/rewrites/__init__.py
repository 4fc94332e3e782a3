"""What makes a legalized program cheaper on ARM, or right in fewer bits: one rewrite a file, only where it fits.

A rewrite changes roundings and nothing else: `lower` runs the rewritten program in Paddle beside the original. Each
says which kernel or pass of Paddle-Lite (release/v2.13) it answers to.
"""

from typing import Dict, Mapping, Tuple

from ...ir.exported import ExportedModel
from ..in_turn import Passes, apply_in_turn
from .channel_affines import absorb_channel_affines
from .channel_biases import flatten_channel_biases
from .channel_shuffles import join_channel_shuffles
from .enlargements import convolve_before_enlarging, drop_idle_resizes
from .even_pools import chain_even_pools
from .hard_sigmoids import join_hard_sigmoids
from .joint_convolutions import join_convolutions

REWRITES: Passes = [
    ("left out resizes that change nothing", drop_idle_resizes),
    ("joined relu6 gates to hard_sigmoid", join_hard_sigmoids),
    ("took channel-wise factors into batch norms", absorb_channel_affines),
    ("convolved before enlarging instead of after it", convolve_before_enlarging),
    ("joined convolutions of the same input", join_convolutions),
    ("joined channel shuffles", join_channel_shuffles),
    ("wrote pools over even blocks as chains of 2x2", chain_even_pools),
    ("gave biases behind convolutions one axis", flatten_channel_biases),
]


def rewrite(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply every rewrite, as of `apply_in_turn`."""
    return apply_in_turn(model, REWRITES)


def was_rewritten(passes: Mapping[str, int]) -> bool:
    """Whether rewrites are among what a conversion lists."""
    return any(description in passes for description, _ in REWRITES)
