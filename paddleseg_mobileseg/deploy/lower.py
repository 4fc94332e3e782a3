"""An exported model made fit for Paddle-Lite, with the label map that is wanted, each step proved against the last."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import InputError, ToolError
from ..labels import upsample_labels
from . import float32_within
from .ir.double import in_double
from .ir.exported import ExportedModel, read_exported
from .ir.io_signature import label_map, output_kind
from .ir.program import dims_of
from .ir.static_graph import StaticGraph
from .ir.tensors import OutputTensor
from .label_tail import LabelTail, attach, cut, find_tail, tail_program
from .passes import legalize
from .passes.fix_input_shape import fix_input_shape
from .passes.rewrites import rewrite
from .runtime.agreement import measure_agreement
from .runtime.inputs import noise
from .runtime.metadata import MeasuredAgreement

LABEL_BOUND = 2.0**-20
"""How far below the best class of float32 interpolation a label of `upsample_labels` may be, over the largest logit."""

REWRITE_BOUND = 1e-5
"""How far a rewritten program may be from the one before in float32, over the largest value, to be called the same."""

DOUBLE_BOUND = 1e-6
"""How far in double precision, where only the rewritten weights are rounded to float32."""


@dataclass(frozen=True)
class LoweredModel:
    """What opt is to convert.

    Attributes:
        source: the export, its input shape fixed.
        program: legalized, with the wanted label map, and rewritten unless that was not wanted.
        output: what `program` gives.
        passes: what was changed, and how many ops that concerned.
        source_label_map: what makes the labels in the export: "argmax", "vim" or "none".
        agreement: of a program in fewer bits with the one in float32; None where nothing was measured.
        recipe: of its quantisation; None where `program` computes in float32.
    """

    source: ExportedModel
    program: ExportedModel
    output: OutputTensor
    passes: Dict[str, int]
    source_label_map: str
    agreement: Optional[MeasuredAgreement] = None
    recipe: Optional[Dict[str, Any]] = None


def lower(
    exported_dir: Union[str, Path],
    labels: str = "exact",
    input_shape: Optional[Sequence[int]] = None,
    optimize: bool = True,
) -> LoweredModel:
    """Read and legalize an export, give it a label map and rewrite it; the arguments are those of `convert`.

    Raises:
        InputError: the export cannot be used, or not with this label map.
        ToolError: the result does not compute what the export does.
    """
    lowered, batch, expected = _with_label_map(exported_dir, labels, input_shape)
    return _rewritten(lowered, batch, expected) if optimize else lowered


def _rewritten(lowered: LoweredModel, batch: np.ndarray, expected: np.ndarray) -> LoweredModel:
    """The same with its program rewritten, which gave `expected` for `batch`.

    Raises:
        ToolError: the rewritten program computes something else.
    """
    program, done = rewrite(lowered.program)
    if not done:
        return lowered
    prove_rewritten(lowered.program, program, batch, expected, "--no-optimize")
    return replace(lowered, program=program, passes={**lowered.passes, **done})


def prove_rewritten(
    before: ExportedModel, after: ExportedModel, batch: np.ndarray, expected: np.ndarray, without: str
) -> None:
    """Hold a rewritten program against the one before, which gave `expected` for `batch`.

    Args:
        without: what to convert with in order not to rewrite, for the message.

    Raises:
        ToolError: it computes something else.
    """
    agreement = measure_agreement(expected, StaticGraph(after).run(batch), "noise")
    fault = agreement.fault(float32_within(REWRITE_BOUND))
    if fault:
        # Where the original rounds badly (a mean of 65,536 numbers), only more digits tell whether they are the same.
        wide = batch.astype(np.float64)
        pair = [StaticGraph(in_double(each)).run(wide) for each in (before, after)]
        fault = measure_agreement(*pair, "noise").fault(float32_within(DOUBLE_BOUND))
    if fault:
        raise ToolError(
            f"rewriting {before.folder} for ARM changed what it computes ({fault}): please report this with "
            f"the model, and convert it with {without}"
        )


def _with_label_map(
    exported_dir: Union[str, Path], labels: str, input_shape: Optional[Sequence[int]]
) -> Tuple[LoweredModel, np.ndarray, np.ndarray]:
    """The export with its label map, noise of its input's shape, and what it gives for that."""
    source = fix_input_shape(read_exported(exported_dir), input_shape)
    legalized, done = legalize(source)
    kind, made_by = output_kind(legalized), label_map(legalized)
    batch = noise(dims_of(source.variables()[source.input_name]), seed=0)
    output = StaticGraph(source).run(batch)
    # A loop that makes the labels is not kept: no other program makes them in a way that Paddle-Lite can run.
    as_exported = labels == "none" or labels == made_by and not legalized.has_loops()
    if as_exported or labels == "exact" and kind == "probabilities":
        _demand_equal(source, output, StaticGraph(legalized).run(batch))
        description = _describe(legalized, kind, output, made_by)
        return LoweredModel(source, legalized, description, done, made_by), batch, output
    tail = find_tail(legalized)
    if tail is None:
        raise InputError(
            f"--labels {labels} starts from logits, and {source.folder} gives {kind} whose logits cannot be found: "
            "use --labels none, which leaves the output as it is, or export again with --output_op none"
        )
    program = cut(legalized, tail)
    low = StaticGraph(program).run(batch)
    remade = _tail_of(tail.made_by, low, tail)
    _demand_equal(source, output, remade.astype(output.dtype).reshape(output.shape))
    if labels == "exact":
        _prove_exact(program, tail, low, remade if tail.made_by == "argmax" else _tail_of("argmax", low, tail))
        description = _describe(program, "logits", low, "exact", list(tail.size), tail.align_corners)
        return LoweredModel(source, program, description, done, made_by), batch, low
    program = attach(program, tail_program(labels, low.shape, tail.size, tail.align_corners))
    expected = _tail_of(labels, low, tail)
    _demand_equal(program, expected, StaticGraph(program).run(batch))
    description = _describe(program, "labels", expected, labels)
    return LoweredModel(source, program, description, done, made_by), batch, expected


