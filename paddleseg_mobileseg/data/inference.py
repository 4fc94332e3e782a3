"""From a network's answer to a label map of the image's own size, without interpolating every class to that size."""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import paddle
from paddle.nn import functional as F

from ..labels import upsample_labels
from .chained_labels import chained_labels, identity, interpolated


class Step(NamedTuple):
    """One step back: "resize" interpolates to a height and width, "padding" keeps so much of the upper left corner."""

    name: str
    size: Tuple[int, int]
    align_corners: bool = False


def restored_labels(
    logits: np.ndarray,
    trans_info: Sequence[Any],
    network_size: Optional[Tuple[int, int]] = None,
    input_size: Optional[Tuple[int, int]] = None,
    align_corners: bool = False,
) -> np.ndarray:
    """The label map that PaddleSeg's evaluation makes of logits: `reverse_transform`, then the argmax.

    No class is interpolated that cannot win: `upsample_labels` takes the place of a single interpolation, and
    `chained_labels` that of several, such as the network's own to its input's size and one to the image's.

    Args:
        logits: float32 [N, C, h, w], of any resolution.
        trans_info: what PaddleSeg's transforms did to the image, in order: ("resize", (height, width) before it) and
            ("padding", (height, width) before it).
        network_size: what the network's end interpolates to, where `logits` come from before that.
        input_size: of the network, in which padding is measured, where its logits may have another size.
        align_corners: of the network's interpolation.

    Returns:
        Labels [N, H, W], int32.

    Raises:
        InputError: a logit is not a number.
    """
    steps = _steps_back(logits, trans_info, network_size, input_size, align_corners)
    resizes = [index for index, step in enumerate(steps) if step.name == "resize"]
    if len(resizes) > 1:
        rows, columns = (_axis(steps, axis, logits.shape[2 + axis]) for axis in (0, 1))
        return np.stack([chained_labels(one, rows, columns) for one in logits])
    # A resize and what is cut off before and behind it.
    last = resizes[-1] if resizes else len(steps)
    for step in steps[:last]:
        logits = _taken(logits, step)
    final = steps[last] if resizes else Step("resize", logits.shape[2:])
    labels = upsample_labels(np.ascontiguousarray(logits, np.float32), final.size, final.align_corners)
    for _, (height, width), _ in steps[last + 1:]:
        labels = labels[:, :height, :width]
    return labels


def _axis(steps: Sequence[Step], axis: int, size: int) -> np.ndarray:
    """What the steps do to the rows (axis 0) or columns of logits that are `size` long: a map of `chained_labels`."""
    result = identity(size)
    for name, wanted, align_corners in steps:
        if name == "padding":
            result = result[: wanted[axis]]
        else:
            result = interpolated(result, wanted[axis], align_corners)
    return result


def restored_scores(
    logits: np.ndarray,
    trans_info: Sequence[Any],
    network_size: Optional[Tuple[int, int]] = None,
    input_size: Optional[Tuple[int, int]] = None,
    align_corners: bool = False,
) -> np.ndarray:
    """What `restored_labels` takes the argmax of, every class interpolated: float32 [N, C, H, W].

    Args:
        logits, trans_info, network_size, input_size, align_corners: as of `restored_labels`; probabilities will do too.
    """
    for step in _steps_back(logits, trans_info, network_size, input_size, align_corners):
        logits = _taken(logits, step)
    return np.ascontiguousarray(logits, np.float32)


def _steps_back(
    logits: np.ndarray,
    trans_info: Sequence[Any],
    network_size: Optional[Tuple[int, int]],
    input_size: Optional[Tuple[int, int]],
    align_corners: bool,
) -> List[Step]:
    """The steps from a network's logits to the image's size; the arguments are those of `restored_labels`."""
    steps = _undo(trans_info)
    if input_size and any(step.name == "padding" for step in steps):
        steps.insert(0, Step("resize", input_size))
    if network_size:
        steps.insert(0, Step("resize", network_size, align_corners))
    return _without_idle(steps, logits.shape[2:])


def _taken(logits: np.ndarray, step: Step) -> np.ndarray:
    height, width = step.size
    if step.name == "padding":
        return logits[:, :, :height, :width]
    given = paddle.to_tensor(np.ascontiguousarray(logits, np.float32))
    return F.interpolate(given, [height, width], mode="bilinear", align_corners=step.align_corners).numpy()


def restored_label_map(labels: np.ndarray, trans_info: Sequence[Any]) -> np.ndarray:
    """Labels [N, h, w] of the network's input size brought to the image's size as PaddleSeg's `reverse_transform` does.

    A label cannot be interpolated, so that its nearest one is taken, by the rule of Paddle's `nearest_interp_v2`.

    Returns:
        Labels [N, H, W] of the same dtype.
    """
    for name, (height, width), _ in _undo(trans_info):
        if name == "padding":
            labels = labels[:, :height, :width]
        else:
            rows, columns = _nearest(labels.shape[1], height), _nearest(labels.shape[2], width)
            labels = labels[:, rows[:, np.newaxis], columns]
    return labels


def _nearest(size: int, wanted: int) -> np.ndarray:
    ratio = np.float32(size) / np.float32(wanted)
    return np.minimum((ratio * np.arange(wanted, dtype=np.float32)).astype(np.int64), size - 1)


def _undo(trans_info: Sequence[Any]) -> List[Step]:
    """The steps back, the first one first."""
    return [_step(item) for item in reversed(trans_info)]


def _step(item: Any) -> Step:
    """Through a data loader the names come as lists of one, and the sizes as tensors."""
    name = item[0][0] if isinstance(item[0], list) else item[0]
    if name not in ("resize", "padding"):
        raise ValueError(f"an unexpected transform '{name}' in trans_info")
    return Step(name, (int(item[1][0]), int(item[1][1])))


def _without_idle(steps: Sequence[Step], size: Sequence[int]) -> List[Step]:
    """The steps that change anything, from logits of this height and width on."""
    kept, now = [], tuple(size)
    for step in steps:
        if step.size != now:
            kept.append(step)
            now = step.size
    return kept
