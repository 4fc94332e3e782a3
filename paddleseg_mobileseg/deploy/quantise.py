"""A lowered model in full int8: calibrated on pictures, and held against float32 on others."""

from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..errors import InputError
from .calibration import Measure, Pictures, evenly, pictures_of
from .ir.exported import ExportedModel
from .ir.io_signature import describe_input
from .ir.static_graph import StaticGraph
from .ir.tensors import InputTensor, OutputTensor
from .lower import LoweredModel
from .passes.folded_norms import fold_norms
from .passes.linear_as_mul import linear_as_mul
from .quantisation.post_training import quantise_program
from .runtime.agreement import equal_share
from .runtime.inputs import load_input
from .runtime.metadata import MeasuredAgreement

_MOST_COMPARED = 32
_MOST_TRIED = 8
_MOST_RANKED = 2
"""Pictures on which a result is compared, on which layers are left out, and by which layers are ranked."""

_GOOD = 0.98
"""Share of float32's labels from which no layer is left out; trained networks keep more with all of them."""


def quantise(
    lowered: LoweredModel,
    calibration: Pictures,
    images: int = 100,
    measure: Optional[Measure] = None,
    results: bool = False,
) -> LoweredModel:
    """Quantise convolutions and linear layers after calibration; the rest computes in float32.

    Args:
        lowered: in float32.
        calibration: a folder of pictures like those of use, or files and folders of them; labels are not needed.
        images: how many of them to calibrate with at most, taken evenly.
        measure: says how well the result agrees. None compares labels on pictures that were not calibrated with, where
            there are any.
        results: for the format onnx, as of `layers_of`; batch norms are taken into convolutions first.

    Returns:
        The same with a program that opt (without `results`) converts to int8 kernels, and that Paddle simulates; with
        `recipe` and `agreement`.

    Raises:
        InputError: a picture cannot be read, there is none, or the model does not say how images become its input.
    """
    if images < 1:
        raise InputError(f"--images takes a number of pictures of 1 or more, not {images}")
    found = pictures_of(calibration)
    chosen = evenly(found, images)
    others = sorted(set(found) - set(chosen))
    compared = evenly(others or chosen, _MOST_COMPARED)
    tensor = describe_input(lowered.program)
    if tensor.preprocessing is None:
        raise InputError(
            f"{lowered.source.folder} has no deploy.yaml, so that pictures cannot become its input; export it again"
        )
    model, done, _ = linear_as_mul(lowered.program)
    if results:
        model, folded = fold_norms(model)
        done = {**done, **folded}
    judge = _Judge(model, lowered.output, tensor, compared)
    result = quantise_program(
        model,
        _batches(chosen, tensor),
        [load_input(path, tensor) for path in compared[:_MOST_RANKED]],
        lambda program: judge.share(program, _MOST_TRIED) >= _GOOD,
        results,
    )
    quantised = replace(
        lowered,
        program=result.program,
        passes={**lowered.passes, **done, "rounded inputs and weights of layers to int8": result.layers},
        recipe={**result.recipe(), **({"results": "int8, by tensor"} if results else {}), "images": len(chosen)},
    )
    if measure:
        return replace(quantised, agreement=measure(lowered, quantised))
    source = "pictures beside those of the calibration" if others else "the pictures of the calibration"
    share = judge.share(result.program, _MOST_COMPARED)
    return replace(quantised, agreement=MeasuredAgreement("simulation in Paddle", len(compared), source, share))


def _batches(paths: Sequence[Path], tensor: InputTensor) -> Iterator[np.ndarray]:
    for path in tqdm(paths, desc="calibrate", unit="image", disable=None, leave=False):
        yield load_input(path, tensor)


class _Judge:
    """Labels of quantised programs beside those of the program in float32."""

    def __init__(self, model: ExportedModel, output: OutputTensor, tensor: InputTensor, paths: Sequence[Path]):
        self._output, self._tensor, self._paths = output, tensor, paths
        self._reference = StaticGraph(model)
        self._expected: Dict[Path, np.ndarray] = {}

    def share(self, program: ExportedModel, most: int) -> float:
        """Share of the pixels of at most so many pictures that get float32's class."""
        graph = StaticGraph(program)
        paths = tqdm(self._paths[:most], desc="compare", unit="image", disable=None, leave=False)
        return equal_share(self._labels(graph, path) for path in paths)

    def _labels(self, graph: StaticGraph, path: Path) -> Tuple[np.ndarray, np.ndarray]:
        batch = load_input(path, self._tensor)
        if path not in self._expected:
            self._expected[path] = self._output.labels(self._reference.run(batch))
        return self._expected[path], self._output.labels(graph.run(batch))
