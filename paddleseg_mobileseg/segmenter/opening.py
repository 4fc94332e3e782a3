"""Opening a network by what a path is."""

from pathlib import Path
from typing import Optional, Sequence, Union

from paddleseg.cvlibs import Config

from ..deploy import ENGINES as CONVERTED_ENGINES
from ..deploy import FORMATS
from ..deploy.runtime.engines import find_engine
from ..errors import InputError, near
from .checkpoint import Checkpoint
from .exported import Converted, open_export
from .network import Network

ENGINES = ("paddle", *CONVERTED_ENGINES)
_ENGINES_OF = {
    "checkpoint": ("paddle",),
    "export": ENGINES,
    **{find_engine(name).format: (name,) for name in CONVERTED_ENGINES},
}
_FORMAT_OF = {suffix: name for name, suffix in FORMATS.items()}
_EXPORTED = ("deploy.yaml", "*.pdmodel", "*.pdiparams")
_OF_EXPORTS = (".pdmodel", ".pdiparams", ".json")


def kind_of(path: Union[str, Path]) -> str:
    """What a path is: "export", "checkpoint", or the format of a converted model, such as "nb".

    Raises:
        InputError: there is nothing.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no checkpoint, exported folder or converted model {path}")
    if path.is_dir():
        return "export" if any(any(path.glob(name)) for name in _EXPORTED) else "checkpoint"
    if path.suffix in _FORMAT_OF:
        return _FORMAT_OF[path.suffix]
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
            folder; or a converted model.
        config: of a checkpoint; None for the `config.yml` beside it or in the run's folder.
        engine: what runs it: "paddle" for checkpoints and exported folders; for an exported folder of fixed size,
            converted on the way, also "lite" (Paddle-Lite), "onnx" (ONNX Runtime), "litert", "ncnn" or "mnn", each but
            "lite" with its extra. A converted model runs in the one engine that it is for. None chooses the first that
            fits.
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
    if kind in FORMATS:
        return Converted(path)
    if kind == "export":
        return open_export(path if path.is_dir() else path.parent, engine, input_shape)
    return Checkpoint(path, config, device)


def _misfit(path: Path, kind: str, engine: str) -> str:
    if kind in FORMATS:
        (own,) = _ENGINES_OF[kind]
        return f"{path} is a model of {find_engine(own).title}, which runs in engine {own} alone, not {engine}"
    return f"{path} is a checkpoint, which runs in engine paddle alone; for {engine} export it with `mobileseg export`"
