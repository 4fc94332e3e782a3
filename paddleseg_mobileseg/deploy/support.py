"""Whether Paddle-Lite can run a program, asked before opt is called: opt's own answers are often a crash."""

from collections import Counter
from typing import Dict

from ..errors import InputError
from .ir.exported import ExportedModel
from .ir.program import AttrType, OpDesc, get_attr
from .passes.crop_resizes import uneven_scaling
from .runtime.opt import supported_ops

# Kinds of attributes that Paddle-Lite's own program format has; a program with any other cannot be read.
_READABLE_ATTRIBUTES = frozenset(range(AttrType.INT, AttrType.FLOAT64 + 1))

_LOOPED_VIM = (
    "PaddleSeg's own VIM is exported as a loop over the classes; convert with another label map than --labels none"
)
_UNEVEN_SCALING = (
    "resize to a size instead of by a factor that does not divide the feature, where Paddle-Lite gives other numbers, "
    "or choose another input size"
)
_ADVICE = {
    "index_put": _LOOPED_VIM,
    "set_value": _LOOPED_VIM,
    "bilinear_interp_v2": _UNEVEN_SCALING,
    "nearest_interp_v2": _UNEVEN_SCALING,
    "linear_interp_v2": "on a constant it is folded away; of a tensor that depends on the image use bilinear instead",
    "fill_constant": "compare or combine with a constant of shape [1] instead of a scalar",
    "assign_value": "compare or combine with a constant of shape [1] instead of a scalar",
}
_GENERAL_ADVICE = "replace it in the network by ops that Paddle-Lite has, or leave it out of the export"


def check_support(model: ExportedModel, target: str, precision: str = "float32") -> None:
    """Refuse a legalized program that Paddle-Lite cannot run.

    Args:
        model: after `passes.legalize`.
        target: "arm" or "x86".
        precision: what it is to compute in, one of `PRECISIONS`.

    Raises:
        InputError: it has ops that the target lacks; the message names each with its count and what to do.
    """
    known = supported_ops(target)
    variables = model.variables()
    lacking: Dict[str, int] = Counter(
        op.type
        for block in model.program.blocks
        for op in block.ops
        if op.type not in known or _fails(op) or precision == "fp16" and op.type == "linear_interp_v2"
    )
    lacking.update(op.type for op in model.block.ops if uneven_scaling(op, variables))
    if not lacking:
        return
    listing = ", ".join(f"{kind} ({count})" for kind, count in sorted(lacking.items()))
    advices = list(dict.fromkeys(_ADVICE.get(kind, _GENERAL_ADVICE) for kind in sorted(lacking)))
    # What else such a network lacks belongs to the same loop.
    advice = _LOOPED_VIM if _LOOPED_VIM in advices else "; ".join(advices)
    how = " in half precision" if precision == "fp16" else ""
    raise InputError(
        f"{model.folder} has ops that Paddle-Lite cannot run on {target}{how}: {listing}. What to do: {advice}"
    )


def _fails(op: OpDesc) -> bool:
    """Whether Paddle-Lite 2.13 fails on an op that its table promises, as seen by running it."""
    if any(attr.type not in _READABLE_ATTRIBUTES for attr in op.attrs):
        # set_value: "Can't parse message ... missing required fields".
        return True
    # The runtime aborts: "no valid out_shape".
    return op.type in ("fill_constant", "assign_value") and _is_scalar(op)


def _is_scalar(op: OpDesc) -> bool:
    from_tensor = any(var.arguments for var in op.inputs)
    return not from_tensor and get_attr(op, "shape") == []
