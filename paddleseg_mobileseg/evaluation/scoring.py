"""A network on the images and labels of a data set."""

import time
import zlib
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple, Union

import numpy as np
from tqdm import tqdm

from ..classes import Classes
from ..data.labelled_images import LabelledImages
from ..deploy.halve import SIMULATION
from ..deploy.lower import LoweredModel
from ..deploy.runtime.engines import engine_of
from ..deploy.runtime.metadata import MeasuredAgreement, read_metadata
from ..errors import InputError
from ..segmenter import Network, open_network
from ..segmenter.exported import Export, HalfExport
from .scores import Scores, Tally, count_image


def score(
    network: Network,
    dataset: Any,
    classes: Optional[Classes] = None,
    progress: str = "evaluate",
    on_labels: Callable[[int, np.ndarray], None] = lambda index, labels: None,
) -> Scores:
    """Score a network, whatever it lies in, as PaddleSeg's evaluation scores a checkpoint.

    Each image goes through the network's own preprocessing, and its label map is compared at the image's own size.

    Args:
        network: of `open_network`; checkpoints too.
        dataset: any PaddleSeg data set of images and labels; its transforms are not used.
        classes: the data set's; None for the network's.
        progress: title of the progress bar.
        on_labels: called with the number of each image and its label map, int32 [H, W].

    Raises:
        InputError: a file cannot be used, or network and data set are of other classes.
        ToolError: what runs the network failed.
    """
    check_classes(dataset, network)
    images = LabelledImages(dataset)
    classes = _first(classes or network.classes, images.num_classes)
    tally = Tally(classes)
    started = time.perf_counter()
    for index in tqdm(range(len(images)), desc=progress, unit="image", disable=None, leave=False):
        image, truth = images.read(index)
        batch, trans_info = network.prepare(image)
        labels = network.labels(network.run(batch), trans_info)
        on_labels(index, labels)
        tally.add(count_image(index, images.name(index), truth, labels, len(classes), images.ignore_index))
    return tally.scores(time.perf_counter() - started)


def score_conversion(
    exported: Union[str, Path], nb: Union[str, Path], dataset: Any, classes: Optional[Classes] = None
) -> Tuple[Scores, Scores]:
    """Score an export in Paddle, at the size of its conversion, and the conversion in the engine that it is for.

    Args:
        exported: the exported folder.
        nb: its conversion, of any format that runs on this host.
        dataset, classes: as of `score`.

    Raises:
        InputError, ToolError: as of `score`.
    """
    metadata = read_metadata(nb)
    with open_network(nb) as converted:
        after = score(converted, dataset, classes, engine_of(metadata).title)
    with open_network(exported, engine="paddle", input_shape=metadata.input.shape) as original:
        return score(original, dataset, classes, "Paddle"), after


def score_half(
    halved: LoweredModel, dataset: Any, classes: Optional[Classes] = None
) -> Tuple[Scores, Scores]:
    """Score a model made for half precision: its program in float32 in Paddle, and simulated as ARM computes it.

    Args:
        halved: what was converted with precision "fp16".
        dataset, classes: as of `score`.

    Raises:
        InputError, ToolError: as of `score`.
    """
    with Export(halved.source.folder, halved) as original:
        before = score(original, dataset, classes, "Paddle")
    with HalfExport(halved.source.folder, halved) as simulated:
        return before, score(simulated, dataset, classes, "simulated")


def measure_precision(
    before: LoweredModel, after: LoweredModel, dataset: Any, classes: Optional[Classes], source: str
) -> MeasuredAgreement:
    """Score a program in float32 and the same one in fewer bits, both on this host.

    Args:
        before, after: the two; that in fewer bits is quantised, or made for half precision.
        dataset, classes: as of `score`.
        source: what to call the data set.

    Raises:
        InputError: as of `score`.
    """
    # A label is a class number, which 16 bits hold; those of a whole data set stay in memory, where few bytes do.
    seen: List[bytes] = []
    equal = pixels = 0

    def keep(index: int, labels: np.ndarray) -> None:
        seen.append(zlib.compress(labels.astype(np.uint16).tobytes(), 1))

    def count(index: int, labels: np.ndarray) -> None:
        nonlocal equal, pixels
        before_it = np.frombuffer(zlib.decompress(seen[index]), np.uint16).reshape(labels.shape)
        equal += int((labels == before_it).sum())
        pixels += labels.size

    with Export(before.source.folder, before) as network:
        first = score(network, dataset, classes, "float32", keep)
    # A quantised program rounds in Paddle as it will on the phone; one in halves does not.
    simulated, computed_by = (Export, "simulation in Paddle") if after.recipe else (HalfExport, SIMULATION)
    with simulated(after.source.folder, after) as network:
        second = score(network, dataset, classes, "simulated", count)
    return MeasuredAgreement(
        computed_by, len(seen), source, equal / max(pixels, 1), float(first.miou), float(second.miou)
    )


def check_classes(dataset: Any, network: Network) -> None:
    """Refuse a network that cannot tell all classes of a data set apart; one for more may not use them.

    Raises:
        InputError: it tells fewer apart.
    """
    if len(network.classes) < dataset.num_classes:
        raise InputError(
            f"{network.path} tells {len(network.classes)} classes apart and the data set has {dataset.num_classes}; "
            "give the config that it was trained with"
        )


def _first(classes: Classes, count: int) -> Classes:
    return classes if len(classes) == count else Classes(classes.names[:count], classes.colours[:count])
