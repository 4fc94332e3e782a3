"""A program that opt made for half precision, run op by op on this host as its kernels on ARM round.

Modelled: weights and results of every kernel rounded to halves; sums in accumulators that are halves, in the order of
the kernels (convolutions, linear layers, products, pools, softmax); Winograd's transforms; and which ops fall back to
float32. Not modelled: the exponential as the polynomial that ARM computes it by, the order of a convolution's sums
where its channels are taken in groups, and sums that pass the largest half on their way and return.
"""

from collections import Counter
from typing import Dict, List

import numpy as np

from ....errors import ToolError
from ...ir.program import OpDesc, outputs_of
from ..optimised import OptimisedProgram, kernel_precision
from .kernels import KERNELS, Kernel

_RESULTS = ("Out", "Output", "Y")


class NotSimulated(ToolError):
    """A program has an op whose kernel for half precision is not known here."""


class HalfSimulation:
    """An optimised program that can be run.

    Attributes:
        overflows: ops whose result held infinity or NaN in some run, by the name of the result, with their type.

    Raises:
        NotSimulated: it has ops that are not known here.
    """

    def __init__(self, program: OptimisedProgram):
        self._program = program
        self.overflows: Dict[str, str] = {}
        unknown = Counter(op.type for op in program.ops if op.type not in (*KERNELS, "feed", "fetch"))
        if unknown:
            listing = ", ".join(f"{kind} ({count})" for kind, count in sorted(unknown.items()))
            raise NotSimulated(f"half precision cannot be simulated: what ARM computes for {listing} is not known here")

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, float32 of the network's input shape.

        Raises:
            NotSimulated: an op does what is not known here.
        """
        values: Dict[str, np.ndarray] = {}
        for op in self._program.ops:
            if op.type == "feed":
                values[outputs_of(op)[0]] = batch
            elif op.type == "fetch":
                return values[op.inputs[0].arguments[0]]
            else:
                self._run(op, values)
        raise ToolError("opt's program gives no output")

    def _run(self, op: OpDesc, values: Dict[str, np.ndarray]) -> None:
        params = self._program.params
        inputs = {
            slot.parameter: [values[name] if name in values else params[name] for name in slot.arguments]
            for slot in op.inputs
        }
        in_half = kernel_precision(op) == "float16"
        try:
            results = KERNELS[op.type](Kernel(op, inputs, in_half))
        except NotImplementedError as error:
            raise NotSimulated(f"half precision cannot be simulated: {error} is not known here") from error
        names = _result_names(op)
        for name, result in zip(names, results if isinstance(results, list) else [results]):
            values[name] = result
            if result.dtype.kind == "f" and not np.isfinite(result).all():
                self.overflows.setdefault(name, op.type)


def _result_names(op: OpDesc) -> List[str]:
    return [name for slot in _RESULTS for name in outputs_of(op, slot)]
