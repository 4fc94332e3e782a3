"""A lowered model made right in half precision, and held against float32 by a simulation of what ARM computes."""

from dataclasses import replace
from typing import Optional

import numpy as np

from ..errors import InputError
from ..files import scratch_folder
from .calibration import Measure, Pictures, agreement_with
from .ir.exported import ExportedModel
from .ir.io_signature import describe_input
from .ir.static_graph import StaticGraph
from .lower import LoweredModel, prove_rewritten
from .passes.halves import legalize_for_half
from .passes.separations import keep_apart
from .runtime.half.rounding import LARGEST
from .runtime.half.simulation import HalfSimulation, NotSimulated
from .runtime.inputs import noise
from .runtime.optimised import OptimisedProgram, optimised

SIMULATION = "simulation of ARM's half precision"


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
        if measure:
            return replace(halved, agreement=measure(lowered, halved))
        simulated = SimulatedHalf(halved)
        return replace(halved, agreement=agreement_with(lowered, simulated.run, SIMULATION, calibration, images))
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
