"""The end of a segmentation program that makes logits or labels of image size out of low-resolution logits.

Whatever made the labels in an export (nothing, argmax, VIM), `find_tail` says which logits they were made
of. There a program can be cut, so that the runtime finishes with `upsample_labels`, or get another tail.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import paddle

from ..models.heads.upsample import VIM, Bilinear
from .ir.exported import ExportedModel
from .ir.io_signature import behind, output_kind
from .ir.program import OpDesc, ProgramDesc, VarDesc, dims_of, get_attr, has_attr, inputs_of, outputs_of
from .ir.static_graph import static_mode
from .passes import legalize
from .passes.crop_resizes import uneven_scaling
from .passes.fold_constants import keep_what_is_needed

_RESHAPING = ("reshape2", "squeeze2", "unsqueeze2", "flatten_contiguous_range", "cast")


@dataclass(frozen=True)
class LabelTail:
    """What an export does with its low-resolution logits.

    Attributes:
        made_by: "argmax" or "vim"; "none" for logits that are only interpolated, or not even that.
        logits: the variable that holds them, [N, classes, h, w].
        size: height and width that they are interpolated to.
        align_corners: of the interpolation.
    """

    made_by: str
    logits: str
    size: Tuple[int, int]
    align_corners: bool


def find_tail(model: ExportedModel) -> Optional[LabelTail]:
    """The tail of a legalized program; None for probabilities and for whatever else is not known.

    Args:
        model: after `passes.legalize`, with logits or labels as its output.
    """
    kind = output_kind(model)
    return None if kind == "probabilities" else kind == "labels" and _find_vim(model) or _find_resize(model)


def _find_vim(model: ExportedModel) -> Optional[LabelTail]:
    """VIM, this plugin's or PaddleSeg's with its loop: logits, picked by the unique classes of their own argmax."""
    producers = model.producers()
    for pick in model.block.ops:
        if pick.type not in ("index_select", "gather"):
            continue
        source, index = inputs_of(pick, "X")[0], inputs_of(pick, "Index")[0]
        unique = producers.get(index)
        if unique is None or unique.type != "unique":
            continue
        winner = producers.get(behind(inputs_of(unique, "X")[0], producers, _RESHAPING))
        readers = [op for op in model.block.ops if outputs_of(pick, "Out")[0] in inputs_of(op)]
        resize = next((op for op in readers if op.type == "bilinear_interp_v2"), None)
        if winner is not None and _is_argmax(winner, [source], model.variables()) and resize is not None:
            return _tail("vim", source, resize, model.variables())
    return None


def _find_resize(model: ExportedModel) -> Optional[LabelTail]:
    """Interpolated logits, or their argmax."""
    producers, variables = model.producers(), model.variables()
    made_by, name = "none", behind(model.output_name, producers)
    if output_kind(model) == "labels":
        winner = producers.get(behind(name, producers, _RESHAPING))
        if winner is None or not _is_argmax(winner, inputs_of(winner, "X"), variables):
            return None
        made_by, name = "argmax", behind(inputs_of(winner, "X")[0], producers)
        # Softmax over the classes leaves their order alone.
        if name in producers and _is_softmax(producers[name], variables):
            name = behind(inputs_of(producers[name], "X")[0], producers)
    if name in producers and producers[name].type == "bilinear_interp_v2":
        tail = _tail(made_by, inputs_of(producers[name], "X")[0], producers[name], variables)
        if tail is not None:
            return tail
    height, width = dims_of(variables[name])[2:]
    return LabelTail(made_by, name, (height, width), False) if min(height, width) > 0 else None


def _is_argmax(op: OpDesc, sources: List[str], variables: Dict[str, VarDesc]) -> bool:
    """Whether `op` takes the argmax of `sources`, which is one, over the classes of [N, classes, h, w]."""
    if op.type != "arg_max" or inputs_of(op, "X") != sources or get_attr(op, "flatten", False):
        return False
    return len(dims_of(variables[sources[0]])) == 4 and get_attr(op, "axis") in (1, -3)


def _is_softmax(op: OpDesc, variables: Dict[str, VarDesc]) -> bool:
    return op.type == "softmax" and get_attr(op, "axis") in (1, 1 - len(dims_of(variables[inputs_of(op, "X")[0]])))


def _tail(made_by: str, logits: str, resize: OpDesc, variables: Dict[str, VarDesc]) -> Optional[LabelTail]:
    """The tail that interpolates by `resize`; None where `upsample_labels` has another rule than it."""
    align_corners = bool(get_attr(resize, "align_corners", True))
    same_rule = align_corners or get_attr(resize, "align_mode", 1) == 0
    if not same_rule or get_attr(resize, "data_layout", "NCHW") != "NCHW" or uneven_scaling(resize, variables):
        return None
    size = tuple(dims_of(variables[outputs_of(resize, "Out")[0]])[2:])
    return LabelTail(made_by, logits, size, align_corners) if min(size) > 0 else None


def cut(model: ExportedModel, tail: LabelTail) -> ExportedModel:
    """The same program with the low-resolution logits as its output."""
    model = model.copy()
    fetch = next(op for op in model.block.ops if op.type == "fetch")
    for slot in fetch.inputs:
        slot.arguments[:] = [tail.logits]
    # What a cut-off loop over the classes wrote is needed by nothing any more.
    if model.has_loops():
        model.set_ops([op for op in model.block.ops if not has_attr(op, "sub_block")])
        del model.program.blocks[1:]
    keep_what_is_needed(model, {})
    return model


def tail_program(made_by: str, shape: Sequence[int], size: Sequence[int], align_corners: bool) -> ExportedModel:
    """A legalized program of nothing but the tail: logits of `shape`, [N, classes, h, w] -> what `made_by` gives.

    Args:
        made_by: "none" for interpolated logits, "argmax" or "vim" for labels [N, H, W], int32.
        shape: of the logits.
        size: height and width of the result.
        align_corners: of the interpolation.
    """
    main, startup = paddle.static.Program(), paddle.static.Program()
    # Names that start anew, so that the same conversion gives the same bytes.
    with static_mode(), paddle.static.program_guard(main, startup), paddle.utils.unique_name.guard():
        logits = paddle.static.data("logits", list(shape), "float32")
        if made_by == "vim":
            result = VIM(align_corners).labels(logits, list(size))
        else:
            result = Bilinear(align_corners)(logits, list(size))
        if made_by == "argmax":
            result = paddle.argmax(result, axis=1, dtype="int32")
        program = paddle.static.normalize_program(main, [logits], [result])
    parsed = ProgramDesc.FromString(program.desc.serialize_to_string())
    return legalize(ExportedModel(Path(f"the {made_by} label map"), parsed, {}, None))[0]


def attach(model: ExportedModel, tail: ExportedModel) -> ExportedModel:
    """`tail` behind `model`, as one program.

    Args:
        model: a program with logits as its output, as `cut` gives it.
        tail: a program for logits of that shape, as `tail_program` gives it.
    """
    model, tail = model.copy(), tail.copy()
    names = {name: f"label_map/{name}" for name in tail.variables()}
    names[tail.input_name] = model.output_name
    feed_and_fetch = {name for op in tail.block.ops if op.type == "feed" for name in inputs_of(op)}
    feed_and_fetch |= {name for op in tail.block.ops if op.type == "fetch" for name in outputs_of(op)}
    output = names[tail.output_name]
    ops: List[OpDesc] = [op for op in tail.block.ops if op.type not in ("feed", "fetch")]
    for op in ops:
        for slot in [*op.inputs, *op.outputs]:
            slot.arguments[:] = [names[name] for name in slot.arguments]
    for variable in tail.block.vars:
        if variable.name not in feed_and_fetch | {tail.input_name}:
            copy = model.block.vars.add()
            copy.CopyFrom(variable)
            copy.name = names[variable.name]
    model.params.update({names[name]: array for name, array in tail.params.items()})
    fetch = next(op for op in model.block.ops if op.type == "fetch")
    for slot in fetch.inputs:
        slot.arguments[:] = [output]
    model.set_ops([op for op in model.block.ops if op.type != "fetch"] + ops + [fetch])
    return model
