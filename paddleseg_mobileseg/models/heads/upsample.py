"""From low-resolution logits to the size of the image: plain bilinear, or VIM.

Both give logits in training and in evaluation, so that PaddleSeg's losses and metrics work with either.
"""

import os
from typing import Sequence

import paddle
from paddle import nn
from paddleseg.cvlibs import manager
from paddleseg.utils import logger

from ..layers import resize


def exporting() -> bool:
    """Whether an export script is at work: PaddleSeg's `tools/export.py` sets this variable."""
    return bool(os.environ.get("PADDLESEG_EXPORT_STAGE"))


@manager.MODELS.add_component
class Bilinear(nn.Layer):
    """Bilinear interpolation of the logits.

    Shape:
        input logits [N, C, h, w] and a size (H, W); output logits [N, C, H, W].
    """

    def __init__(self, align_corners: bool = False):
        super().__init__()
        self.align_corners = align_corners

    def forward(self, logits, size: Sequence[int]):
        return resize(logits, size, self.align_corners)


@manager.MODELS.add_component
class VIM(nn.Layer):
    """Valid Interpolate Module (arXiv:2304.05152, section 3.3): interpolate only the classes that occur.

    While exporting it gives a label map: argmax and unique over the low-resolution logits name the
    classes that occur, only their channels are interpolated, and the winner among them is mapped back to
    its class. A class that wins only between the low-resolution samples is lost; that is the published
    approximation. Written with gathers, where PaddleSeg's own version loops over the classes, so
    that Paddle-Lite can run it.

    Args:
        align_corners: of the interpolation.
        class_threshold: with fewer classes than this the full logits are interpolated, as in PaddleSeg,
            and the label map is their argmax.

    Shape:
        input logits [N, C, h, w] and a size (H, W); output logits [N, C, H, W], or while exporting
        labels [N, H, W], int32.
    """

    def __init__(self, align_corners: bool = False, class_threshold: int = 30):
        super().__init__()
        self.align_corners = align_corners
        self.class_threshold = class_threshold

    def forward(self, logits, size: Sequence[int]):
        if self.training or not exporting():
            return resize(logits, size, self.align_corners)
        num_classes = logits.shape[1]
        if num_classes < self.class_threshold:
            logger.info(
                f"VIM is off: {num_classes} classes are fewer than class_threshold {self.class_threshold}; "
                "the label map comes from bilinear interpolation and argmax over all of them."
            )
            return paddle.argmax(resize(logits, size, self.align_corners), axis=1, dtype="int32")
        return self.labels(logits, size)

    def labels(self, logits, size: Sequence[int]):
        """The label map [N, H, W], int32, whatever the number of classes."""
        present = paddle.unique(paddle.argmax(logits, axis=1))
        selected = paddle.index_select(logits, present, axis=1)
        winner = paddle.argmax(resize(selected, size, self.align_corners), axis=1)
        labels = paddle.index_select(present, winner.reshape([-1]), axis=0)
        return labels.astype("int32").reshape(winner.shape)
