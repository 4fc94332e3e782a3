"""Networks without their Python classes: exported folders in whichever engine, and converted models in theirs."""

from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np
from paddleseg.cvlibs import manager
from paddleseg.transforms import Compose

from ..classes import Classes, unnamed
from ..data.preprocessing import Preprocessing
from ..data.transforms import read_preprocessing
from ..deploy import FORMATS
from ..deploy.convert import convert_for_host, require_converter
from ..deploy.halve import SimulatedHalf
from ..deploy.ir.exported import ExportedModel, read_exported
from ..deploy.ir.io_signature import count_classes, describe_input
from ..deploy.ir.program import dims_of
from ..deploy.ir.static_graph import StaticGraph
from ..deploy.ir.tensors import OutputTensor
from ..deploy.lower import LoweredModel, lower
from ..deploy.runtime.engines import Engine, engine_of, find_engine
from ..deploy.runtime.metadata import Metadata, read_metadata
from ..deploy.runtime.predictor import HOST_TARGET
from ..errors import InputError
from ..files import scratch_folder
from .network import Network, Output, Prepared

_UNKNOWN_CLASSES = 256
"""Where the program does not tell how many labels it has."""


def open_export(folder: Path, engine: Optional[str], input_shape: Optional[Sequence[int]] = None) -> Network:
    """An exported folder in an engine, "paddle" if None; `input_shape` as of `open_network`.

    Raises:
        InputError: it cannot be used, or not in this engine.
    """
    model = read_exported(folder)
    if model.transforms is None:
        raise InputError(f"{folder} has no deploy.yaml, so its preprocessing is unknown; export the model again")
    if input_shape is None and min(dims_of(model.variables()[model.input_name])[2:]) < 1:
        if engine not in (None, "paddle"):
            raise InputError(
                f"{folder} was exported without a fixed size, which engine {engine} needs; export it again with "
                "--input_shape 1 3 H W"
            )
        return OpenSizeExport(folder, model)
    if engine in (None, "paddle"):
        # What is rewritten for processors is another program: only who converts gets it, as after `convert`.
        return Export(folder, _lowered(folder, input_shape, optimize=False))
    chosen = find_engine(engine)
    chosen.require()
    require_converter(chosen.format)
    return ConvertedExport(folder, _lowered(folder, input_shape, optimize=True), chosen)


def _lowered(folder: Path, input_shape: Optional[Sequence[int]], optimize: bool) -> LoweredModel:
    """The export with low-resolution logits as its output, where these are the whole truth about its labels.

    VIM's labels are not those of interpolated logits, and of some exports the logits are not known.
    """
    try:
        lowered = lower(folder, "exact", input_shape, optimize)
        if lowered.source_label_map != "vim":
            return lowered
    except InputError:  # what else may be wrong with it is said below
        pass
    return lower(folder, "none", input_shape, optimize)


def classes_or_numbers(named: Optional[Classes], count: Optional[int]) -> Classes:
    """The classes that a file names; else numbers, as many as its program tells of."""
    return named or unnamed(count or _UNKNOWN_CLASSES)


class _FixedSize(Network):
    """A network whose input has one size.

    Args:
        preprocessing: how an image becomes its input.
    """

    def __init__(self, path: Path, classes: Classes, images_a_run: int, preprocessing: Preprocessing):
        super().__init__(path, classes, images_a_run)
        self._preprocessing = preprocessing

    def prepares_like(self, transforms: Sequence[Any], where: str) -> bool:
        return read_preprocessing(transforms, *self._preprocessing.size, where) == self._preprocessing

    def _prepare(self, image: np.ndarray) -> Prepared:
        return self._preprocessing.apply(image), self._preprocessing.trans_info(image.shape)


class Export(_FixedSize):
    """An exported program of fixed size, run by Paddle in its child process."""

    kind, engine = "export", "paddle"

    def __init__(self, folder: Path, lowered: LoweredModel):
        tensor = describe_input(lowered.program)
        classes = classes_or_numbers(lowered.source.classes, count_classes(lowered.program))
        super().__init__(folder, classes, tensor.shape[0], tensor.preprocessing)
        self._tensor = lowered.output
        self._graph: Union[StaticGraph, SimulatedHalf, None] = self._open(lowered)

    def _open(self, lowered: LoweredModel) -> Union[StaticGraph, SimulatedHalf]:
        return StaticGraph(lowered.program)

    def _run(self, batch: np.ndarray) -> Output:
        return Output(self._graph.run(batch), self._tensor, self._preprocessing.size)

    def close(self) -> None:
        self._graph = None


