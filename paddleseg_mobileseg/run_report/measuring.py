"""Scoring what a run left behind: its checkpoint, what was exported of it, and what was converted."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ..classes import Classes
from ..config.reader import build
from ..data.known_classes import classes_of
from ..data.labelled_images import LabelledImages
from ..data.samples import first_samples, sample_files
from ..deploy.runtime.metadata import read_metadata
from ..deploy.runtime.predictor import HOST_TARGET
from ..errors import MobilesegError
from ..evaluation import ImageScore, Scores, score
from ..report.pictures import picture_row
from ..segmenter import open_network
from .runs import Run

_TIMED_ON = 8


@dataclass(frozen=True)
class Scored:
    """One form of a run's network.

    Attributes:
        kind: "checkpoint", "exported" or "converted".
        path: where it lies.
        bytes: of its files.
        scores: None where it could not be run here; `reason` says why.
        agreement: share of the pixels that got the class that they got by the first form; None for that itself.
    """

    kind: str
    path: Path
    bytes: int
    scores: Optional[Scores] = None
    agreement: Optional[float] = None
    reason: Optional[str] = None


@dataclass(frozen=True)
class Measured:
    """What was found by running a run's networks.

    Attributes:
        classes: of its data; None where it has none that can be read.
        forms: the checkpoint first.
        best, worst: pictures as of `picture_row`, with "name" and "miou", of the first form that could be run.
        timed: `.nb` files that this host can time.
        images: files to time them on.
    """

    classes: Optional[Classes]
    forms: List[Scored]
    best: List[Dict[str, Any]]
    worst: List[Dict[str, Any]]
    timed: List[Path]
    images: List[Path]


def measure(run: Run, pictures: int = 3, limit: Optional[int] = None) -> Measured:
    """Score all forms of a run's network on its validation set.

    What is missing leaves a note with the run and is no error.

    Args:
        run: what lies in its folder.
        pictures: how many of the best ones to show, and of the worst.
        limit: score the first so many images only.
    """
    dataset = _dataset(run, limit)
    classes = classes_of(run.config, dataset) if dataset is not None else None
    reference: Optional[_LabelMaps] = None
    forms: List[Scored] = []
    for kind, path in _forms(run):
        reason = _cannot_run(kind, path)
        scores = agreement = None
        if dataset is not None and reason is None:
            labels = _LabelMaps()
            try:
                with open_network(path, run.config if kind == "checkpoint" else None) as network:
                    take = labels.add if reference is None else reference.compare
                    title = f"{run.name}: {kind}"
                    scores = score(network, dataset, classes, progress=title, on_labels=take)
            except MobilesegError as error:
                reason = str(error)
            if reference is not None:
                agreement = reference.agreement()
            elif scores is not None:
                reference = labels
        if reason is not None:
            run.notes.append(f"{path} was not scored: {reason}")
        forms.append(Scored(kind, path, _bytes(path), scores, agreement if scores else None, reason))
    scored = next((form.scores for form in forms if form.scores is not None), None)
    best, worst = _pictures(dataset, scored, reference, pictures) if scored is not None else ([], [])
    timed = [form.path for form in forms if form.kind == "converted" and _cannot_run(form.kind, form.path) is None]
    return Measured(classes, forms, best, worst, timed, _files(dataset))


def _dataset(run: Run, limit: Optional[int]) -> Any:
    """The run's validation set; None where it cannot be read, which leaves a note."""
    if run.config is None:
        return None
    if "val_dataset" not in run.config.dic:
        run.notes.append(f"nothing was scored: {run.config_path} has no val_dataset")
        return None
    try:
        dataset = first_samples(build(run.config, "val_dataset"), limit)
        LabelledImages(dataset).read(0)
        return dataset
    except MobilesegError as error:
        run.notes.append(f"nothing was scored: {error}")
        return None


def _forms(run: Run) -> List[Tuple[str, Path]]:
    checkpoint = [("checkpoint", run.checkpoint)] if run.checkpoint is not None else []
    return checkpoint + [("exported", path) for path in run.exported] + [("converted", path) for path in run.models]


def _cannot_run(kind: str, path: Path) -> Optional[str]:
    """Why this host does not run a model, in words; None where it may."""
    if kind != "converted":
        return None
    try:
        target = read_metadata(path).target
    except MobilesegError as error:
        return str(error)
    return None if target == HOST_TARGET else f"it is for {target}; `mobileseg device val` scores it on a phone"


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.suffix in (".pdmodel", ".pdiparams"))
    return path.stat().st_size if path.is_file() else 0


def _files(dataset: Any) -> List[Path]:
    """The first pictures of a data set that keeps them as files."""
    found = [sample_files(dataset, index)[:1] for index in range(min(_TIMED_ON, len(dataset)))] if dataset else []
    return [Path(files[0]) for files in found if files]


class _LabelMaps:
    """Label maps of all images, kept compressed: a map of 2 megapixels takes some kilobytes."""

    def __init__(self) -> None:
        self._maps: Dict[int, Tuple[bytes, Tuple[int, ...]]] = {}
        self._equal = self._pixels = 0

    def __getitem__(self, index: int) -> np.ndarray:
        """Class numbers [H, W] of an image, uint16."""
        packed, shape = self._maps[index]
        return np.frombuffer(zlib.decompress(packed), np.uint16).reshape(shape)

    def add(self, index: int, labels: np.ndarray) -> None:
        self._maps[index] = zlib.compress(labels.astype(np.uint16).tobytes(), 1), labels.shape

    def compare(self, index: int, labels: np.ndarray) -> None:
        """Count the pixels that have the class that they have here."""
        self._equal += int((self[index] == labels).sum())
        self._pixels += labels.size

    def agreement(self) -> Optional[float]:
        """Share of equal pixels since the last call."""
        share = self._equal / self._pixels if self._pixels else None
        self._equal = self._pixels = 0
        return share


def _pictures(
    dataset: Any, scores: Scores, labels: _LabelMaps, count: int
) -> Tuple[List[Dict[str, Any]], List[Dict[str, Any]]]:
    """The pictures of the highest mIoU and of the lowest, the extreme ones first, none of them in both."""
    images = LabelledImages(dataset)
    ranked = sorted((each for each in scores.images if each.miou is not None), key=lambda each: -each.miou)
    best = ranked[:min(count, (len(ranked) + 1) // 2)]
    worst = ranked[::-1][:min(count, len(ranked) // 2)]

    def row(each: ImageScore) -> Dict[str, Any]:
        shown = picture_row(*images.read(each.index), labels[each.index], scores.classes)
        return {**shown, "name": Path(each.image).name, "miou": each.miou}

    return list(map(row, best)), list(map(row, worst))
