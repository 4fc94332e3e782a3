"""The program that opt makes of another one: its ops fused, each with the kernel that a phone will run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

import numpy as np
from google.protobuf.message import DecodeError

from ...errors import ToolError
from ...files import read_regular
from ..ir.params import read_params
from ..ir.program import OpDesc, ProgramDesc, get_attr, inputs_of, outputs_of
from .opt import run_opt_to_program

_MOST_BYTES = 1 << 28
_PRECISIONS = {"1": "float32", "2": "int8", "3": "int32", "4": "any", "5": "float16", "6": "bool", "7": "int64"}
"""PrecisionType of lite/api/paddle_place.h (release/v2.13)."""

_CONVERTED_BY_KERNEL = ("batch_norm",)
"""Ops whose kernels for half precision take their weights in float32 and convert them themselves."""


@dataclass(frozen=True)
class OptimisedProgram:
    """What opt made.

    Attributes:
        ops: in the order in which they run; `kernel_precision` tells what each computes in.
        params: arrays of the persistable variables by name.
    """

    ops: List[OpDesc]
    params: Dict[str, np.ndarray]

    def misread_weights(self) -> List[OpDesc]:
        """Ops that would take float32 weights for halves.

        The loader turns the weights into halves that opt's fp16_attribute_pass marked, and that pass knows some types
        of ops only (lite/core/optimizer/mir/fp16_attribute_pass.h, lite/api/light_api.cc, release/v2.13).
        """
        return [
            op
            for op in self.ops
            if kernel_precision(op) in ("float16", "any") and op.type not in _CONVERTED_BY_KERNEL
            if any(
                name in self.params and self.params[name].dtype == np.float32 and not get_attr(op, f"{name}_fp16")
                for name in inputs_of(op)
            )
        ]

    def shared_mixtures(self) -> List[OpDesc]:
        """`concat` ops that turn an input into halves, or back, which another op reads after them.

        They do so where the input lies (lite/kernels/arm/concat_compute.cc, release/v2.13).
        """
        found, precisions = [], {}
        for position, op in enumerate(self.ops):
            names = [name for name in inputs_of(op) if name in precisions]
            others = [name for name in names if precisions[name] != precisions[names[0]]]
            if op.type == "concat" and any(self._is_read_after(position, name) for name in others):
                found.append(op)
            own = kernel_precision(op)
            taken = precisions[names[0]] if names else "float32"
            precisions.update(dict.fromkeys(outputs_of(op), taken if own == "any" else own))
        return found

    def _is_read_after(self, position: int, name: str) -> bool:
        """Whether the value of a variable is read behind an op; names are used again for other values."""
        for op in self.ops[position + 1 :]:
            if name in inputs_of(op):
                return True
            if name in outputs_of(op):
                return False
        return False


def kernel_precision(op: OpDesc) -> str:
    """What the kernel that opt chose computes in: "float32", "float16" and so on; "any" where it only moves numbers."""
    parts = str(get_attr(op, "__@kernel_type_attr@__", "")).split("/")
    return _PRECISIONS.get(parts[3], "") if len(parts) > 3 else ""


def optimised(program: Path, params: Path, folder: Path, target: str, precision: str) -> OptimisedProgram:
    """Let opt write its program in Paddle's format, and read that.

    Args:
        program, params: as `ExportedModel.save` writes them.
        folder: to write to.
        target, precision: as of `run_opt`.

    Raises:
        ToolError: opt failed, or what it wrote cannot be read.
    """
    run_opt_to_program(program, params, folder, target, precision)
    description = ProgramDesc()
    try:
        description.ParseFromString(read_regular(folder / "model", _MOST_BYTES))
    except DecodeError as error:
        raise ToolError(f"paddle_lite_opt wrote a program that cannot be read: {error}") from error
    return OptimisedProgram(list(description.blocks[0].ops), read_params(folder / "params", description, False))
