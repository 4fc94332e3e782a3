"""From a network's answer to a label map of the image's own size, without interpolating every class to that size."""

from contextlib import contextmanager
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import paddle
from paddle.nn import functional as F
from paddleseg.core import infer

from ..labels import compiled, upsample_labels


class Step(NamedTuple):
    """One step back: "resize" interpolates to a height and width, "padding" keeps so much of the upper left corner."""

    name: str
    size: Tuple[int, int]
    align_corners: bool = False


@contextmanager
def exact_label_maps() -> Iterator[None]:
    """Within the block `paddleseg.core.infer.inference` makes its label maps with `upsample_labels`.

    Stock interpolates the logits of every class to the size of the image before it takes the argmax:
    3.6 GB for 150 classes and an image of 6 megapixels. The labels are the same up to rounding. Only on
    the CPU, where interpolation is the slow part, and only where the C++ core is installed.
    """
    stock = infer.inference

    def inference(model: paddle.nn.Layer, im: paddle.Tensor, trans_info: Optional[List[Any]] = None, **options: Any):
        if trans_info is None:
            return stock(model, im, **options)
        logits = stock(model, im, **options)
        return label_map(logits, trans_info), logits

    if compiled() and paddle.get_device() == "cpu":
        infer.inference = inference
    try:
        yield
    finally:
        infer.inference = stock


def label_map(logits: paddle.Tensor, trans_info: List[Any]) -> paddle.Tensor:
    """Undo the resizing and padding of an image on its logits, and take the argmax.

    Args:
        logits: [N, C, h, w], of the size that the network was fed with.
        trans_info: what PaddleSeg's transforms did to the image, in order: ("resize", (height, width)
            before it) and ("padding", (height, width) before it).

    Returns:
        Labels [N, 1, H, W], int32, as of `paddleseg.core.infer.inference`.
    """
    # A sliding window gives double precision.
    values = logits.astype("float32").numpy()
    return paddle.to_tensor(restored_labels(values, trans_info)).unsqueeze(1)


def restored_labels(
    logits: np.ndarray,
    trans_info: Sequence[Any],
    network_size: Optional[Tuple[int, int]] = None,
    input_size: Optional[Tuple[int, int]] = None,
    align_corners: bool = False,
) -> np.ndarray:
    """The label map that PaddleSeg's evaluation makes of logits: `reverse_transform`, then the argmax.

    The last interpolation is never carried out: `upsample_labels` takes its place. Where an image keeps its size on the
    way into the network, that last one is the network's own, and the low-resolution logits are enough.

    Args:
        logits: float32 [N, C, h, w], of any resolution.
        trans_info: as of `label_map`.
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
    last = resizes[-1] if resizes else len(steps)
    names = np.arange(logits.shape[1], dtype=np.int32)
    if len(resizes) == 2 and all(have <= get for have, get in zip(logits.shape[2:], steps[resizes[0]].size)):
        names = _possible_winners(logits)
        logits = logits[:, names]
    for step in steps[:last]:
        logits = _taken(logits, step)
    final = steps[last] if resizes else Step("resize", logits.shape[2:])
    labels = upsample_labels(np.ascontiguousarray(logits, np.float32), final.size, final.align_corners)
    if len(names) < names[-1] + 1:
        labels = names[labels]
    for _, (height, width), _ in steps[last + 1:]:
        labels = labels[:, :height, :width]
    return labels


def _possible_winners(logits: np.ndarray) -> np.ndarray:
    """The classes that logits [N, C, h, w] may have as labels after they were enlarged and then resized once more.

    What both steps give of a pixel are, for all classes with the same weights, means of logits that lie within three
    rows and columns. A class can win there only if its largest logit reaches the smallest one of each other.

    Returns:
        Their numbers, int32, rising.
    """
    highest = _over_windows(np.maximum, logits)
    beaten_below = _over_windows(np.minimum, logits).max(axis=1, keepdims=True)
    rounding = 2**-18 * np.abs(logits).max()
    # A comparison with NaN is false, so that a class with one stays and is found later.
    return np.flatnonzero(~(highest < beaten_below - rounding).all(axis=(0, 2, 3))).astype(np.int32)


def _over_windows(best: np.ufunc, logits: np.ndarray) -> np.ndarray:
    """`best` of each window of three rows and columns, or of all there are: [N, C, h - 2, w - 2]."""
    for axis in (2, 3):
        count = logits.shape[axis]
        size = min(3, count)
        parts = [np.take(logits, np.arange(start, start + count - size + 1), axis) for start in range(size)]
        logits = best.reduce(parts)
    return logits


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
