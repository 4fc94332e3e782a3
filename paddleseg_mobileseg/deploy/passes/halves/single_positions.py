"""1x1 convolutions of features of one position, such as those of squeeze and excitation, as linear layers.

A convolution with one position goes to the half-precision product of a matrix and a vector (lite/backends/arm/math/
fp16/conv_impl_fp16.cc, release/v2.13), which reads the rows of its weights beyond their end where they are no multiple
of its step; NaN that happens to lie there gets into the result. The weights of `fc`, into which opt joins `mul` and an
addition, are laid out for that product (lite/kernels/arm/fc_compute.cc).
"""

from typing import List, Optional, Tuple

import numpy as np

from ...ir.edit import Edit, new_op
from ...ir.exported import ExportedModel
from ...ir.program import OpDesc, get_attr, inputs_of, outputs_of
from ..rewrites.channel_affines import affine_of, result_of
from ..rewrites.convolutions import is_pointwise


def linear_layers_of_single_positions(model: ExportedModel) -> int:
    """Write the convolutions, with biases and batch norms behind them, as `mul` and `elementwise_add`."""
    edit = Edit(model)
    changed = 0
    for op in [each for each in edit.ops if each.type == "conv2d"]:
        source, result = inputs_of(op, "Input")[0], outputs_of(op, "Output")[0]
        single = edit.dims(source)[2:] == edit.dims(result)[2:] == [1, 1]
        if not single or not is_pointwise(edit, op):
            continue
        if any(reader.type == "fetch" for reader in edit.readers(result)):
            continue
        _linearise(edit, op)
        changed += 1
    edit.close()
    return changed


def _linearise(edit: Edit, op: OpDesc) -> None:
    """Put a linear layer in the place of a convolution and of what is affine behind it."""
    source, kernel = inputs_of(op, "Input")[0], inputs_of(op, "Filter")[0]
    weights = edit.parameter(kernel)
    factor, addend, chain = _affine_behind(edit, op)
    matrix = (weights.reshape(len(weights), -1).T * factor).astype(np.float32)
    result = result_of(chain[-1])
    rows = [edit.dims(source)[0], len(weights)]
    product, total = edit.new_variable(result, rows), edit.new_variable(result, rows)
    made = [
        new_op(
            "mul",
            {"X": [source], "Y": [edit.new_parameter(kernel, matrix)]},
            {"Out": [product]},
            x_num_col_dims=1,
            y_num_col_dims=1,
        ),
        new_op(
            "elementwise_add",
            {"X": [product], "Y": [edit.new_parameter(kernel, addend)]},
            {"Out": [total]},
            axis=1,
        ),
        new_op("unsqueeze2", {"X": [total]}, {"Out": [result]}, axes=[2, 3]),
    ]
    position = next(index for index, each in enumerate(edit.ops) if each is chain[-1])
    edit.ops[position + 1 : position + 1] = made
    edit.ops = [each for each in edit.ops if not any(each is gone for gone in chain)]
    edit.index()


def _affine_behind(edit: Edit, op: OpDesc) -> Tuple[np.ndarray, np.ndarray, List[OpDesc]]:
    """Factor and addend of each channel that follow a convolution, float64 [M], and the ops that they are made of."""
    channels = edit.dims(result_of(op))[1]
    factor, addend = np.ones(channels), np.zeros(channels)
    chain = [op]
    while True:
        following = edit.only_reader(result_of(chain[-1]))
        affine = None if following is None else affine_of(edit, following)
        bias = None if following is None else _bias(edit, following, result_of(chain[-1]), channels)
        if following is None or affine is None and bias is None or _is_output(edit, following):
            return factor, addend, chain
        if bias is not None:
            addend = addend + bias
        else:
            factor, addend = factor * affine.factor, addend * affine.factor + affine.addend
        chain.append(following)


def _bias(edit: Edit, op: OpDesc, name: str, channels: int) -> Optional[np.ndarray]:
    """What an op adds to each channel of a feature of one position; None where it does something else."""
    if op.type != "elementwise_add" or inputs_of(op, "X") != [name]:
        return None
    array = edit.parameter(inputs_of(op, "Y")[0])
    if array is None or array.size != channels:
        return None
    along = array.shape == (1, channels, 1, 1) or array.ndim == 1 and get_attr(op, "axis", -1) == 1
    return array.reshape(-1) if along else None


def _is_output(edit: Edit, op: OpDesc) -> bool:
    return any(reader.type == "fetch" for reader in edit.readers(result_of(op)))
