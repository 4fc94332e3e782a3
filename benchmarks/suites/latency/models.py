"""Networks made ready to be measured: exports and conversions in a folder, made where they are missing."""

import hashlib
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import numpy as np
import paddle
from tqdm import tqdm

from paddleseg_mobileseg.deploy import FORMATS
from paddleseg_mobileseg.deploy.convert import write_model
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.halve import halve
from paddleseg_mobileseg.deploy.ir.io_signature import count_classes, describe_input
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.deploy.label_tail import attach, tail_program
from paddleseg_mobileseg.deploy.lower import LoweredModel, lower
from paddleseg_mobileseg.deploy.runtime.metadata import Metadata, metadata_path, sha256_of, weights_path
from paddleseg_mobileseg.deploy.runtime.opt import opt_version
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.deploy.support import check_support
from paddleseg_mobileseg.deploy.translate import translate
from paddleseg_mobileseg.errors import MobilesegError
from paddleseg_mobileseg.files import atomic_folder, atomic_path, write_text

from ...cache import key_of, network_key, sources_key
from ...images import TRANSFORMS, built_in_images, read_images
from ...random_weights import calibrate_random_weights
from .cases import ACTIVE_CLASSES, CONVERTED, INFERENCE_ENGINES, LatencyCase, find_network

_CALIBRATION_SIZE = (256, 256)
_CALIBRATION_IMAGES = 4


@dataclass(frozen=True)
class Export:
    """Which exported network a case starts from."""

    network: str
    height: int
    width: int
    num_classes: int
    active_classes: int

    @staticmethod
    def of(case: LatencyCase) -> "Export":
        return Export(case.network, case.height, case.width, case.num_classes, case.active_classes)


Failures = Dict[LatencyCase, MobilesegError]
"""What cannot be converted, and why."""


class ModelFolder:
    """Where exports and conversions are kept.

    Args:
        root: of the folder. What is made from other sources or by other versions gets a folder of its own there.
        images: what the networks are fed with.
    """

    def __init__(self, root: Path, images: Sequence[Path]):
        self.root = root
        self.images = list(images)
        self._key = sources_key(__name__)
        self._calibration = built_in_images(root / "images", _CALIBRATION_IMAGES)
        self._fed = hashlib.sha256(b"".join(path.read_bytes() for path in images)).hexdigest()[:8]

    def exported(self, export: Export) -> Path:
        """The folder of an export."""
        classes = f"{export.num_classes}{_chance(export.active_classes)}"
        name = f"{export.network}_{export.height}x{export.width}_{classes}"
        key = key_of(self._key, network_key(find_network(export.network)))
        return self.root / name / key / "exported"

    def labels(self, export: Export) -> Path:
        """The file of the labels that Paddle gives for the images, [N, H, W]."""
        return self.exported(export).with_name(f"labels_{self._fed}.npy")

    def model(self, case: LatencyCase) -> Path:
        """The file that a case runs; for Paddle Inference the parameters, with the program beside them."""
        folder = self.exported(Export.of(case)).parent
        if case.engine in INFERENCE_ENGINES:
            return folder / f"{case.label_map}_paddle" / "model.pdiparams"
        size = f"{case.height}x{case.width}{_chance(case.active_classes)}"
        format = _format(case)
        target = f"_{case.target}" if format == "nb" else ""
        return folder / f"{case.network}_{size}_{case.label_map}_{case.number_format}{target}{FORMATS[format]}"

    def conversion_seconds(self, case: LatencyCase) -> float:
        """How long the model of a case took to be made of the lowered network, beside one of another network."""
        return float(_seconds_path(self.model(case)).read_text(encoding="ascii"))

    def missing(self, cases: Sequence[LatencyCase]) -> Dict[Export, List[LatencyCase]]:
        """What `make` has to make, by export."""
        wanted: Dict[Export, List[LatencyCase]] = {}
        for case in cases:
            export = Export.of(case)
            if not metadata_path(self.model(case)).is_file() or not self.labels(export).is_file():
                wanted.setdefault(export, []).append(case)
        return wanted

    def make(self, export: Export, cases: Sequence[LatencyCase]) -> Failures:
        """Export a network, if that is missing, and make the models of its cases and the labels to compare with.

        Raises:
            InputError: the network cannot be exported, or the folder cannot be written.
            ToolError: a step changed what the network computes.
        """
        exact = lower(self.make_export(export), "exact")
        if not self.labels(export).is_file():
            _write_labels(exact, read_images(self.images, export.height, export.width), self.labels(export))
        lowered, failures = {"exact": exact}, {}
        for case in cases:
            if case.label_map not in lowered:
                lowered[case.label_map] = _with_tail(exact, case.label_map)
            path = self.model(case)
            if metadata_path(path).is_file():
                continue
            try:
                with atomic_folder(path.parent) as scratch:
                    started = time.perf_counter()
                    _write(lowered[case.label_map], case, scratch / path.name)
                    write_text(_seconds_path(scratch / path.name), f"{time.perf_counter() - started:.3f}\n")
            except MobilesegError as error:
                failures[case] = error
        return failures

    def make_export(self, export: Export) -> Path:
        """Export a network, if that is missing.

        Returns:
            The folder.

        Raises:
            InputError: the network cannot be exported, or the folder cannot be written.
        """
        folder = self.exported(export)
        if not (folder / "deploy.yaml").is_file():
            _write_export(export, folder, self._calibration)
        return folder

    def make_all(self, cases: Sequence[LatencyCase]) -> Failures:
        """Make what is missing, an export on each core at a time.

        Raises:
            InputError, ToolError: as of `make`.
        """
        failures: Failures = {}
        missing = self.missing(cases)
        # The last networks of the zoo take the longest, Lite-HRNet above all; begun last, they would run alone.
        jobs = [(self, export, wanted) for export, wanted in reversed(list(missing.items()))]
        with tqdm(total=len(jobs), desc="convert", unit="network", disable=None, leave=False) as progress:
            for failed in _run(jobs, min(len(os.sched_getaffinity(0)), len(jobs))):
                failures.update(failed)
                progress.update()
        return failures


