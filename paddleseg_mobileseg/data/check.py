"""Reading every sample of a data set before training does."""

import copy
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from tqdm import tqdm

from ..errors import MobilesegError
from .samples import (
    EMPTY,
    UNREADABLE,
    Problem,
    files_problem,
    has_class_numbers,
    header_size,
    label_problem,
    sample_files,
    sample_name,
)


@dataclass
class SplitReport:
    """What was found in one part of a data set.

    Attributes:
        name: the section of the config, "train_dataset" or "val_dataset".
        samples: number of samples.
        class_pixels: pixels of each class in the readable labels, int64 [num_classes]; empty where the data set
            does not say its classes.
        problems: all of them, in the order of the samples.
        sizes: how many images there are of each (height, width).
        ignored_pixels: pixels of the ignore_index.
    """

    name: str
    samples: int
    class_pixels: np.ndarray
    problems: List[Problem] = field(default_factory=list)
    sizes: "Counter[Tuple[int, int]]" = field(default_factory=Counter)
    ignored_pixels: int = 0

    def counts(self) -> Dict[str, int]:
        """Number of problems by kind."""
        return dict(Counter(problem.kind for problem in self.problems))

    def absent_classes(self) -> List[int]:
        """Classes that no readable label holds."""
        return [index for index, pixels in enumerate(self.class_pixels) if pixels == 0]


def check_dataset(dataset: Any, name: str, workers: Optional[int] = None, multilabel: bool = False) -> SplitReport:
    """Read every sample of a PaddleSeg data set and say all that is wrong.

    Images and labels that the data set lists as files are decoded whole. The label is what the data set's own
    `__getitem__` makes of the file, without the transforms, so that each data set's conventions hold (ADE20K
    subtracts 1 and ignores what was 0).

    Args:
        dataset: what PaddleSeg trains on or evaluates on.
        name: what to call it.
        workers: threads that read; as many as there are processors, at most 8, where None.
        multilabel: labels are one mask a class, so that their values and sizes are not checked.
    """
    reader = _SampleReader(dataset, multilabel)
    num_classes = getattr(dataset, "num_classes", 0)
    report = SplitReport(name, len(dataset), np.zeros(num_classes, np.int64))
    if len(dataset) == 0:
        report.problems.append(Problem(EMPTY, f"{name} holds no samples; check its list of files and dataset_root"))
        return report
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        findings = pool.map(reader.read, range(len(dataset)))
        for finding in tqdm(findings, total=len(dataset), desc=name, unit="sample", disable=None):
            if finding.problem is not None:
                report.problems.append(finding.problem)
            if finding.size is not None:
                report.sizes[finding.size] += 1
            if finding.class_pixels is not None:
                report.class_pixels += finding.class_pixels
                report.ignored_pixels += finding.ignored_pixels
    return report


@dataclass(frozen=True)
class _Finding:
    """What one sample adds to the report."""

    problem: Optional[Problem] = None
    size: Optional[Tuple[int, int]] = None
    class_pixels: Optional[np.ndarray] = None
    ignored_pixels: int = 0


class _SampleReader:
    """Reads single samples of a data set, without its transforms where it has PaddleSeg's `Compose`."""

    def __init__(self, dataset: Any, multilabel: bool):
        self.dataset = copy.copy(dataset)
        compose = getattr(dataset, "transforms", None)
        if hasattr(compose, "transforms"):
            self.dataset.transforms = copy.copy(compose)
            self.dataset.transforms.transforms = []
            self.dataset.edge = False  # edges are computed from the label, and cost more than reading it
        self.multilabel = multilabel

    def read(self, index: int) -> _Finding:
        files = sample_files(self.dataset, index)
        size = header_size(files[0]) if files else None
        problem = files_problem(files[:1] if self.multilabel else files, thorough=True)
        if problem:
            return _Finding(problem, size)
        try:
            sample = self.dataset[index]
        except Exception as error:  # whatever a data set raises on a bad sample
            reason = str(error) if isinstance(error, MobilesegError) else f"{type(error).__name__}: {error}"
            return _Finding(Problem(UNREADABLE, f"{sample_name(self.dataset, index)} cannot be read: {reason}"), size)
        if size is None and isinstance(sample, dict) and getattr(sample.get("img"), "ndim", 0) == 3:
            size = tuple(int(side) for side in sample["img"].shape[1:])
        if self.multilabel or not has_class_numbers(self.dataset, sample):
            return _Finding(size=size)
        problem = label_problem(self.dataset, index, sample["label"])
        if problem:
            return _Finding(problem, size)
        label = np.asarray(sample["label"]).astype(np.int64)
        ignored = label == getattr(self.dataset, "ignore_index", 255)
        pixels = np.bincount(label[~ignored], minlength=self.dataset.num_classes)
        return _Finding(None, size, pixels, int(ignored.sum()))
