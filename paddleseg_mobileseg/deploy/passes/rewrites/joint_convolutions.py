"""Several 1x1 convolutions of one input as one, where their results are joined again: query, key and value.

One product of matrices with more rows does more for each load of the input, and the concatenation is gone. What else
read one of the results gets it as a slice; a mean over rows or columns is taken of the joined result once, and sliced
when it is small.
"""

from typing import Dict, List, Optional, Tuple

import numpy as np

from ...ir.edit import Edit, copied, new_op
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of
from .convolutions import is_pointwise

_NORM = ("Scale", "Bias", "Mean", "Variance")


def join_convolutions(model: ExportedModel) -> int:
    """Join the convolutions, each with its batch norm, whose concatenation over the channels is used."""
    edit = Edit(model)
    changed = 0
    for joined in list(edit.ops):
        branches = _branches(edit, joined) if joined.type == "concat" else None
        if branches:
            _join(edit, joined, branches)
            changed += len(branches)
    edit.close()
    return changed


def _branches(edit: Edit, joined: OpDesc) -> Optional[List[Tuple[OpDesc, OpDesc]]]:
    """The convolution and batch norm behind each part of a concatenation; None if a part is made otherwise."""
    parts = inputs_of(joined, "X")
    if get_attr(joined, "axis") != 1 or inputs_of(joined) != parts or len(set(parts)) != len(parts) or len(parts) < 2:
        return None
    branches = []
    for part in parts:
        norm = edit.producers.get(part)
        if norm is None or norm.type != "batch_norm" or any(
            edit.parameter(inputs_of(norm, slot)[0]) is None for slot in _NORM
        ):
            return None
        convolution = edit.producers.get(inputs_of(norm, "X")[0])
        if convolution is None or not is_pointwise(edit, convolution) or not edit.only_reader(inputs_of(norm, "X")[0]):
            return None
        branches.append((convolution, norm))
    sources = {inputs_of(convolution, "Input")[0] for convolution, _ in branches}
    epsilons = {get_attr(norm, "epsilon") for _, norm in branches}
    return branches if len(sources) == len(epsilons) == 1 else None


def _join(edit: Edit, joined: OpDesc, branches: List[Tuple[OpDesc, OpDesc]]) -> None:
    convolution, norm = branches[0]
    parts, whole = inputs_of(joined, "X"), outputs_of(joined, "Out")[0]
    products = edit.new_variable(outputs_of(convolution, "Output")[0], edit.dims(whole))
    arrays: Dict[str, List[str]] = {}
    for slot in _NORM:
        names = [inputs_of(each, slot)[0] for _, each in branches]
        arrays[slot] = [edit.new_parameter(names[0], np.concatenate([edit.parameter(name) for name in names]))]
    filters = [inputs_of(each, "Filter")[0] for each, _ in branches]
    kernel = edit.new_parameter(filters[0], np.concatenate([edit.parameter(name) for name in filters]))
    made = [
        copied(convolution, {"Filter": [kernel]}, {"Output": [products]}),
        copied(norm, {"X": [products], **arrays}, {"Y": [whole], **_own_statistics(arrays)}),
    ]
    position = next(index for index, op in enumerate(edit.ops) if any(op is each for each, _ in branches))
    gone = [joined, *(op for branch in branches for op in branch)]
    edit.ops[position:position] = made
    edit.ops = [op for op in edit.ops if not any(op is each for each in gone)]
    edit.index()
    _slice_for_readers(edit, whole, parts, position + len(made))


def _own_statistics(arrays: Dict[str, List[str]]) -> Dict[str, List[str]]:
    """A batch norm in evaluation names its statistics as outputs too."""
    return {"MeanOut": arrays["Mean"], "VarianceOut": arrays["Variance"]}


def _slice_for_readers(edit: Edit, whole: str, parts: List[str], position: int) -> None:
    """Give each reader of a part its slice of `whole`; means of parts become slices of one mean."""
    means: Dict[Tuple[int, ...], str] = {}
    made: List[OpDesc] = []
    start = 0
    for part in parts:
        end = start + edit.dims(part)[1]
        for reader in list(edit.readers(part)):
            axes = tuple(get_attr(reader, "dim", [])) if reader.type == "reduce_mean" else ()
            if axes not in ((-1,), (-2,), (2,), (3,)) or get_attr(reader, "reduce_all"):
                continue
            if axes not in means:
                dims = [edit.dims(whole)[0], edit.dims(whole)[1], *edit.dims(outputs_of(reader)[0])[2:]]
                means[axes] = edit.new_variable(outputs_of(reader, "Out")[0], dims)
                made.append(copied(reader, {"X": [whole]}, {"Out": [means[axes]]}))
            made.append(_slice(means[axes], outputs_of(reader, "Out")[0], start, end))
            edit.ops = [op for op in edit.ops if op is not reader]
        edit.index()
        if edit.readers(part):
            made.append(_slice(whole, part, start, end))
        start = end
    edit.ops[position:position] = made
    edit.index()


def _slice(source: str, result: str, start: int, end: int) -> OpDesc:
    return new_op(
        "slice",
        {"Input": [source]},
        {"Out": [result]},
        axes=[1],
        starts=[start],
        ends=[end],
        infer_flags=[1],
        decrease_axis=[],
    )
