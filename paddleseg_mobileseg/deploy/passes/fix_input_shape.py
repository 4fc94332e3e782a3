"""A fixed input shape, which conversion and folding start from.

PaddleSeg exports open sizes by default, and its `--input_shape` leaves -1 behind in places (PaddleSeg issue 3839).
"""

from typing import Optional, Sequence

import numpy as np

from ...errors import InputError
from ..ir.exported import ExportedModel
from ..ir.program import DTYPES, dims_of, set_tensor, tensor_of


def fix_input_shape(model: ExportedModel, shape: Optional[Sequence[int]] = None) -> ExportedModel:
    """The same model with nothing unknown in its input shape.

    Args:
        model: as exported.
        shape: N, C, H, W; needed where the model was exported without `--input_shape`. An unknown N
            alone becomes 1.

    Raises:
        InputError: sizes stay unknown, or `shape` contradicts the model.
    """
    model = model.copy()
    variable = model.variables()[model.input_name]
    exported = dims_of(variable)
    dtype = DTYPES.get(tensor_of(variable).data_type)
    if dtype != np.float32 or len(exported) != 4 or exported[1] not in (-1, 3):
        raise InputError(
            f"{model.folder} takes {dtype} of shape {exported}; a network for images takes float32 of [N, 3, H, W]"
        )
    wanted = list(exported) if shape is None else list(shape)
    if shape is None:
        wanted[:2] = [1 if exported[0] == -1 else exported[0], 3]
    if min(wanted) < 1 or len(wanted) != 4:
        if shape is not None:
            raise InputError(f"--input-shape takes four sizes N C H W of 1 or more, not {' '.join(map(str, shape))}")
        raise InputError(
            f"{model.folder} was exported without a fixed size (input {exported}): "
            "give --input-shape 1 3 H W, or export again with --input_shape 1 3 H W"
        )
    if any(have not in (-1, want) for have, want in zip([exported[0], 3, *exported[2:]], wanted)):
        raise InputError(
            f"--input-shape {wanted} contradicts {model.folder}, which was exported for {exported}: "
            "omit the flag, or export again with the new --input_shape"
        )
    set_tensor(variable, wanted)
    return model
