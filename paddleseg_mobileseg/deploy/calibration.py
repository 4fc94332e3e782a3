"""Pictures like those of use, by which models in fewer bits are set up and compared."""

from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ..data.scenes import draw_scene
from .ir.io_signature import describe_input
from .ir.static_graph import StaticGraph
from .ir.tensors import InputTensor
from .lower import LoweredModel
from .runtime.agreement import equal_share
from .runtime.inputs import find_images, load_input, prepare_image
from .runtime.metadata import MeasuredAgreement

Pictures = Union[str, Path, Sequence[Union[str, Path]]]
"""A folder of image files, or several files and folders."""

Measure = Callable[[LoweredModel, LoweredModel], Optional[MeasuredAgreement]]
"""Compares a model in fewer bits (the second) with the one in float32."""


_MOST_COMPARED = 16
_SCENES = 4
"""Pictures of the user's, and built-in scenes, that agreement is measured on."""


def pictures_of(calibration: Pictures) -> List[Path]:
    """The image files that are meant.

    Raises:
        InputError: a path does not exist, or a folder holds no image.
    """
    return find_images([calibration] if isinstance(calibration, (str, Path)) else calibration)


def evenly(items: Sequence[Path], most: int) -> List[Path]:
    """At most so many, from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]


def agreement_with(
    before: LoweredModel,
    run: Callable[[np.ndarray], np.ndarray],
    computed_by: str,
    calibration: Optional[Pictures] = None,
    images: int = 100,
) -> MeasuredAgreement:
    """How a model in fewer bits agrees with float32 in Paddle.

    Args:
        before: in float32, for which it is known how pictures become its input.
        run: gives the output of the other for a batch.
        computed_by: what that is, for people.
        calibration: pictures like those of use; None for built-in scenes.
        images: how many of them to take at most, of which some are compared.

    Raises:
        InputError: a picture cannot be read.
    """
    reference = StaticGraph(before.program)
    batches = list(_batches(calibration, images, describe_input(before.program)))
    share = equal_share(
        (before.output.labels(reference.run(batch)), before.output.labels(run(batch)))
        for batch in tqdm(batches, desc="compare", unit="image", disable=None, leave=False)
    )
    source = "pictures of the calibration" if calibration else "built-in scenes"
    return MeasuredAgreement(computed_by, len(batches), f"{len(batches)} {source}", share)


def _batches(calibration: Optional[Pictures], images: int, tensor: InputTensor) -> Iterator[np.ndarray]:
    """The network's inputs that are compared."""
    if calibration is None:
        for seed in range(_SCENES):
            yield prepare_image(draw_scene(np.random.default_rng(seed), *tensor.shape[2:])[0], tensor)
        return
    paths = evenly(evenly(pictures_of(calibration), images), _MOST_COMPARED)
    for path in paths:
        yield load_input(path, tensor)
