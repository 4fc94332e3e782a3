"""What a program takes and what it gives, as far as the program itself tells."""

from typing import Dict, List, Optional, Sequence

import numpy as np

from ...data.transforms import read_preprocessing
from ...errors import InputError
from .exported import ExportedModel
from .program import DTYPES, OpDesc, dims_of, get_attr, inputs_of, tensor_of
from .tensors import InputTensor


def describe_input(model: ExportedModel) -> InputTensor:
    """The input of a model of fixed input shape.

    Raises:
        InputError: deploy.yaml's transforms cannot be reproduced at that shape.
    """
    shape = dims_of(model.variables()[model.input_name])
    preprocessing = None
    if model.transforms is not None:
        preprocessing = read_preprocessing(model.transforms, *shape[2:], where=str(model.folder / "deploy.yaml"))
    return InputTensor(model.input_name, shape, preprocessing)


def output_kind(model: ExportedModel) -> str:
    """What the output of a legalized program is: "labels", "logits" or "probabilities".

    Raises:
        InputError: it is none of them.
    """
    variable = model.variables()[model.output_name]
    dims, dtype = dims_of(variable), DTYPES.get(tensor_of(variable).data_type)
    if dtype in (np.int32, np.int64) and (len(dims) == 3 or len(dims) == 4 and dims[1] == 1):
        return "labels"
    # The sizes of what a loop writes are not known: PaddleSeg's own VIM ends in one.
    if dtype in (np.int32, np.int64) and model.has_loops() and "unique" in model.op_counts():
        return "labels"
    if dtype == np.float32 and len(dims) == 4:
        producers = model.producers()
        name = behind(model.output_name, producers)
        return "probabilities" if name in producers and producers[name].type == "softmax" else "logits"
    raise InputError(
        f"{model.folder} gives {dtype} of shape {dims}, which is neither logits [N, classes, H, W] nor labels "
        "[N, H, W]: export again, a network that gives labels by itself (VIM) with --output_op none"
    )


def behind(name: str, producers: Dict[str, OpDesc], also: Sequence[str] = ()) -> str:
    """The variable that `name` is a copy of: back through ops that only rename, and through the kinds in `also`.

    Exports end in an op that only gives the output its name.
    """
    # A variable that several ops write may lead back to itself, and a loop's to nowhere.
    for _ in range(len(producers)):
        op = producers.get(name)
        if op is None or not inputs_of(op, "X") or not (_is_identity(op) or op.type in also):
            break
        name = inputs_of(op, "X")[0]
    return name


def _is_identity(op: OpDesc) -> bool:
    if op.type == "scale":
        return get_attr(op, "scale") == 1.0 and get_attr(op, "bias") == 0.0
    return op.type == "assign"


def label_map(model: ExportedModel) -> str:
    """What computes the labels inside the network: "vim", "argmax", or "none"."""
    kinds = model.op_counts()
    if output_kind(model) != "labels":
        return "none"
    return "vim" if "unique" in kinds else "argmax"


def count_classes(model: ExportedModel) -> Optional[int]:
    """How many classes the network tells apart; None if the program does not say."""
    variables = model.variables()
    if output_kind(model) != "labels":
        classes: List[int] = [dims_of(variables[model.output_name])[1]]
    else:
        # VIM's second argmax only sees the classes of the image: their number is -1 there.
        classes = [
            dims_of(variables[inputs_of(op, "X")[0]])[get_attr(op, "axis", 1)]
            for op in model.block.ops
            if op.type == "arg_max"
        ]
    return max((count for count in classes if count > 0), default=None)
