"""How passes that change a copy of a program are applied."""

from typing import Callable, Dict, Sequence, Tuple

from ..ir.exported import ExportedModel
from .fold_constants import keep_what_is_needed

Passes = Sequence[Tuple[str, Callable[[ExportedModel], int]]]
"""What each does, in words, and the function, which changes a program in place and says how many ops that concerned."""


def apply_in_turn(model: ExportedModel, passes: Passes) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply passes to a copy of `model`, which must be legalized; one with loops stays as it is.

    Returns:
        The changed model, and for each pass that had something to do, how many ops it concerned.
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
