"""PaddleSeg's inference with label maps that never interpolate every class to the size of the image."""

from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Tuple

import numpy as np
import paddle
from paddle.nn import functional as F
from paddleseg.core import infer

from ..labels import compiled, upsample_labels


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
    steps = [_step(item) for item in reversed(trans_info)]
    last = max((index for index, (name, _) in enumerate(steps) if name == "resize"), default=None)
    size = logits.shape[2:]
    for index, (name, (height, width)) in enumerate(steps):
        if index == last:
            size = [height, width]
            break
        logits = logits[:, :, :height, :width] if name == "padding" else F.interpolate(
            logits, [height, width], mode="bilinear"
        )
        size = logits.shape[2:]
    # A sliding window gives double precision.
    values = np.ascontiguousarray(logits.astype("float32").numpy())
    labels = paddle.to_tensor(upsample_labels(values, size)).unsqueeze(1)
    for _, (height, width) in steps[last + 1 :] if last is not None else []:
        labels = labels[:, :, :height, :width]
    return labels


def _step(item: Any) -> Tuple[str, Tuple[int, int]]:
    """Through a data loader the names come as lists of one, and the sizes as tensors."""
    name = item[0][0] if isinstance(item[0], list) else item[0]
    if name not in ("resize", "padding"):
        raise ValueError(f"an unexpected transform '{name}' in trans_info")
    return name, (int(item[1][0]), int(item[1][1]))
