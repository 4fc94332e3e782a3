"""Opening a network by what a path is."""

from pathlib import Path
from typing import Optional, Sequence, Union

from paddleseg.cvlibs import Config

from ..errors import InputError, near
from .checkpoint import Checkpoint
from .exported import Converted, open_export
from .network import Network

ENGINES = ("paddle", "lite", "onnx")
_EXPORTED = ("deploy.yaml", "*.pdmodel", "*.pdiparams")
_OF_EXPORTS = (".pdmodel", ".pdiparams", ".json")
_ENGINES_OF = {"checkpoint": ("paddle",), "export": ENGINES, "nb": ("lite",)}


def kind_of(path: Union[str, Path]) -> str:
    """What a path is: "nb", "export" or "checkpoint".

    Raises:
        InputError: there is nothing.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no checkpoint, exported folder or .nb {path}")
    if path.is_dir():
        return "export" if any(any(path.glob(name)) for name in _EXPORTED) else "checkpoint"
    if path.suffix == ".nb":
        return "nb"
    return "export" if path.name == "deploy.yaml" or path.suffix in _OF_EXPORTS else "checkpoint"


def open_network(
    path: Union[str, Path],
    config: Union[str, Path, Config, None] = None,
    engine: Optional[str] = None,
    device: str = "cpu",
    input_shape: Optional[Sequence[int]] = None,
) -> Network:
    """A network that gives labels of images, from whatever it lies in.

    Args:
        path: a checkpoint, a folder that holds one, or the folder of a training run (its best checkpoint); an exported
            folder; or a `.nb`.
        config: of a checkpoint; None for the `config.yml` beside it or in the run's folder.
        engine: what runs it: "paddle" for checkpoints and exported folders; "lite", Paddle-Lite, for a `.nb` for x86
            and, converted on the way, for an exported folder of fixed size; "onnx", ONNX Runtime, for such a folder
            (it needs the extra "onnx"). None chooses the first that fits.
        device: of a checkpoint, as PaddleSeg calls it: "cpu", "gpu" and so on; the CPU where there is no such device.
            Everything else runs on the CPU.
        input_shape: N, C, H, W of the input of an exported folder without a fixed size, which then has one.

    Raises:
        InputError: it cannot be used, or not so.
        ToolError: a tool that was needed failed.
    """
    path = Path(path)
    kind = kind_of(path)
    if engine is not None and engine not in ENGINES:
        raise InputError(f"there is no engine '{engine}'{near(engine, ENGINES)}; choose from {', '.join(ENGINES)}")
    if engine is not None and engine not in _ENGINES_OF[kind]:
        raise InputError(_misfit(path, kind, engine))
    if kind == "nb":
        return Converted(path)
    if kind == "export":
        return open_export(path if path.is_dir() else path.parent, engine, input_shape)
    return Checkpoint(path, config, device)


def _misfit(path: Path, kind: str, engine: str) -> str:
    if kind == "nb":
        return f"{path} is a model of Paddle-Lite, which runs in engine lite alone, not {engine}"
    return f"{path} is a checkpoint, which runs in engine paddle alone; for {engine} export it with `mobileseg export`"
