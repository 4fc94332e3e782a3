"""PaddleSeg's training and evaluation loops: what stops them, and checks in front of the evaluation."""

import functools
import inspect
import sys
from typing import Any

import paddle

from ...data.samples import CheckedSamples
from ...errors import InputError, MobilesegError
from ..patch import Patch, lookup, replace_everywhere, replace_source, source_of

_FIRST_OF_LOSS = "avg_loss_list = [l[0] / log_iters for l in avg_loss_list]"
_START = "    start_iter = 0\n"


def train_loop() -> Any:
    return lookup("paddleseg.core.train", "train")


LOSSES_WITHOUT_DIMENSION = Patch(
    name="losses_without_dimension",
    what="training stops with IndexError at its first log line",
    upstream="paddleseg/core/train.py of 2.8.0 takes `l[0]` of each loss; losses are 0-D since Paddle 2.5 "
    "(PaddleSeg issue 3373)",
    detect=lambda: _FIRST_OF_LOSS in source_of(train_loop()),
    apply=lambda: replace_source(train_loop(), _FIRST_OF_LOSS, _FIRST_OF_LOSS.replace("l[0]", "float(l)")),
)


def calculate_area(pred, label, num_classes: int, ignore_index: int = 255):
    """Areas of each class, as PaddleSeg's function of this name gives them, by counting instead of comparing.

    Args:
        pred, label: integer tensors of the same shape, [N, 1, H, W] or [N, H, W].
        num_classes: classes to count.
        ignore_index: pixels of this label count for no prediction.

    Returns:
        Three int64 tensors [num_classes]: the intersection, the prediction's area, the label's area.

    Raises:
        ValueError: the shapes differ.
    """
    pred, label = (t.squeeze(1) if t.ndim == 4 else t for t in (pred, label))
    if pred.shape != label.shape:
        raise ValueError(f"the prediction is {pred.shape} and the label {label.shape}; they must be of one shape")
    pred, label = pred.flatten().astype("int64"), label.flatten().astype("int64")
    # What counts for no class goes into one more bin, which is cut off.
    rest = paddle.full_like(label, num_classes)
    pred = paddle.where((label != ignore_index) & (pred >= 0) & (pred < num_classes), pred, rest)
    label = paddle.where((label >= 0) & (label < num_classes), label, rest)
    hit = paddle.where(pred == label, pred, rest)
    return tuple(paddle.bincount(t, minlength=num_classes + 1)[:num_classes] for t in (hit, pred, label))


def _areas() -> Any:
    return lookup("paddleseg.utils.metrics", "calculate_area")


AREAS_WITHOUT_DIMENSION = Patch(
    name="areas_without_dimension",
    what="evaluation stops with ValueError at its first image",
    upstream="paddleseg/utils/metrics.py, calculate_area: concatenates sums, which are 0-D since Paddle 2.5 "
    "(PaddleSeg issue 3556)",
    detect=lambda: "paddle.concat(pred_area)" in source_of(_areas()),
    apply=lambda: replace_everywhere(_areas(), calculate_area),
)


def _needs_a_score() -> bool:
    source = source_of(train_loop())
    return "'mIoU': mean_iou" in source and "mean_iou = None" not in source and source.count(_START) == 1


CHECKPOINT_WITHOUT_EVALUATION = Patch(
    name="checkpoint_without_evaluation",
    what="training without --do_eval stops with UnboundLocalError at its first checkpoint",
    upstream="paddleseg/core/train.py of 2.9.1 writes the mIoU beside each checkpoint, evaluated or not",
    detect=_needs_a_score,
    apply=lambda: replace_source(
        train_loop(), _START, _START.rstrip() + "; mean_iou = acc = ema_mean_iou = ema_acc = None\n"
    ),
)


_SCALED_STEPS = ("scaler.minimize(optimizer.user_defined_optimizer, scaled)", "scaler.minimize(optimizer, scaled)")


def _step_instead_of_minimizing() -> None:
    for piece in _SCALED_STEPS:
        optimizer = piece[piece.index("(") + 1:piece.index(",")]
        replace_source(train_loop(), piece, f"scaler.step({optimizer}); scaler.update()")


MIXED_PRECISION_OF_GROUPS = Patch(
    name="mixed_precision_of_groups",
    what="training with --precision fp16 and parameter groups stops with ValueError at its first iteration",
    upstream="paddleseg/core/train.py of 2.8.0 calls GradScaler.minimize, which asks Paddle's optimizer for the "
    "gradients of its groups as if they were parameters; step and update do the same and know groups",
    detect=lambda: all(source_of(train_loop()).count(piece) == 1 for piece in _SCALED_STEPS),
    apply=_step_instead_of_minimizing,
)


def has_unguarded(function: Any, *parameters: str) -> bool:
    """Whether a loop of PaddleSeg takes what its guard looks at."""
    return set(parameters) <= set(inspect.signature(function).parameters)


def _evaluate() -> Any:
    return lookup("paddleseg.core.val", "evaluate")


def _guard_evaluate() -> None:
    evaluate = _evaluate()
    signature = inspect.signature(evaluate)

    @functools.wraps(evaluate)
    def guarded(*args: Any, **kwargs: Any):
        call = signature.bind(*args, **kwargs)
        given = call.arguments
        if len(given["eval_dataset"]) == 0:
            raise InputError("val_dataset holds no samples; give it the list of the images to evaluate on")
        given["eval_dataset"] = CheckedSamples(
            given["eval_dataset"], "val_dataset", given.get("use_multilabel", False)
        )
        try:
            return evaluate(*call.args, **call.kwargs)
        except MobilesegError:
            print(file=sys.stderr)  # ends the line of the progress bar
            raise

    replace_everywhere(evaluate, guarded)


UNCHECKED_EVALUATION = Patch(
    name="unchecked_evaluation",
    what="evaluation dies of an empty data set, a bad label or a bad image without naming it",
    upstream="paddleseg/core/val.py, evaluate (PaddleSeg issue 3770)",
    detect=lambda: has_unguarded(_evaluate(), "eval_dataset"),
    apply=_guard_evaluate,
)


PATCHES = [
    LOSSES_WITHOUT_DIMENSION,
    AREAS_WITHOUT_DIMENSION,
    CHECKPOINT_WITHOUT_EVALUATION,
    MIXED_PRECISION_OF_GROUPS,
    # Those above look at the source of what this one wraps.
    UNCHECKED_EVALUATION,
]
