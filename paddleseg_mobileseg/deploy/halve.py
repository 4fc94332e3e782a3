"""A lowered model made right in half precision, and held against float32 by a simulation of what ARM computes."""

from dataclasses import replace
from typing import Callable, Iterator, Optional

import numpy as np
from tqdm import tqdm

from ..data.scenes import draw_scene
from ..errors import InputError
from ..files import scratch_folder
from .calibration import Measure, Pictures, evenly, pictures_of
from .ir.exported import ExportedModel
from .ir.io_signature import describe_input
from .ir.static_graph import StaticGraph
from .ir.tensors import InputTensor
from .lower import LoweredModel, prove_rewritten
from .passes.halves import legalize_for_half
from .passes.separations import keep_apart
from .runtime.agreement import equal_share
from .runtime.half.rounding import LARGEST
from .runtime.half.simulation import HalfSimulation, NotSimulated
from .runtime.inputs import load_input, noise, prepare_image
from .runtime.metadata import MeasuredAgreement
from .runtime.optimised import OptimisedProgram, optimised

SIMULATION = "simulation of ARM's half precision"

_MOST_COMPARED = 16
_SCENES = 4
"""Pictures of the user's, and built-in scenes, that agreement is measured on."""


def halve(
    lowered: LoweredModel,
    calibration: Optional[Pictures] = None,
    images: int = 100,
    measure: Optional[Measure] = None,
) -> LoweredModel:
    """Make a program fit for ARM's kernels of half precision, and measure its agreement with float32.

    Args:
        lowered: in float32.
        calibration: pictures like those of use, as of `quantise`; None for the built-in scenes.
        images: how many of them to take at most, of which some are compared.
        measure: as of `quantise`.

    Returns:
        The same with its program rewritten and with `agreement`; that is None where the model does not say how pictures
        become its input, or has ops that are not simulated.

    Raises:
        InputError: a picture cannot be read; ARM would read weights of an op wrongly; or numbers of the network are
            beyond those of half precision.
        ToolError: opt failed, or the rewritten program computes something else.
    """
    program, done = legalize_for_half(lowered.program)
    tensor = describe_input(lowered.program)
    if done:
        batch = noise(tensor.shape, seed=0)
        expected = StaticGraph(lowered.program).run(batch)
        prove_rewritten(lowered.program, program, batch, expected, "--precision float32")
    halved = replace(lowered, program=program, passes={**lowered.passes, **done})
    if tensor.preprocessing is None:
        fused_for_half(program)
        return halved
    try:
        return replace(halved, agreement=(measure or _Compared(calibration, images))(lowered, halved))
    except NotSimulated:
        return halved


class SimulatedHalf:
    """A program made for half precision, and what ARM computes of it.

    Attributes:
        output: what it gives.

    Raises:
        InputError, ToolError: as of `fused_for_half`.
        NotSimulated: it has ops that are not known here.
    """

    def __init__(self, halved: LoweredModel):
        self.output = halved.output
        self._folder = halved.source.folder
        self._simulation = HalfSimulation(fused_for_half(halved.program))

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, float32 of the network's input shape.

        Raises:
            InputError: numbers of the network left what a half can hold; the message names the first op.
        """
        output = self._simulation.run(batch)
        if self._simulation.overflows:
            name, kind = next(iter(self._simulation.overflows.items()))
            raise InputError(
                f"{self._folder} cannot compute in half precision: on a picture the result '{name}' of {kind} is "
                f"beyond {LARGEST:g}; convert it with --precision float32"
            )
        return output


def fused_for_half(program: ExportedModel) -> OptimisedProgram:
    """What opt makes of a program for ARM in half precision.

    Raises:
        InputError: it has an op that would take numbers in float32 for halves.
        ToolError: opt failed.
    """
    with scratch_folder() as scratch:
        separated, _ = keep_apart(program)
        fused = optimised(*separated.save(scratch), scratch / "optimised", "arm", "fp16")
    misread = sorted({op.type for op in fused.misread_weights()})
    if misread:
        raise InputError(
            f"{program.folder} cannot compute in half precision: Paddle-Lite would read the float32 weights of "
            f"{', '.join(misread)} as halves; convert it with --precision float32"
        )
    if fused.shared_mixtures():
        raise InputError(
            f"{program.folder} cannot compute in half precision: Paddle-Lite's concat would turn into halves what "
            "others read in float32; convert it with --precision float32"
        )
    return fused



class _Compared:
    """Compares labels on pictures."""

    def __init__(self, calibration: Optional[Pictures], images: int):
        self._calibration, self._images = calibration, images

    def __call__(self, before: LoweredModel, after: LoweredModel) -> MeasuredAgreement:
        simulated = SimulatedHalf(after)
        return agreement_with(before, simulated.run, SIMULATION, self._calibration, self._images)


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
        calibration, images: as of `halve`.

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
