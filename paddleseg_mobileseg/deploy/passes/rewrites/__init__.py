"""What makes a legalized program cheaper on ARM, or right in fewer bits: one rewrite a file, only where it fits.

A rewrite changes roundings and nothing else: `lower` runs the rewritten program in Paddle beside the original. Each
says which kernel or pass of Paddle-Lite (release/v2.13) it answers to.
"""

from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from ...ir.exported import ExportedModel
from ..fold_constants import keep_what_is_needed
from .channel_affines import absorb_channel_affines
from .channel_biases import flatten_channel_biases
from .channel_shuffles import join_channel_shuffles
from .enlargements import convolve_before_enlarging, drop_idle_resizes
from .even_pools import chain_even_pools
from .hard_sigmoids import join_hard_sigmoids
from .joint_convolutions import join_convolutions

REWRITES: List[Tuple[str, Callable[[ExportedModel], int]]] = [
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


def apply_in_turn(
    model: ExportedModel, passes: Sequence[Tuple[str, Callable[[ExportedModel], int]]]
) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply passes to a copy of `model`, which must be legalized; one with loops stays as it is.

    Returns:
        The rewritten model, and for each pass that had something to do, how many ops it concerned.
    """
    done: Dict[str, int] = {}
    if model.has_loops():
        return model, done
    model = model.copy()
    for description, apply in passes:
        count = apply(model)
        if count:
            done[description] = count
            keep_what_is_needed(model, {})
    return model, done


def was_rewritten(passes: Mapping[str, int]) -> bool:
    """Whether rewrites are among what a conversion lists."""
    return any(description in passes for description, _ in REWRITES)
