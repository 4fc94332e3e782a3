"""Linear layers as `mul`, whose weights Paddle-Lite takes as integers; Paddle 2 exports them as `matmul_v2`."""

from typing import Dict, List, Tuple

from ...errors import InputError
from ..ir.exported import ExportedModel
from ..ir.program import AttrType, OpDesc, VarDesc, dims_of, get_attr, inputs_of, set_attr

_PRODUCTS = ("matmul", "matmul_v2")
_DONE = "wrote linear layers as opt stores them right"


def storable(model: ExportedModel, weights: str) -> Tuple[ExportedModel, Dict[str, int]]:
    """The same program, of which opt stores the weights right in fewer bits.

    opt 2.13 stores the weights of a linear layer as integers (lite/core/optimizer/mir/post_quant_dynamic_pass.cc lists
    `matmul` and `matmul_v2`), and the runtime never turns them back where the layer is one of these
    (`LightPredictor::DequantizeWeight` in lite/api/light_api.cc knows conv2d, depthwise_conv2d, fc, mul and
    lookup_table): the network gives NaN, nonsense, or by luck of what lies in memory numbers that are nearly right.

    Args:
        model: legalized.
        weights: "float32", which leaves the program alone, "int16" or "int8".

    Returns:
        The program, and what was changed in it, with the number of ops that concerned.

    Raises:
        InputError: a product with weights cannot be written as a `mul`.
    """
    if weights == "float32":
        return model, {}
    model, done, others = linear_as_mul(model)
    if others:
        raise InputError(
            f"--weights {weights} would ruin {len(others)} products with weights in {model.folder} "
            f"({', '.join(sorted({op.type for op in others}))}, other than linear layers); omit --weights"
        )
    return model, done


def linear_as_mul(model: ExportedModel) -> Tuple[ExportedModel, Dict[str, int], List[OpDesc]]:
    """A copy of a legalized program with its linear layers as `mul`.

    Returns:
        The program, what was changed in it, and the products with weights that are no linear layers.
    """
    model = model.copy()
    variables = model.variables()
    products = [
        op for op in model.block.ops
        if op.type in _PRODUCTS and any(variables[name].persistable for name in inputs_of(op))
    ]
    layers = [op for op in products if _is_linear(op, variables)]
    for op in layers:
        columns = len(dims_of(variables[inputs_of(op, "X")[0]])) - 1
        op.type = "mul"
        del op.attrs[:]
        set_attr(op, "x_num_col_dims", columns, AttrType.INT)
        set_attr(op, "y_num_col_dims", 1, AttrType.INT)
    return model, {_DONE: len(layers)} if layers else {}, [op for op in products if op.type in _PRODUCTS]


def _is_linear(op: OpDesc, variables: Dict[str, VarDesc]) -> bool:
    """Whether `op` is [..., a] times weights [a, b]."""
    image, matrix = (variables[inputs_of(op, slot)[0]] for slot in ("X", "Y"))
    turned = any(get_attr(op, name, False) for name in ("trans_x", "trans_y", "transpose_X", "transpose_Y"))
    plain = not turned and get_attr(op, "alpha", 1.0) == 1.0
    return plain and not image.persistable and len(dims_of(image)) >= 2 and len(dims_of(matrix)) == 2
