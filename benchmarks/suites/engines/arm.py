"""The engines on 64-bit ARM: those with wheels in an emulated Python, Paddle-Lite in its own program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np

from paddleseg_mobileseg.deploy.runtime import engines as runtime
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.errors import InputError, ToolError

from ...emulated_arm.arm_python import ArmPython
from ...emulated_arm.label_map import build_label_map, count_label_map
from ...emulated_arm.paddle_lite import EmulatedLite, build_program, find_library
from ...emulated_arm.qemu import ARM_COMPILER, Emulator, missing_programs
from ..latency.cases import CONVERTED, PADDLE_LITE

WHEELS: Dict[str, Dict[str, int]] = {
    "onnxruntime": {"onnxruntime==1.31.1": 21, "flatbuffers==25.12.19": 1, "protobuf==7.36.2": 1},
    "litert": {"ai-edge-litert==2.3.0": 14, "flatbuffers==25.12.19": 1},
    "ncnn": {"ncnn==1.0.20261020": 5},
    "mnn": {"mnn==3.6.1": 17},
}
"""What each engine needs, with the megabytes to fetch. Versions are fixed: another takes other instructions."""


def arm_engines(lite_library: Optional[Path]) -> List[str]:
    """The engines, by the name in records, that there is something for: Paddle-Lite only where its library is named."""
    return [name for name in CONVERTED if name in WHEELS or find_library(lite_library) is not None]


def _worker(engine: str) -> Path:
    """The program that runs an engine's models here, and there."""
    return Path(runtime.__file__).with_name(CONVERTED[engine].worker)


@dataclass(frozen=True)
class CountedInference:
    """One inference with one thread.

    Attributes:
        labels: [1, H, W].
        network: instructions of the network, with its label map where the graph makes it.
        label_map: instructions of the exact label map; None where the graph makes it.
        version: of the engine.
    """

    labels: np.ndarray
    network: int
    label_map: Optional[int]
    version: str


class EnginesOnArm:
    """Engines that run models for 64-bit ARM and have their instructions counted.

    Args:
        engines: their names in records.
        lite_library: folder of Paddle-Lite for 64-bit ARM; the one of PADDLE_LITE_DIR if None.
        folder: an empty one for files.

    Raises:
        InputError: Paddle-Lite is asked for, and there is none for 64-bit ARM.
        ToolError: a program that this needs is not installed, or something could not be fetched or built.
    """

    def __init__(self, engines: Sequence[str], lite_library: Optional[Path], folder: Path):
        if missing_programs(ARM_COMPILER):
            raise ToolError(f"{ARM_COMPILER} not installed: type `apt-get install g++-aarch64-linux-gnu`")
        self._folder = folder
        self._emulator = Emulator(folder)
        self._label_map = build_label_map(folder)
        wheels = {name: size for engine in engines for name, size in WHEELS.get(engine, {}).items()}
        self._python = ArmPython(wheels)
        self._lite = self._lite_of(lite_library) if PADDLE_LITE in engines else None

    def _lite_of(self, named: Optional[Path]) -> EmulatedLite:
        library = find_library(named)
        if library is None:
            raise InputError(
                f"{named or 'PADDLE_LITE_DIR'} names no Paddle-Lite for 64-bit ARM, or cmake is not installed: give "
                "--lite-library its folder, or leave it out of --engines"
            )
        program = build_program(library, self._folder / "program")
        return EmulatedLite(program, self._emulator, self._folder, self._python.root)

    def count(self, engine: str, model: Path, batch: np.ndarray) -> CountedInference:
        """Run a model twice and count the second time.

        Args:
            engine: its name in records.
            model: with its JSON file beside it.
            batch: float32 of the network's input shape, of one image.

        Raises:
            InputError: the model is damaged.
            ToolError: the engine failed.
        """
        metadata = read_metadata(model)
        if engine == PADDLE_LITE:
            output, instructions = self._lite.run(model, batch)
            version = metadata.opt_version
        else:
            names = {"input": metadata.input.name, "output": metadata.output.name}
            options = {"threads": 1, "precision": metadata.precision, **names}
            output, instructions, version = self._python.count_inference(
                self._emulator, _worker(engine), model, options, batch, self._folder
            )
        if metadata.output.label_map != "exact":
            return CountedInference(metadata.output.labels(output), instructions, None, version)
        labels, label_map = count_label_map(
            self._emulator, self._label_map, self._python.root, output, metadata.output, self._folder,
            metadata.input.layout,
        )  # fmt: skip
        return CountedInference(labels, instructions, label_map, version)
