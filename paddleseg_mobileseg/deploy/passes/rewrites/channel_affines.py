"""Factors and addends of channels, taken into the batch norms before them.

A depthwise convolution of 1x1, the batch norm behind it and a `scale` all compute a x + b with an `a` and a `b` of each
channel. So does a batch norm, which opt takes into the convolution before it: where one can be reached, nothing is
left of them. On the way there they pass through sums (both addends are scaled, one is added to), products (one
factor is scaled) and interpolations (a constant stays one).
"""

from typing import List, NamedTuple, Optional

import numpy as np

from ...ir.edit import Edit, copied, set_input
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of


class Affine(NamedTuple):
    """a x + b, channel by channel: two arrays [C], float32."""

    factor: np.ndarray
    addend: np.ndarray

    def then(self, other: "Affine") -> "Affine":
        """This one first, the other one after it."""
        return Affine(self.factor * other.factor, self.addend * other.factor + other.addend)


def absorb_channel_affines(model: ExportedModel) -> int:
    """Take chains of depthwise 1x1 convolutions, batch norms and scales into what is before them."""
    edit = Edit(model)
    changed = 0
    for first in list(edit.ops):
        # A batch norm alone is opt's to fold; one behind a convolution is where others end up.
        if not any(each is first for each in edit.ops) or first.type == "batch_norm" or affine_of(edit, first) is None:
            continue
        chain = _chain(edit, first)
        source, result = _source(first), result_of(chain[-1])
        if edit.only_reader(source) is None or len(edit.dims(source)) != 4:
            continue
        # The output keeps its name, which the model's description says.
        if any(reader.type == "fetch" for reader in edit.readers(result)):
            continue
        total = affine_of(edit, chain[0])
        for op in chain[1:]:
            total = total.then(affine_of(edit, op))
        if not _absorb(edit, source, total, False):
            continue
        _absorb(edit, source, total, True)
        for reader in edit.readers(result):
            set_input(reader, result, source)
        edit.ops = [op for op in edit.ops if not any(op is each for each in chain)]
        edit.index()
        changed += len(chain)
    edit.close()
    return changed


def batch_norm_factor(edit: Edit, op: OpDesc) -> Optional[np.ndarray]:
    """What a batch norm in evaluation multiplies each channel by, float32 [C]; None if its arrays are not constant."""
    arrays = [edit.parameter(name) for slot in ("Scale", "Variance") for name in inputs_of(op, slot)]
    if len(arrays) != 2 or any(array is None for array in arrays):
        return None
    scale, variance = (array.astype(np.float64) for array in arrays)
    return (scale / np.sqrt(variance + get_attr(op, "epsilon", 1e-5))).astype(np.float32)


def affine_of(edit: Edit, op: OpDesc) -> Optional[Affine]:
    """What an op computes channel by channel; None where it does something else."""
    if op.type == "scale" and len(inputs_of(op)) == 1 and len(edit.dims(_source(op))) == 4:
        factor, addend = get_attr(op, "scale", 1.0), get_attr(op, "bias", 0.0)
        addend = addend if get_attr(op, "bias_after_scale", True) else addend * factor
        ones = np.ones(edit.dims(_source(op))[1], np.float32)
        return Affine(ones * np.float32(factor), ones * np.float32(addend))
    if op.type == "batch_norm":
        factor = batch_norm_factor(edit, op)
        mean, bias = (edit.parameter(inputs_of(op, slot)[0]) for slot in ("Mean", "Bias"))
        return None if factor is None or mean is None or bias is None else Affine(factor, bias - mean * factor)
    if op.type == "depthwise_conv2d" and not inputs_of(op, "Bias"):
        kernel = edit.parameter(inputs_of(op, "Filter")[0])
        plain = get_attr(op, "strides") == [1, 1] and not any(get_attr(op, "paddings", []))
        if kernel is None or kernel.shape[1:] != (1, 1, 1) or not plain or len(kernel) != edit.dims(_source(op))[1]:
            return None
        return Affine(kernel.reshape(-1), np.zeros(len(kernel), np.float32))
    return None


def _chain(edit: Edit, first: OpDesc) -> List[OpDesc]:
    """`first` and the affine ops behind it, each the only reader of the one before."""
    chain = [first]
    while True:
        following = edit.only_reader(result_of(chain[-1]))
        if following is None or affine_of(edit, following) is None:
            return chain
        chain.append(following)


def _absorb(edit: Edit, name: str, affine: Affine, change: bool) -> bool:
    """Make the variable `name`, which one op reads, what `affine` gives of it. Tells whether that can be done.

    Args:
        change: do it; without, nothing is touched.
    """
    op = edit.producers.get(name)
    if op is None or edit.only_reader(name) is None:
        return False
    if op.type == "batch_norm":
        if batch_norm_factor(edit, op) is None or edit.parameter(inputs_of(op, "Bias")[0]) is None:
            return False
        if change:
            _into_batch_norm(edit, op, affine)
        return True
    if op.type == "bilinear_interp_v2" and len(inputs_of(op)) == 1:
        return _absorb(edit, _source(op), affine, change)
    if op.type not in ("elementwise_add", "elementwise_mul"):
        return False
    names = inputs_of(op)
    if len(set(names)) != 2 or any(edit.dims(each) != edit.dims(name) for each in names):
        return False
    only_factor = Affine(affine.factor, np.zeros_like(affine.addend))
    if op.type == "elementwise_add":
        for first, second in (names, names[::-1]):
            if _absorb(edit, first, affine, False) and _absorb(edit, second, only_factor, False):
                return not change or _absorb(edit, first, affine, True) and _absorb(edit, second, only_factor, True)
        return False
    if affine.addend.any():
        return False
    able = next((each for each in names if _absorb(edit, each, only_factor, False)), None)
    return able is not None and _absorb(edit, able, only_factor, change)


def _into_batch_norm(edit: Edit, op: OpDesc, affine: Affine) -> None:
    scale, bias = (inputs_of(op, slot)[0] for slot in ("Scale", "Bias"))
    changed = copied(
        op,
        {
            "Scale": [edit.new_parameter(scale, edit.parameter(scale) * affine.factor)],
            "Bias": [edit.new_parameter(bias, edit.parameter(bias) * affine.factor + affine.addend)],
        },
        {},
    )
    op.CopyFrom(changed)


def _source(op: OpDesc) -> str:
    return inputs_of(op, "Input" if op.type == "depthwise_conv2d" else "X")[0]


def result_of(op: OpDesc) -> str:
    """The variable that a convolution, a batch norm or an op of one output writes."""
    return outputs_of(op, {"conv2d": "Output", "depthwise_conv2d": "Output", "batch_norm": "Y"}.get(op.type, "Out"))[0]