def _describe(
    model: ExportedModel,
    kind: str,
    output: np.ndarray,
    made_by: str,
    label_size: Optional[List[int]] = None,
    align_corners: Optional[bool] = None,
) -> OutputTensor:
    return OutputTensor(
        model.output_name, kind, str(output.dtype), list(output.shape), made_by, label_size, align_corners
    )


def _demand_equal(model: ExportedModel, expected: np.ndarray, output: np.ndarray) -> None:
    """Refuse a program that was changed on the way.

    Raises:
        ToolError: `output` is not `expected`.
    """
    same = np.array_equal(expected, output)
    fault = None if same else measure_agreement(expected, output, f"{model.folder} fed with noise").fault()
    if fault:
        raise ToolError(
            f"making {model.folder} fit for Paddle-Lite changed what it computes ({fault}): "
            "please report this with the model"
        )


def _tail_of(made_by: str, logits: np.ndarray, tail: LabelTail) -> np.ndarray:
    """What a tail makes of logits, in Paddle."""
    return StaticGraph(tail_program(made_by, logits.shape, tail.size, tail.align_corners)).run(logits)


def _prove_exact(program: ExportedModel, tail: LabelTail, logits: np.ndarray, expected: np.ndarray) -> None:
    """Compare `upsample_labels` with interpolation and argmax, which gave `expected`.

    Raises:
        ToolError: it gives a class that falls short of the best one by more than rounding.
    """
    labels = upsample_labels(logits, tail.size, tail.align_corners)
    sample, row, column = np.nonzero(labels != expected)
    if not len(sample):
        return
    full = _tail_of("none", logits, tail)[sample, :, row, column]
    short = float((full.max(axis=1) - full[np.arange(len(full)), labels[sample, row, column]]).max())
    if short > LABEL_BOUND * float(np.abs(logits).max()):
        raise ToolError(
            f"the exact label map of {program.folder} chose classes that fall {short:.3g} short of the best: "
            "please report this with the model"
        )
