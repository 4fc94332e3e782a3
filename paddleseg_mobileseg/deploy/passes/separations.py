"""What opt would join wrongly, kept apart: the last passes before it sees a program."""

from typing import Dict, Tuple

from ..ir.exported import ExportedModel
from .in_turn import Passes, apply_in_turn
from .separate_convolutions import keep_convolutions_apart
from .separate_scales import keep_scales_apart

_SEPARATIONS: Passes = [
    ("kept convolutions apart that opt would join wrongly", keep_convolutions_apart),
    ("kept scales apart from convolutions", keep_scales_apart),
]


def keep_apart(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Separate such ops of a program that is legalized and rewritten, as of `apply_in_turn`."""
    return apply_in_turn(model, _SEPARATIONS)
