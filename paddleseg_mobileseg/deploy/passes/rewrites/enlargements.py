"""Bilinear interpolation where it costs less, or not at all.

Interpolation forms weighted means of a channel whose weights add up to one, and a 1x1 convolution forms sums over the
channels of one position: the two may change places, with a batch norm behind the convolution too, and then the
convolution runs at the smaller size.
"""

from typing import Optional

import numpy as np

from ...ir.edit import Edit, copied, new_op, set_input, set_output
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of
from ..crop_resizes import uneven_scaling
from .channel_affines import batch_norm_factor
from .convolutions import is_pointwise

_INTERPOLATION = 8
"""What interpolating an element costs, in multiply-adds of a convolution."""

_BROADCASTING = ("elementwise_add", "elementwise_mul", "elementwise_sub")


def drop_idle_resizes(model: ExportedModel) -> int:
    """Take out resizes to the size that is there, and those of a single position before an op that repeats it."""
    edit = Edit(model)
    changed = 0
    for op in list(edit.ops):
        if op.type not in ("bilinear_interp_v2", "nearest_interp_v2") or len(inputs_of(op)) != 1:
            continue
        source, result = inputs_of(op, "X")[0], outputs_of(op, "Out")[0]
        idle = edit.dims(source) == edit.dims(result) and uneven_scaling(op, edit.variables) is None
        single = edit.dims(source)[2:] == [1, 1] and all(_repeats(edit, each, result) for each in edit.readers(result))
        if not (idle or single) or any(each.type == "fetch" for each in edit.readers(result)):
            continue
        for reader in edit.readers(result):
            set_input(reader, result, source)
        edit.ops.remove(op)
        edit.index()
        changed += 1
    edit.close()
    return changed


def _repeats(edit: Edit, reader: OpDesc, name: str) -> bool:
    """Whether an op repeats its second input over the positions of its first, and `name` is that second one."""
    if reader.type not in _BROADCASTING or inputs_of(reader, "Y") != [name] or inputs_of(reader, "X") == [name]:
        return False
    return get_attr(reader, "axis", -1) in (-1, 0) and edit.dims(inputs_of(reader, "X")[0]) == edit.dims(name)


def convolve_before_enlarging(model: ExportedModel) -> int:
    """Let 1x1 convolutions, with what follows them channel by channel, change places with an enlargement before them.

    A convolution over enlarged channels and others, joined by a concatenation, becomes one over each of them: a sum.
    """
    edit = Edit(model)
    changed = 0
    for op in list(edit.ops):
        if not is_pointwise(edit, op):
            continue
        source = inputs_of(op, "Input")[0]
        resize = edit.producers.get(source)
        if resize is not None and resize.type == "concat":
            changed += _split(edit, op, resize)
        elif resize is not None and _enlarges(edit, resize) and _pays(edit, resize, op):
            _swap(edit, resize, op, _end_of_affine(edit, op))
            changed += 1
    edit.close()
    return changed


def _enlarges(edit: Edit, op: OpDesc) -> bool:
    if op.type != "bilinear_interp_v2" or len(inputs_of(op)) != 1 or uneven_scaling(op, edit.variables) is not None:
        return False
    source, result = edit.dims(inputs_of(op, "X")[0])[2:], edit.dims(outputs_of(op, "Out")[0])[2:]
    return source[0] <= result[0] and source[1] <= result[1] and source != result


def _pays(edit: Edit, resize: OpDesc, op: OpDesc) -> bool:
    """Whether the sums that are saved outweigh the interpolation of what may be more channels."""
    small, large = (int(np.prod(edit.dims(name)[2:])) for name in (inputs_of(resize, "X")[0], _result(resize)))
    results, channels = edit.parameter(inputs_of(op, "Filter")[0]).shape[:2]
    return results * channels * (large - small) > _INTERPOLATION * max(results - channels, 0) * large


