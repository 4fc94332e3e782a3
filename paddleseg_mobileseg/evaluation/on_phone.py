"""A converted network scored on a phone, over adb."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Union

import numpy as np
from tqdm import tqdm

from ..classes import Classes, unnamed
from ..data.labelled_images import LabelledImages
from ..data.samples import sample_files
from ..deploy.android.bench_binary import DEFAULT_SETTINGS, RunSettings
from ..deploy.android.predict import BATCH, PhoneNetwork
from ..errors import InputError
from .kept_counts import KeptCounts, Subject
from .scores import ImageCounts, Scores, Tally, count_image


@dataclass(frozen=True)
class PhoneScores:
    """What a network scored on a phone.

    Attributes:
        scores: without the seconds where images had been scored before.
        phone: its model.
        kept: the file that the counts of each image are in.
        resumed: how many images had been scored before.
    """

    scores: Scores
    phone: str
    kept: Path
    resumed: int


def score_on_phone(
    nb: Union[str, Path],
    dataset: Any,
    save_dir: Union[str, Path],
    classes: Optional[Classes] = None,
    serial: Optional[str] = None,
    settings: RunSettings = DEFAULT_SETTINGS,
    warn: Callable[[str], None] = lambda message: None,
) -> PhoneScores:
    """Score a network on a phone; a call that was interrupted, or lost its phone, goes on where it was.

    Args:
        nb: the model, for arm.
        dataset: any PaddleSeg data set of images and labels; its transforms are not used.
        save_dir: gets a file with the counts of each image, named after the model, the data set and the phone.
        classes: the data set's; None for numbers.
        serial: of the phone; the only one if None.
        settings, warn: as of `bench`.

    Raises:
        InputError: a file cannot be used, the model is for other classes, there is no adb, or no phone to choose.
        ToolError: the phone was lost or has no space; the program crashed, hangs, or gave no result.
    """
    images = LabelledImages(dataset)
    classes = classes or unnamed(images.num_classes)
    with PhoneNetwork(nb, serial, settings, warn) as network:
        known = network.metadata.num_classes
        if known is not None and known < images.num_classes:
            raise InputError(f"{nb} tells {known} classes apart and the data set has {images.num_classes}")
        subject = Subject(network.metadata.sha256, data_key(dataset), network.phone.model, images.num_classes)
        name = hashlib.sha256(json.dumps(vars(subject)).encode()).hexdigest()[:12]
        tally = Tally(classes)
        kept = KeptCounts(Path(save_dir) / f"{Path(nb).stem}_{name}.jsonl", subject, len(images), tally.add)
        left = [index for index in range(len(images)) if index not in kept.found]
        resumed, count, started = len(kept.found), len(images), time.perf_counter()
        if resumed:
            warn(f"{resumed} of {count} images were scored before; remove {kept.path} to score them again")
        try:
            with tqdm(
                total=count, initial=resumed, desc=network.phone.model, unit="image", disable=None, leave=False
            ) as progress:
                for start in range(0, len(left), BATCH):
                    kept.add(_counts(network, images, left[start:start + BATCH]))
                    progress.update(len(left[start:start + BATCH]))
        except BaseException:
            warn(
                f"{len(kept.found)} of {count} images are scored, and kept in {kept.path}: the same command goes on "
                "from there"
            )
            raise
        seconds = time.perf_counter() - started
    return PhoneScores(tally.scores(None if resumed else seconds), network.phone.model, kept.path, resumed)


def _counts(network: PhoneNetwork, images: LabelledImages, indices: List[int]) -> List[ImageCounts]:
    truths: List[np.ndarray] = []

    def read() -> Iterator[np.ndarray]:
        for index in indices:
            image, truth = images.read(index)
            truths.append(truth)
            yield image

    names = [images.name(index) for index in indices]
    maps = network.label_maps(read(), names)
    rows = zip(indices, names, truths, maps)
    return [count_image(*row, images.num_classes, images.ignore_index) for row in rows]


def data_key(dataset: Any) -> str:
    """A checksum of what a data set says of itself, and of the sizes and times of its files."""
    digest = hashlib.sha256(type(dataset).__name__.encode())
    for key, value in sorted(vars(dataset).items()):
        try:
            digest.update(json.dumps([key, value]).encode())
        except (TypeError, ValueError):  # it is no plain value, such as the transforms
            continue
    for index in range(len(dataset)):
        for path in sample_files(dataset, index):
            try:
                status = os.stat(path)
            except OSError as error:
                raise InputError(f"cannot read {path}: {error.strerror}") from error
            digest.update(f"{status.st_size} {status.st_mtime_ns} ".encode())
    return digest.hexdigest()
