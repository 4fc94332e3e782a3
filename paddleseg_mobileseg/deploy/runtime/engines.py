"""The engines that run a converted model on this host: what each needs, and how it is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple, Union

from ...errors import InputError, near
from .lite_wheel import PADDLELITE, find_library, require_library
from .metadata import Metadata, read_metadata
from .packages import LITERT, MNN, NCNN, ONNXRUNTIME, Package, require_packages
from .predictor import ENGINE, LitePredictor, Predictor


@dataclass(frozen=True)
class Engine:
    """What runs networks, each in a child process of its own.

    Attributes:
        name: one of `ENGINES`.
        title: what people call it.
        recorded: what records call it.
        format: one of `FORMATS`, which it runs.
        worker: the program beside this file that runs it.
        packages: that it needs.
    """

    name: str
    title: str
    recorded: str
    format: str
    worker: str
    packages: Tuple[Package, ...] = ()

    def require(self) -> None:
        """Make sure that it can be used.

        Raises:
            InputError: a package is not installed.
            ToolError: what it needs cannot be had.
        """
        require_packages(self.packages, f"engine {self.name}")

    def version(self) -> Optional[str]:
        """Of what is installed; None where it is not."""
        return self.packages[0].version()

    def load(
        self,
        model: Union[str, Path],
        core: Optional[int] = None,
        clock: str = "wall",
        label_maps: bool = True,
        threads: int = 1,
        interpreter: Optional[Sequence[str]] = None,
    ) -> Predictor:
        """A model of its format, with the JSON file beside it, ready to `run` and to `time`.

        Args:
            model: the file.
            core, clock, label_maps, threads, interpreter: as of `Predictor`.

        Raises:
            InputError: the engine is not installed, or the model is missing, damaged, or for something else.
            ToolError: the engine cannot load it.
        """
        metadata = self._described(model)
        if interpreter is None:
            self.require()
        running = dict(core=core, clock=clock, label_maps=label_maps, threads=threads)
        return self._predictor(Path(model), metadata, interpreter, running)

    def _predictor(
        self, model: Path, metadata: Metadata, interpreter: Optional[Sequence[str]], running: Dict[str, Any]
    ) -> Predictor:
        worker = Path(__file__).with_name(self.worker)
        names = {"input": metadata.input.name, "output": metadata.output.name}
        options = {"precision": metadata.precision, **names}
        return Predictor(model, metadata, self.recorded, worker, options=options, interpreter=interpreter, **running)

    def _described(self, model: Union[str, Path]) -> Metadata:
        metadata = read_metadata(model)
        if metadata.format != self.format:
            raise InputError(f"{model} is a model of format {metadata.format}, and {self.title} runs {self.format}")
        return metadata

    def describe(self) -> Dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "title": self.title, "format": self.format, "version": self.version()}


class PaddleLite(Engine):
    """The engine of `.nb` files, whose library comes without its Python module."""

    def require(self) -> None:
        require_library()

    def version(self) -> Optional[str]:
        return PADDLELITE if find_library() is not None else None

    def _predictor(
        self, model: Path, metadata: Metadata, interpreter: Optional[Sequence[str]], running: Dict[str, Any]
    ) -> Predictor:
        if interpreter is not None:
            raise InputError("Paddle-Lite's library runs in this Python alone: it exists for Linux x86_64 only")
        return LitePredictor(model, **running)


_ALL = (
    PaddleLite("lite", "Paddle-Lite", ENGINE, "nb", "lite_worker.py"),
    Engine("onnx", "ONNX Runtime", "onnxruntime", "onnx", "onnx_worker.py", (ONNXRUNTIME,)),
    Engine("litert", "LiteRT", "litert", "tflite", "litert_worker.py", (LITERT,)),
    Engine("ncnn", "ncnn", "ncnn", "ncnn", "ncnn_worker.py", (NCNN,)),
    Engine("mnn", "MNN", "mnn", "mnn", "mnn_worker.py", (MNN,)),
)

ENGINES_BY_NAME = {engine.name: engine for engine in _ALL}
"""In the order of `ENGINES`."""

_OF_FORMAT = {engine.format: engine for engine in _ALL}


def find_engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        InputError: there is none.
    """
    if name not in ENGINES_BY_NAME:
        names = ", ".join(ENGINES_BY_NAME)
        raise InputError(f"there is no engine '{name}'{near(name, ENGINES_BY_NAME)}; choose from {names}")
    return ENGINES_BY_NAME[name]


def engine_of(metadata: Metadata) -> Engine:
    """What runs a converted model."""
    return _OF_FORMAT[metadata.format]


def load_model(model: Union[str, Path], **options: Any) -> Predictor:
    """A converted model in the engine that its JSON file names; `options` as of `Engine.load`.

    Raises:
        InputError, ToolError: as of `Engine.load`.
    """
    return engine_of(read_metadata(model)).load(model, **options)
