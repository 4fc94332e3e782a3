"""A reshape, a transposition and a reshape that shuffle channels, as the one op that Paddle-Lite has for it.

Its transposition of five axes is a loop over single numbers (lite/backends/host/math/transpose.cc, release/v2.13);
`shuffle_channel` copies whole planes.
"""

from ...ir.edit import Edit, new_op
from ...ir.exported import ExportedModel
from ...ir.program import get_attr, inputs_of, outputs_of


def join_channel_shuffles(model: ExportedModel) -> int:
    """Write [N, g x c, h, w] -> [N, g, c, h, w] -> [N, c, g, h, w] -> [N, c x g, h, w] as `shuffle_channel`."""
    edit = Edit(model)
    changed = 0
    for position, last in enumerate(edit.ops):
        turn = edit.producers.get(inputs_of(last, "X")[0]) if last.type == "reshape2" else None
        if turn is None or turn.type != "transpose2" or get_attr(turn, "axis") != [0, 2, 1, 3, 4]:
            continue
        first = edit.producers.get(inputs_of(turn, "X")[0])
        if first is None or first.type != "reshape2":
            continue
        source, result = inputs_of(first, "X")[0], outputs_of(last, "Out")[0]
        batch, groups, channels, *size = edit.dims(inputs_of(turn, "X")[0])
        if edit.dims(source) != [batch, groups * channels, *size] or edit.dims(result) != edit.dims(source):
            continue
        edit.ops[position] = new_op("shuffle_channel", {"X": [source]}, {"Out": [result]}, group=groups)
        changed += 1
    edit.close()
    return changed
