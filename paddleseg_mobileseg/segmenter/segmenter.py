"""The object that segments pictures."""

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Deque, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
from paddleseg.cvlibs import Config
from PIL import Image
from tqdm import tqdm

from ..classes import Classes
from ..errors import InputError
from .network import Network, Output, Prepared
from .opening import open_network
from .pictures import Picture, as_rgb, find_pictures
from .segmentation import Segmentation

_THREADS = 2
"""While the network runs on one picture, another is read and prepared or gets its label map."""


class Segmenter:
    """Pictures in, label maps out: one object for checkpoints, exported folders and converted models.

    Call it with a picture, and get a `Segmentation`; with a list of pictures or a folder, and get a list; with any
    other iterable, and get an iterator that reads no further ahead than it must. A picture is a path, an image of
    Pillow's, or a uint8 array [H, W, 3] in RGB. Label maps are of the picture's own size: those of PaddleSeg's
    evaluation, made from low-resolution logits where the network has them. It is a context manager.

    Args:
        path: a checkpoint, the folder of a training run (its best checkpoint), an exported folder, or a converted model
            that runs on this host.
        config: of a checkpoint; None for the `config.yml` beside it or in the run's folder.
        engine: "paddle", "lite", "onnx", "litert", "ncnn" or "mnn", as far as what `path` is runs in it; None for the
            first that does.
        device: of a checkpoint: "cpu", "gpu" and so on, the CPU where there is no such device.
        batch_size: how many pictures go through a checkpoint at a time, as far as they are of one size.

    Attributes:
        network: what runs.
        classes: names and colours of the classes.
        throughput: pictures a second of the last list or iterator, by the clock on the wall and with whatever was done
            between two results; None before the first.

    Raises:
        InputError: the network cannot be used, or not so.
        ToolError: a tool that was needed failed.
    """

    def __init__(
        self,
        path: Union[str, Path],
        config: Union[str, Path, Config, None] = None,
        engine: Optional[str] = None,
        device: str = "cpu",
        batch_size: int = 1,
    ):
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size must be a whole number of 1 or more, not {batch_size!r}")
        self.network: Network = open_network(path, config, engine, device)
        self.classes: Classes = self.network.classes
        self.batch_size = self.network.images_a_run or batch_size
        self.throughput: Optional[float] = None
        self._running = threading.Lock()

    def __call__(
        self,
        image: Union[Picture, Iterable[Picture]],
        logits: bool = False,
        probabilities: bool = False,
        progress: bool = True,
    ) -> Union[Segmentation, List[Segmentation], Iterator[Segmentation]]:
        """Segment a picture, or several.

        Args:
            image: a picture; a list of them, or a folder; or another iterable of them.
            logits, probabilities: give these too, at the picture's own size: float32 [classes, H, W], which for 150
                classes and a picture of 12 megapixels are 7 GB each. Without them no more than the label map is made.
            progress: show a bar while several are segmented, where standard error is a terminal.

        Returns:
            A `Segmentation`, a list of them in the order of the pictures, or an iterator.

        Raises:
            InputError: a picture cannot be used, or the network gives no logits.
            ToolError: what runs the network failed.
        """
        wanted = logits, probabilities
        if isinstance(image, (str, Path)) and Path(image).is_dir():
            image = [found.path for found in find_pictures(image)]
        if isinstance(image, (str, Path, Image.Image)) or isinstance(image, np.ndarray) and image.ndim < 4:
            return self._segment([image], *wanted)[0]
        if isinstance(image, (list, tuple, np.ndarray)):
            return list(self._stream(image, len(image), progress, *wanted))
        if not isinstance(image, Iterable):
            as_rgb(image)
        return self._stream(image, None, progress, *wanted)

    def _stream(
        self, pictures: Iterable[Picture], count: Optional[int], progress: bool, logits: bool, probabilities: bool
    ) -> Iterator[Segmentation]:
        """The segmentations of `pictures` in their order, counted and timed."""
        begun = time.perf_counter()
        ahead = self._ahead(_groups(pictures, self.batch_size), logits, probabilities)
        bar = tqdm(ahead, desc="segment", total=count, unit="image", disable=None if progress else True, leave=False)
        for done, segmentation in enumerate(bar, start=1):
            self.throughput = done / (time.perf_counter() - begun)
            yield segmentation

    def _ahead(
        self, groups: Iterable[Sequence[Picture]], logits: bool, probabilities: bool
    ) -> Iterator[Segmentation]:
        """Those of all groups in their order, while the next groups are under way."""
        waiting: Deque[Future] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                for group in groups:
                    waiting.append(pool.submit(self._segment, group, logits, probabilities))
                    if len(waiting) > _THREADS:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _segment(self, pictures: Sequence[Picture], logits: bool, probabilities: bool) -> List[Segmentation]:
        """Those of a few pictures, which go through the network together where they are of one size."""
        images = [as_rgb(picture) for picture in pictures]
        prepared = [self.network.prepare(image) for image in images]
        return [
            self._segmentation(picture, image, output, trans_info, logits, probabilities)
            for picture, image, (_, trans_info), output in zip(pictures, images, prepared, self._outputs(prepared))
        ]

    def _outputs(self, prepared: Sequence[Prepared]) -> List[Output]:
        """What the network gives for each, in runs of neighbours of one size."""
        outputs: List[Output] = []
        while len(outputs) < len(prepared):
            first = prepared[len(outputs)][0]
            run = [first]
            for batch, _ in prepared[len(outputs) + 1:]:
                if batch.shape != first.shape:
                    break
                run.append(batch)
            with self._running:
                output = self.network.run(np.concatenate(run) if len(run) > 1 else first)
            outputs += [output[index] for index in range(len(run))]
        return outputs

    def _segmentation(
        self,
        picture: Picture,
        image: np.ndarray,
        output: Output,
        trans_info: Sequence[Any],
        logits: bool,
        probabilities: bool,
    ) -> Segmentation:
        scores = shares = None
        if logits and output.tensor.kind == "probabilities":
            raise InputError(f"{self.network.path} gives probabilities and no logits; ask for these")
        if logits or probabilities:
            scores = self.network.scores(output, trans_info)
        if probabilities:
            shares = scores if output.tensor.kind == "probabilities" else _softmax(scores)
        return Segmentation(
            labels=self.network.labels(output, trans_info),
            classes=self.classes,
            image=image,
            path=Path(picture) if isinstance(picture, (str, Path)) else None,
            logits=scores if logits else None,
            probabilities=shares,
        )

    def close(self) -> None:
        """Let go of what runs the network. Closing twice does nothing."""
        self.network.close()

    def __enter__(self) -> "Segmenter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


def _groups(pictures: Iterable[Picture], size: int) -> Iterator[Tuple[Picture, ...]]:
    """`size` neighbours each, the last ones perhaps fewer."""
    iterator = iter(pictures)
    while True:
        group = tuple(islice(iterator, size))
        if not group:
            return
        yield group


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    shares = logits - logits.max(axis=0)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=0)
    return shares
