"""Whether Paddle-Lite computes right on this host: a sum of six numbers that are known, through opt and the predictor.

The module of its own wheel takes an input of NumPy 2 for zeros, and says nothing.
"""

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import List

import numpy as np

from ...errors import ToolError
from ...files import scratch_folder
from ...processes.worker import Worker
from ..ir.edit import new_op
from ..ir.exported import ExportedModel
from ..ir.program import TENSOR, BlockDesc, ProgramDesc, VarType, set_tensor, tensor_of
from .lite_wheel import require_library
from .opt import run_opt
from .predictor import ENGINE, HOST_TARGET, LITE_WORKER

_INPUT = np.float32([[[[0.5, -1.0, 2.25], [3.0, -4.75, 6.0]]]])
_ADDED = np.float32([[[[1.0, 2.0, -3.0], [0.125, 5.0, -6.5]]]])
_TIMEOUT = 60


@lru_cache(maxsize=None)
def check() -> None:
    """Add the two arrays with Paddle-Lite.

    Raises:
        InputError: there is no Paddle-Lite for this machine.
        ToolError: its library cannot be had, opt or the predictor failed, or the sum is wrong.
    """
    with scratch_folder() as folder:
        program, params = _sum().save(folder)
        run_opt(program, params, folder / "sum.nb", HOST_TARGET, "float32", "float32")
        np.save(folder / "input.npy", _INPUT)
        options = {"core": None, "clock": "wall", "label_maps": None, "library": str(require_library())}
        command = [sys.executable, str(LITE_WORKER), str(folder / "sum.nb"), json.dumps(options)]
        with Worker(command, ENGINE, _TIMEOUT) as worker:
            paths = {"input": str(folder / "input.npy"), "output": str(folder / "output.npy")}
            worker.ask({"do": "run", **paths}, _TIMEOUT)
        found, expected = np.load(folder / "output.npy"), _INPUT + _ADDED
    if found.shape != expected.shape or not np.array_equal(found, expected):
        raise ToolError(f"Paddle-Lite adds wrongly: {found.ravel().tolist()} instead of {expected.ravel().tolist()}")


def _sum() -> ExportedModel:
    program = ProgramDesc()
    block = program.blocks.add(idx=0, parent_idx=-1)
    for name, kind in (("feed", VarType.FEED_MINIBATCH), ("fetch", VarType.FETCH_LIST)):
        block.vars.add(name=name, persistable=True).type.type = kind
    for name in ("x", "added", "sum"):
        _add_tensor(block, name, list(_INPUT.shape), persistable=name == "added")
    block.ops.extend(
        [
            new_op("feed", {"X": ["feed"]}, {"Out": ["x"]}, col=0),
            new_op("elementwise_add", {"X": ["x"], "Y": ["added"]}, {"Out": ["sum"]}, axis=-1),
            new_op("fetch", {"X": ["sum"]}, {"Out": ["fetch"]}, col=0),
        ]
    )
    return ExportedModel(Path(), program, {"added": _ADDED}, None)


def _add_tensor(block: BlockDesc, name: str, dims: List[int], persistable: bool) -> None:
    var = block.vars.add(name=name, persistable=persistable)
    var.type.type = TENSOR
    tensor_of(var).data_type = VarType.FP32
    set_tensor(var, dims)