def _end_of_affine(edit: Edit, op: OpDesc) -> OpDesc:
    """The last of a convolution, a bias behind it and a batch norm behind that: all of them keep positions apart."""
    for kind, slot in (("elementwise_add", "X"), ("batch_norm", "X")):
        reader = edit.only_reader(_result(op))
        if reader is None or reader.type != kind or inputs_of(reader, slot) != [_result(op)]:
            continue
        addend = inputs_of(reader, "Y")
        if kind == "elementwise_add" and (edit.parameter(addend[0]) is None or not _by_channel(edit, reader)):
            continue
        op = reader
    return op


def _by_channel(edit: Edit, op: OpDesc) -> bool:
    """Whether an addition adds one number to each channel."""
    dims = edit.dims(inputs_of(op, "Y")[0])
    return len(dims) == 1 and get_attr(op, "axis") == 1 or len(dims) == 4 and dims[0] == dims[2] == dims[3] == 1


def _result(op: OpDesc) -> str:
    return outputs_of(op, {"conv2d": "Output", "batch_norm": "Y"}.get(op.type, "Out"))[0]


def _swap(edit: Edit, resize: OpDesc, first: OpDesc, last: OpDesc) -> None:
    """Enlarge behind `last` what `first` read enlarged."""
    small, result = inputs_of(resize, "X")[0], _result(last)
    size = edit.dims(small)[2:]
    set_input(first, outputs_of(resize, "Out")[0], small)
    op: Optional[OpDesc] = first
    name = result
    while op is not None:
        name = edit.new_variable(_result(op), [*edit.dims(_result(op))[:2], *size])
        following = None if op is last else edit.only_reader(_result(op))
        if following is not None:
            set_input(following, _result(op), name)
        set_output(op, {"conv2d": "Output", "batch_norm": "Y"}.get(op.type, "Out"), name)
        op = following
    edit.ops.insert(edit.ops.index(last) + 1, copied(resize, {"X": [name]}, {"Out": [result]}))
    edit.index()


def _split(edit: Edit, op: OpDesc, joined: OpDesc) -> int:
    """A convolution over a concatenation of two as a sum of one over each, that of the enlarged part at its small size.

    A batch norm behind it goes with the second one, and its factors into the weights of the first.
    """
    parts = inputs_of(joined, "X")
    enlarged = [part for part in dict.fromkeys(parts) if _is_enlarged(edit, part)]
    alone = edit.only_reader(_result(joined)) is not None and inputs_of(joined) == parts
    if not alone or len(set(parts)) != 2 or len(parts) != 2 or len(enlarged) != 1 or get_attr(joined, "axis") != 1:
        return 0
    resize = edit.producers[enlarged[0]]
    if not _pays(edit, resize, op):
        return 0
    norm, weights = edit.only_reader(_result(op)), inputs_of(op, "Filter")[0]
    border = edit.dims(parts[0])[1]
    kernels = dict(zip(parts, np.split(edit.parameter(weights), [border], axis=1)))
    other = next(part for part in parts if part not in enlarged)
    if norm is not None and norm.type == "batch_norm":
        factor = batch_norm_factor(edit, norm)
        if factor is None:
            return 0
        kernels[enlarged[0]] = kernels[enlarged[0]] * factor.reshape(-1, 1, 1, 1)
    else:
        norm = None
    result = _result(norm or op)
    first, second = (edit.new_variable(_result(op), edit.dims(_result(op))) for _ in parts)
    small = copied(
        op,
        {"Input": enlarged, "Filter": [edit.new_parameter(weights, kernels[enlarged[0]])]},
        {"Output": [first]},
    )
    large = copied(
        op, {"Input": [other], "Filter": [edit.new_parameter(weights, kernels[other])]}, {"Output": [second]}
    )
    made = [small, large]
    if norm is not None:
        normalised = edit.new_variable(result, edit.dims(result))
        made.append(copied(norm, {"X": [second]}, {"Y": [normalised]}))
        edit.ops.remove(norm)
        second = normalised
    made.append(new_op("elementwise_add", {"X": [second], "Y": [first]}, {"Out": [result]}, axis=-1))
    position = edit.ops.index(op)
    edit.ops[position:position + 1] = made
    edit.index()
    _swap(edit, resize, small, small)
    return 1


def _is_enlarged(edit: Edit, name: str) -> bool:
    producer = edit.producers.get(name)
    return producer is not None and _enlarges(edit, producer)
