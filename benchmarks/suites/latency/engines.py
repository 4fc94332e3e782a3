"""Whatever runs a network on this host, under one interface."""

from pathlib import Path
from typing import Optional

import paddle

from paddleseg_mobileseg.deploy.runtime import predictor as lite
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import Predictor
from paddleseg_mobileseg.errors import InputError

from .cases import CONVERTED, LatencyCase

_WORKER = Path(__file__).with_name("inference_worker.py")
_DEVICES = {
    "paddle-inference": "cpu",
    "paddle-inference-gpu": "gpu",
    "paddle-inference-tensorrt": "tensorrt",
}


def check_engine(name: str, clock: str) -> None:
    """Refuse what cannot run here, or cannot be timed so.

    Raises:
        InputError: the engine needs a graphics card, and this Paddle cannot use one; or the clock does not see the
            processor that it runs on.
    """
    if clock == "cpu" and name not in (*CONVERTED, "paddle-inference"):
        raise InputError(f"--clock cpu counts what this host's processor does, not what {name} runs on: omit it")
    if _DEVICES.get(name, "cpu") != "cpu" and not paddle.device.is_compiled_with_cuda():
        raise InputError(f"{name} needs paddlepaddle-gpu, and paddlepaddle is installed: install it, or choose another")


def open_predictor(case: LatencyCase, model: Path, core: Optional[int], clock: str) -> Predictor:
    """Load a model as its case says.

    Args:
        case: whose engine runs on this host.
        model: the file that `ModelFolder.model` names.
        core: the core to bind to; None leaves that to the system.
        clock: "wall" or "cpu", as of `Predictor`.

    Raises:
        InputError: the model is damaged.
        ToolError: the engine cannot load it.
    """
    if case.engine in CONVERTED:
        return CONVERTED[case.engine].load(model, core, clock, threads=case.threads)
    options = {"device": _DEVICES[case.engine], "worker": str(Path(lite.__file__).with_name("engine_worker.py"))}
    return Predictor(model, read_metadata(model), case.engine, _WORKER, core, clock, options)