class HalfExport(Export):
    """A program made for half precision, in a simulation of what ARM computes."""

    engine = "simulation"

    def _open(self, lowered: LoweredModel) -> SimulatedHalf:
        return SimulatedHalf(lowered)


class OpenSizeExport(Network):
    """An exported program that takes any size: PaddleSeg's own transforms prepare images for it."""

    kind, engine = "export", "paddle"

    def __init__(self, folder: Path, model: ExportedModel):
        super().__init__(folder, classes_or_numbers(model.classes, count_classes(model)), 1)
        self._compose = Compose([_transform(step, folder) for step in model.transforms])
        self._transforms = model.transforms
        self._graph: Optional[StaticGraph] = StaticGraph(model)

    def prepares_like(self, transforms: Sequence[Any], where: str) -> bool:
        return list(transforms) == list(self._transforms)

    def _prepare(self, image: np.ndarray) -> Prepared:
        return composed(self._compose, image)

    def _run(self, batch: np.ndarray) -> Output:
        values = self._graph.run(batch)
        kind = "logits" if values.dtype.kind == "f" else "labels"
        tensor = OutputTensor("output", kind, str(values.dtype), list(values.shape), "none")
        return Output(values, tensor, batch.shape[2:])

    def close(self) -> None:
        self._graph = None


def _transform(step: Any, folder: Path) -> Any:
    try:
        return manager.TRANSFORMS[step["type"]](**{key: value for key, value in step.items() if key != "type"})
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())
        where = folder / "deploy.yaml"
        raise InputError(f"{where}: PaddleSeg does not take {step} ({reason}); export the model again") from error


def composed(compose: Compose, image: np.ndarray) -> Prepared:
    """An RGB image through PaddleSeg's transforms, which begin with what OpenCV reads."""
    data = compose({"img": np.ascontiguousarray(image[..., ::-1], np.float32)})
    return data["img"][np.newaxis].astype(np.float32, copy=False), data["trans_info"]


class Converted(_FixedSize):
    """A converted model, run by its engine on this host.

    Args:
        path: what to call it.
        model: the file, if it is another.
    """

    def __init__(self, path: Path, model: Optional[Path] = None):
        metadata = _for_this_host(model or path)
        self.kind, engine = metadata.format, engine_of(metadata)
        self.engine = engine.name
        classes = classes_or_numbers(metadata.classes, metadata.num_classes)
        super().__init__(path, classes, metadata.input.shape[0], metadata.input.preprocessing)
        self._predictor = engine.load(model or path, label_maps=False)

    @property
    def metadata(self) -> Metadata:
        """What its JSON file says."""
        return self._predictor.metadata

    def _run(self, batch: np.ndarray) -> Output:
        return Output(self._predictor.run(batch), self.metadata.output, self._preprocessing.size)

    def close(self) -> None:
        self._predictor.close()


def _for_this_host(model: Path) -> Metadata:
    """Read its JSON file.

    Raises:
        InputError: it is for another processor, or does not say how images become its input.
    """
    metadata = read_metadata(model)
    if metadata.format == "nb" and metadata.target != HOST_TARGET:
        raise InputError(
            f"{model} is for {metadata.target} and cannot run on this host: convert with --target {HOST_TARGET}, or "
            "run it on a phone (`mobileseg device predict`, `mobileseg device val`)"
        )
    if metadata.input.preprocessing is None:
        raise InputError(f"{model} does not say how images become its input; export the model again and convert that")
    return metadata


class ConvertedExport(Converted):
    """An exported folder that is converted for an engine when it is opened."""

    def __init__(self, folder: Path, lowered: LoweredModel, engine: Engine):
        # The engine has read the file when it answers.
        with scratch_folder() as scratch:
            model = scratch / f"model{FORMATS[engine.format]}"
            super().__init__(folder, convert_for_host(lowered, model, engine.format).path)
        self.kind = "export"
