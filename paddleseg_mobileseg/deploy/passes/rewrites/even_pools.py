"""Averages over large even blocks as chains of 2x2 pools.

Paddle-Lite has vector kernels for pools of 2x2, of 3x3 and over the whole map; any other block is added up number by
number (lite/kernels/arm/pool_compute.cc, lite/backends/arm/math/pooling.cc, release/v2.13). And a pool over a whole map
of 256x256 adds 65,536 numbers in one float32: the first digits of the sum leave no room for the last ones of what is
added. A mean of equal blocks' means is the same mean, and never adds more than a few numbers.
"""

from typing import List, Optional, Tuple

from ...ir.edit import Edit, copied, new_op
from ...ir.exported import ExportedModel
from ...ir.program import AttrType, OpDesc, get_attr, inputs_of, outputs_of, set_attr

MOST_AT_ONCE = 1024
"""Positions that a pool over the whole map may add up."""


def chain_even_pools(model: ExportedModel) -> int:
    """Put 2x2 pools in the place of pools over larger even blocks, and before those over large maps."""
    edit = Edit(model)
    ops: List[OpDesc] = []
    changed = 0
    for op in edit.ops:
        block = block_of(edit, op) if op.type == "pool2d" else None
        chain = _chain(edit, op, block) if block else []
        ops += chain or [op]
        changed += bool(chain)
    edit.ops = ops
    edit.close()
    return changed


def block_of(edit: Edit, op: OpDesc) -> Optional[Tuple[int, int]]:
    """Height and width of the blocks that an average pool cuts its input into; None where it does not."""
    (height, width), (rows, columns) = edit.dims(inputs_of(op, "X")[0])[2:], edit.dims(outputs_of(op, "Out")[0])[2:]
    if get_attr(op, "pooling_type") != "avg" or get_attr(op, "data_format", "NCHW") not in ("NCHW", "AnyLayout"):
        return None
    if min(height, width, rows, columns) < 1 or height % rows or width % columns:
        return None
    block = height // rows, width // columns
    if get_attr(op, "global_pooling") or get_attr(op, "adaptive"):
        return block
    plain = not any(get_attr(op, "paddings", [])) and get_attr(op, "padding_algorithm", "EXPLICIT") != "SAME"
    same = tuple(get_attr(op, "ksize")) == tuple(get_attr(op, "strides")) == block
    return block if plain and same else None


def _chain(edit: Edit, op: OpDesc, block: Tuple[int, int]) -> List[OpDesc]:
    """What takes the place of `op`; nothing where it may stay."""
    name, result = inputs_of(op, "X")[0], outputs_of(op, "Out")[0]
    batch, channels, height, width = edit.dims(name)
    whole = edit.dims(result)[2:] == [1, 1]
    ops: List[OpDesc] = []
    while block != (1, 1) and block[0] % 2 == block[1] % 2 == 0:
        if whole and height * width <= MOST_AT_ONCE:
            break
        height, width, block = height // 2, width // 2, (block[0] // 2, block[1] // 2)
        reduced = result if block == (1, 1) else edit.new_variable(result, [batch, channels, height, width])
        ops.append(_pool_2x2(op, name, reduced))
        name = reduced
    # One 2x2 pool in the place of another one is no change.
    if not ops or block == (1, 1) and len(ops) == 1 and not get_attr(op, "adaptive"):
        return []
    if block != (1, 1):
        rest = copied(op, {"X": [name]}, {})
        if not (get_attr(op, "global_pooling") or get_attr(op, "adaptive")):
            set_attr(rest, "ksize", list(block), AttrType.INTS)
            set_attr(rest, "strides", list(block), AttrType.INTS)
        ops.append(rest)
    return ops


def _pool_2x2(op: OpDesc, source: str, result: str) -> OpDesc:
    return new_op(
        "pool2d",
        {"X": [source]},
        {"Out": [result]},
        pooling_type="avg",
        ksize=[2, 2],
        strides=[2, 2],
        paddings=[0, 0],
        global_pooling=False,
        adaptive=False,
        exclusive=True,
        ceil_mode=False,
        data_format=get_attr(op, "data_format", "NCHW"),
        padding_algorithm="EXPLICIT",
        use_cudnn=False,
    )
