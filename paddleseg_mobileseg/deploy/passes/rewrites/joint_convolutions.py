"""Several 1x1 convolutions of one input as one, where their results are joined again: query, key and value.

One product of matrices with more rows does more for each load of the input, and the concatenation is gone. What else
read one of the results gets its share of the joined one; a mean over rows or columns is taken of that once, and shared
out when it is small.
"""

from collections import defaultdict
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
    _share_out(edit, whole, parts, position + len(made))


def _own_statistics(arrays: Dict[str, List[str]]) -> Dict[str, List[str]]:
    """A batch norm in evaluation names its statistics as outputs too."""
    return {"MeanOut": arrays["Mean"], "VarianceOut": arrays["Variance"]}


def _share_out(edit: Edit, whole: str, parts: List[str], position: int) -> None:
    """Give each reader of a part its share of `whole`; means of parts become shares of one mean."""
    means: Dict[Tuple[int, bool], str] = {}
    shares: Dict[str, Dict[int, str]] = defaultdict(dict)
    made: List[OpDesc] = []
    for index, part in enumerate(parts):
        for reader in list(edit.readers(part)):
            axes = get_attr(reader, "dim", []) if reader.type == "reduce_mean" else []
            if axes not in ([-1], [-2], [2], [3]) or get_attr(reader, "reduce_all"):
                continue
            result, kind = outputs_of(reader, "Out")[0], (axes[0], get_attr(reader, "keep_dim", False))
            if kind not in means:
                dims = edit.dims(result)
                means[kind] = edit.new_variable(result, [dims[0], edit.dims(whole)[1], *dims[2:]])
                made.append(copied(reader, {"X": [whole]}, {"Out": [means[kind]]}))
            if index not in shares[means[kind]]:
                shares[means[kind]][index] = result
                edit.ops = [op for op in edit.ops if op is not reader]
        edit.index()
        if edit.readers(part):
            shares[whole][index] = part
    sizes = [edit.dims(part)[1] for part in parts]
    made += [_split(edit, source, names, sizes) for source, names in shares.items()]
    edit.ops[position:position] = made
    edit.index()


def _split(edit: Edit, source: str, names: Dict[int, str], sizes: List[int]) -> OpDesc:
    """Parts of `source` of so many channels each. Paddle-Lite copies them as they lie; it slices number by number.

    Args:
        names: of those that are read, by their place.
        sizes: of all of them.
    """
    batch, _, *rest = edit.dims(source)
    results = [names.get(index) or edit.new_variable(source, [batch, size, *rest]) for index, size in enumerate(sizes)]
    return new_op("split", {"X": [source]}, {"Out": results}, axis=1, num=0, sections=sizes)