def _run(jobs: List[Tuple[ModelFolder, Export, List[LatencyCase]]], processes: int) -> Iterator[Failures]:
    if processes < 2:
        yield from map(_make, jobs)
        return
    # Paddle does not survive a fork.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_make, jobs)


def _make(job: Tuple[ModelFolder, Export, List[LatencyCase]]) -> Failures:
    folder, export, cases = job
    return folder.make(export, cases)


def _chance(active_classes: int) -> str:
    """What a file's name says of the active classes."""
    return "" if active_classes == ACTIVE_CLASSES else f"_{active_classes}_active_classes"


def _format(case: LatencyCase) -> str:
    return CONVERTED[case.engine].format if case.engine in CONVERTED else "nb"


def _write(lowered: LoweredModel, case: LatencyCase, path: Path) -> None:
    """The model of a case, into a folder of its own."""
    if case.engine in INFERENCE_ENGINES:
        _write_paddle(lowered, path.parent)
        return
    if _format(case) != "nb":
        translate(lowered, path, _format(case), case.weights, case.precision)
        for other in set(path.parent.iterdir()) - {path, metadata_path(path), weights_path(path)}:
            other.unlink()
        return
    if case.precision == "fp16":
        lowered = halve(lowered)
    check_support(lowered.program, case.target, case.precision)
    write_model(lowered, path, case.target, case.weights, case.precision)
    for name in ("model.pdmodel", "model.pdiparams"):
        (path.parent / name).unlink()


def _seconds_path(model: Path) -> Path:
    return Path(f"{model}.seconds")


def _write_export(export: Export, folder: Path, images: List[Path]) -> None:
    paddle.seed(0)
    network = find_network(export.network).build(export.num_classes)
    batch = read_images(images, *_CALIBRATION_SIZE)
    calibrate_random_weights(network, batch, export.num_classes, export.active_classes)
    folder.parent.mkdir(parents=True, exist_ok=True)
    export_model(network, folder, [1, 3, export.height, export.width], "none", TRANSFORMS)


def _write_labels(exact: LoweredModel, batches: np.ndarray, path: Path) -> None:
    graph = StaticGraph(exact.program)
    labels = np.concatenate([exact.output.labels(graph.run(batch[np.newaxis])) for batch in batches])
    with atomic_path(path) as scratch:
        np.save(scratch, labels.astype(np.uint16))


def _with_tail(exact: LoweredModel, label_map: str) -> LoweredModel:
    """The same network with labels made in the graph: `lower` would prove all that comes before once more."""
    low, size = exact.output.shape, exact.output.label_size
    program = attach(exact.program, tail_program(label_map, low, size, exact.output.align_corners))
    output = OutputTensor(program.output_name, "labels", "int32", [low[0], *size], label_map)
    return replace(exact, program=program, output=output)


def _write_paddle(lowered: LoweredModel, folder: Path) -> None:
    """Program and parameters for Paddle Inference, described as a `.nb` is."""
    _, params = lowered.program.save(folder)
    metadata = Metadata(
        target="paddle",
        precision="float32",
        weights="float32",
        agreement=None,
        recipe=None,
        input=describe_input(lowered.program),
        output=lowered.output,
        num_classes=count_classes(lowered.program),
        classes=lowered.source.classes,
        sha256=sha256_of(params),
        bytes=params.stat().st_size,
        opt_version=opt_version(),
        versions=versions(),
        source_ops=lowered.source.op_counts(),
        passes=lowered.passes,
    )
    write_text(metadata_path(params), metadata.to_json())
