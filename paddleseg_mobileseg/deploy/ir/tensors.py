"""What a network takes and what it gives: the two tensors that a runtime must know."""

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence

import numpy as np

from ...data.inference import restored_label_map, restored_labels
from ...data.preprocessing import Preprocessing
from ...labels import label_map_of, upsample_labels


@dataclass(frozen=True)
class InputTensor:
    """The network's image.

    Attributes:
        preprocessing: how an image becomes this input; None where the exported model did not say.
    """

    name: str
    shape: List[int]
    preprocessing: Optional[Preprocessing]
    layout: str = "NCHW"
    dtype: str = "float32"


@dataclass(frozen=True)
class OutputTensor:
    """The network's answer.

    Attributes:
        kind: "labels" (a class number per pixel, [N, H, W] or [N, 1, H, W]), "logits" or "probabilities"
            (both [N, classes, H, W]).
        label_map: what computes the labels: "vim" or "argmax" inside the network; "exact" for logits at
            low resolution, of which the runtime makes them with `mobileseg/upsample_labels.h`; "none" if
            nothing does.
        label_size: height and width of the label map, where it is "exact".
        align_corners: of the interpolation, where it is "exact".
    """

    name: str
    kind: str
    dtype: str
    shape: List[int]
    label_map: str
    label_size: Optional[List[int]] = None
    align_corners: Optional[bool] = None

    def labels(self, output: np.ndarray) -> np.ndarray:
        """Class numbers [N, H, W] of this output, at the size that the network was made to give.

        Raises:
            InputError: logits hold NaN.
        """
        if self.label_map == "exact":
            return upsample_labels(np.ascontiguousarray(output), self.label_size, self.align_corners)
        return label_map_of(output)

    def restored(self, output: np.ndarray, trans_info: Sequence[Any], input_size: Sequence[int]) -> np.ndarray:
        """The label map of an image at its own size, as PaddleSeg's evaluation makes it.

        Args:
            output: of one image, [1, ...].
            trans_info: what the image went through, as of `Preprocessing.trans_info`.
            input_size: height and width of the network's input.

        Returns:
            Class numbers [H, W]. Made of logits they are those of interpolated logits, made of labels the nearest.

        Raises:
            InputError: logits hold NaN.
        """
        if self.kind == "labels":
            return restored_label_map(label_map_of(output), trans_info)[0]
        size = self.label_size and tuple(self.label_size)
        return restored_labels(output, trans_info, size, tuple(input_size), bool(self.align_corners))[0]
