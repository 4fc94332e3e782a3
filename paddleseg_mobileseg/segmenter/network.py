"""A network that can be asked for labels, whatever it lies in: what all kinds of them have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..classes import Classes
from ..data.image_file import read_image
from ..deploy.ir.tensors import OutputTensor
from ..deploy.runtime.image_labels import image_labels, image_scores
from ..errors import InputError

Prepared = Tuple[np.ndarray, List[Any]]
"""The network's input, float32 [1, 3, h, w], and PaddleSeg's record of what the image went through."""


@dataclass(frozen=True)
class Output:
    """What a network gave for some images.

    Attributes:
        values: [N, ...] as `tensor` says.
        tensor: what they are.
        input_size: height and width of the input that they were made of.
    """

    values: np.ndarray
    tensor: OutputTensor
    input_size: Tuple[int, int]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> "Output":
        """That of one image."""
        return Output(self.values[index:index + 1], self.tensor, self.input_size)


class Network(ABC):
    """A network that was opened by `open_network`; a context manager.

    Attributes:
        path: what was opened.
        kind: "checkpoint", "export", or the format of a converted model, such as "nb".
        engine: what runs it, "paddle" or one of `deploy.ENGINES`.
        classes: that it tells apart.
        images_a_run: how many images it takes at a time; None for any number.
    """

    kind: str
    engine: str

    def __init__(self, path: Path, classes: Classes, images_a_run: Optional[int] = None):
        self.path, self.classes, self.images_a_run = path, classes, images_a_run

    def prepare(self, image: Union[str, Path, np.ndarray]) -> Prepared:
        """The network's input for one image.

        Args:
            image: a file, or uint8 RGB [H, W, 3].

        Returns:
            float32 [1, 3, h, w], and PaddleSeg's `trans_info`: what `labels` has to undo.

        Raises:
            InputError: the file cannot be read.
        """
        return self._prepare(image if isinstance(image, np.ndarray) else read_image(image, thorough=False))

    def run(self, batch: np.ndarray) -> Output:
        """What the network gives for inputs of `prepare`, put together along their first axis.

        Raises:
            InputError: the network does not take them.
            ToolError: what runs it failed.
        """
        if self.images_a_run is None:
            return self._run(batch)
        parts = [self._run_full(batch[at:at + self.images_a_run]) for at in range(0, len(batch), self.images_a_run)]
        if len(parts) == 1:
            return parts[0]
        return Output(np.concatenate([part.values for part in parts]), parts[0].tensor, parts[0].input_size)

    def _run_full(self, batch: np.ndarray) -> Output:
        """As `_run`, for as many images as a run takes, or fewer: the last one then stands in for those that lack."""
        count = len(batch)
        missing = self.images_a_run - count
        if not missing:
            return self._run(batch)
        output = self._run(np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]))
        return Output(output.values[:count], output.tensor, output.input_size)

    def labels(self, output: Output, trans_info: Sequence[Any]) -> np.ndarray:
        """Class numbers [H, W], int32, of one image at its own size.

        Made of logits they are those of logits interpolated to that size, without that being done to every class.

        Args:
            output: of `run`, of one image.
            trans_info: of `prepare`, for the same image.

        Raises:
            InputError: logits hold NaN.
        """
        return image_labels(output.tensor, output.values, trans_info, output.input_size).astype(np.int32, copy=False)

    def scores(self, output: Output, trans_info: Sequence[Any]) -> np.ndarray:
        """Logits, or probabilities where the network gives these, of one image at its own size.

        They take 4 bytes for each class of each pixel: 7 GB for 150 classes and an image of 12 megapixels.

        Args:
            output, trans_info: as of `labels`.

        Returns:
            float32 [classes, H, W].

        Raises:
            InputError: the network gives labels and nothing else.
        """
        if output.tensor.kind == "labels":
            raise InputError(
                f"{self.path} gives labels and neither logits nor probabilities; open the checkpoint, or export it "
                "again with --output_op none"
            )
        return image_scores(output.tensor, output.values, trans_info, output.input_size)

    def prepares_like(self, transforms: Sequence[Any], where: str) -> bool:
        """Whether the network prepares images as a list of PaddleSeg's transforms does, at the size that it takes.

        Args:
            transforms: as a config lists them.
            where: what the list is called in messages.

        Raises:
            InputError: the list cannot be reproduced at a fixed size.
        """
        return True

    @abstractmethod
    def _prepare(self, image: np.ndarray) -> Prepared:
        """`prepare` for an array."""

    @abstractmethod
    def _run(self, batch: np.ndarray) -> Output:
        """`run` for as many images as it takes."""

    def close(self) -> None:
        """Let go of what runs it. Closing twice does nothing."""

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
