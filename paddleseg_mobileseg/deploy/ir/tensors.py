"""What a network takes and what it gives: the two tensors that a runtime must know."""

from dataclasses import dataclass
from typing import List, Optional

import numpy as np

from ...data.preprocessing import Preprocessing
from ...labels import label_map_of, upsample_labels


@dataclass(frozen=True)
class InputTensor:
    """The network's image.

    Attributes:
        name: that the model's file has for it.
        shape: N, C, H, W, whatever the layout.
        preprocessing: how an image becomes this input; None where the exported model did not say.
        layout: how the file lays out every tensor of four axes: "NCHW", or "NHWC" in a `.tflite`.
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
