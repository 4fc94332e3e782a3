"""What Paddle-Lite has one op for and other formats have not, spelt out: the last passes before a translation.

paddle2onnx (1.2 and 1.3) has no translation of `shuffle_channel`, and writes a split into a number of equal parts
without their sizes: pnnx (20261020) then writes a layer without any, with which ncnn dies. LiteRT has no adaptive pool
whose blocks are of several sizes, and paddle2onnx writes one of a single size, or a stride of 0 with which ONNX Runtime
dies.
"""

from typing import Dict, List, Tuple

import numpy as np

from ..ir.edit import Edit, new_op
from ..ir.exported import ExportedModel
from ..ir.program import AttrType, OpDesc, get_attr, inputs_of, outputs_of, set_attr
from .in_turn import Passes, apply_in_turn
from .rewrites.even_pools import block_of


def spell_out_shuffles(model: ExportedModel) -> int:
    """Write `shuffle_channel` as [N, g x c, h, w] -> [N, g, c, h, w] -> [N, c, g, h, w] -> [N, c x g, h, w]."""
    edit = Edit(model)
    spelt: List[OpDesc] = []
    for op in edit.ops:
        if op.type != "shuffle_channel":
            spelt.append(op)
            continue
        source, result, groups = inputs_of(op, "X")[0], outputs_of(op, "Out")[0], get_attr(op, "group")
        batch, channels, *size = edit.dims(source)
        split = [batch, groups, channels // groups, *size]
        turned = [batch, channels // groups, groups, *size]
        parts, swapped = edit.new_variable(source, split), edit.new_variable(source, turned)
        spelt += [
            new_op("reshape2", {"X": [source]}, {"Out": [parts]}, shape=split),
            new_op("transpose2", {"X": [parts]}, {"Out": [swapped]}, axis=[0, 2, 1, 3, 4]),
            new_op("reshape2", {"X": [swapped]}, {"Out": [result]}, shape=[batch, channels, *size]),
        ]
    changed = (len(spelt) - len(edit.ops)) // 2
    edit.ops = spelt
    edit.close()
    return changed


def spell_out_splits(model: ExportedModel) -> int:
    """Give each split into a number of parts their sizes."""
    edit, changed = Edit(model), 0
    for op in edit.ops:
        if op.type == "split" and get_attr(op, "num", 0):
            axis = get_attr(op, "axis", 0) % len(edit.dims(inputs_of(op, "X")[0]))
            set_attr(op, "sections", [edit.dims(name)[axis] for name in outputs_of(op, "Out")], AttrType.INTS)
            set_attr(op, "num", 0, AttrType.INT)
            changed += 1
    edit.close()
    return changed


def spell_out_uneven_pools(model: ExportedModel) -> int:
    """Write adaptive averages over blocks of several sizes as products with what each position counts in each block."""
    edit = Edit(model)
    spelt: List[OpDesc] = []
    for op in edit.ops:
        if not _is_uneven_average(edit, op):
            spelt.append(op)
            continue
        source, result = inputs_of(op, "X")[0], outputs_of(op, "Out")[0]
        batch, channels, *have = edit.dims(source)
        wanted = edit.dims(result)[2:]
        counts = np.kron(*(_shares(size, blocks) for size, blocks in zip(have, wanted)))
        flat = edit.new_variable(source, [batch, channels, counts.shape[1]])
        means = edit.new_variable(source, [batch, channels, counts.shape[0]])
        shares = edit.new_parameter(f"{result}.shares", counts.T)
        spelt += [
            new_op("reshape2", {"X": [source]}, {"Out": [flat]}, shape=edit.dims(flat)),
            new_op("matmul_v2", {"X": [flat], "Y": [shares]}, {"Out": [means]}, trans_x=False, trans_y=False),
            new_op("reshape2", {"X": [means]}, {"Out": [result]}, shape=[batch, channels, *wanted]),
        ]
    changed = (len(spelt) - len(edit.ops)) // 2
    edit.ops = spelt
    edit.close()
    return changed


def _is_uneven_average(edit: Edit, op: OpDesc) -> bool:
    average = op.type == "pool2d" and get_attr(op, "adaptive", False) and get_attr(op, "pooling_type") == "avg"
    return average and block_of(edit, op) is None


def _shares(size: int, blocks: int) -> np.ndarray:
    """What each of `size` positions counts in each block, [blocks, size], as Paddle cuts them: they may overlap."""
    shares = np.zeros((blocks, size), np.float32)
    for block in range(blocks):
        begin, end = block * size // blocks, -(-(block + 1) * size // blocks)
        shares[block, begin:end] = 1 / (end - begin)
    return shares


_SPELT_OUT: Passes = [("wrote averages over uneven blocks as products", spell_out_uneven_pools)]
_FOR_ONNX: Passes = [
    ("spelt out channel shuffles", spell_out_shuffles),
    ("gave splits the sizes of their parts", spell_out_splits),
]


def spell_out(model: ExportedModel, for_onnx: bool) -> Tuple[ExportedModel, Dict[str, int]]:
    """Leave no op in a lowered program that only Paddle-Lite has, as of `apply_in_turn`.

    Args:
        for_onnx: also what paddle2onnx lacks.
    """
    return apply_in_turn(model, _SPELT_OUT + (_FOR_ONNX if for_onnx else []))
