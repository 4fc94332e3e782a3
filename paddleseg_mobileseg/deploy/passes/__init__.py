"""What makes an exported program fit for Paddle-Lite 2.13: one pass a file, each acting only where it fits.

No pass changes a number: Paddle gives the same output for the legalized program as for the original. Each names the
place in Paddle-Lite (release/v2.13) or Paddle that it answers to.
"""

from typing import Callable, Dict, List, Tuple

from ..ir.exported import ExportedModel
from .crop_resizes import crop_uneven_scaling
from .fold_constants import fold_constants
from .restore_attributes import restore_dropped_attributes
from .restore_outputs import restore_dropped_outputs
from .scalars_to_vectors import scalars_to_vectors

PASSES: List[Tuple[str, Callable[[ExportedModel], int]]] = [
    ("restored attributes that Paddle leaves out", restore_dropped_attributes),
    ("folded ops that do not depend on the image", fold_constants),
    ("restored outputs that Paddle leaves out", restore_dropped_outputs),
    ("gave scalar constants an axis", scalars_to_vectors),
    ("cropped what a resize by a factor leaves out", crop_uneven_scaling),
]


def legalize(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int]]:
    """Apply every pass to a copy of `model`, whose input shape must be fixed.

    Returns:
        The legalized model, and for each pass that had something to do, how many ops it changed.

    Raises:
        InputError: the network does not take its input shape.
    """
    model = model.copy()
    done = {}
    for description, apply in PASSES:
        count = apply(model)
        if count:
            done[description] = count
    return model, done
