"""A network's output as a label map of the image's own size."""

from typing import Any, Sequence

import numpy as np

from ...data.inference import restored_label_map, restored_labels, restored_scores
from ...labels import label_map_of
from ..ir.tensors import OutputTensor


def image_labels(
    tensor: OutputTensor, output: np.ndarray, trans_info: Sequence[Any], input_size: Sequence[int]
) -> np.ndarray:
    """The label map of an image at its own size, as PaddleSeg's evaluation makes it.

    Args:
        tensor: what the network gives.
        output: of one image, [1, ...].
        trans_info: what the image went through, as of `Preprocessing.trans_info`.
        input_size: height and width of the network's input.

    Returns:
        Class numbers [H, W]. Made of logits they are those of interpolated logits, made of labels the nearest.

    Raises:
        InputError: logits hold NaN.
    """
    if tensor.kind == "labels":
        return restored_label_map(label_map_of(output), trans_info)[0]
    size = tensor.label_size and tuple(tensor.label_size)
    return restored_labels(output, trans_info, size, tuple(input_size), bool(tensor.align_corners))[0]


def image_scores(
    tensor: OutputTensor, output: np.ndarray, trans_info: Sequence[Any], input_size: Sequence[int]
) -> np.ndarray:
    """Logits or probabilities of an image at its own size, as PaddleSeg's evaluation makes them before its argmax.

    Args:
        tensor, output, trans_info, input_size: as of `image_labels`, but not labels.

    Returns:
        float32 [classes, H, W].
    """
    size = tensor.label_size and tuple(tensor.label_size)
    return restored_scores(output, trans_info, size, tuple(input_size), bool(tensor.align_corners))[0]
