"""Networks to run `mobileseg_bench` with, and the runs themselves."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import pytest

from support import bench_program
from support.bench_program import double_logits, double_model

WEIGHTS = np.random.default_rng(3).integers(-4, 5, (7, 3)).tolist()
BIAS = [0, 1, 0, -2, 3, 0, 1]
DOUBLE_SHAPE, REAL_SHAPE = (1, 3, 64, 96), (1, 3, 256, 256)

double_only = pytest.mark.usefixtures("double_library")
"""Of a test that tells the library how to behave, which the real one cannot be told."""


@dataclass
class Network:
    """A model, inputs for it, and what it gives for them."""

    nb: Path
    shape: Tuple[int, int, int, int]
    inputs: List[np.ndarray]
    files: List[Path]
    outputs: List[np.ndarray]

    @property
    def size(self) -> Tuple[int, int]:
        return self.shape[2:]

    def flags(self, inputs: int = 3) -> List[Any]:
        """What names the model and its first `inputs` inputs."""
        files = self.files[:inputs]
        shape = ",".join(map(str, self.shape))
        return ["--model", self.nb, "--input-shape", shape, *(part for file in files for part in ("--input", file))]


def save_inputs(folder: Path, inputs: Sequence[np.ndarray]) -> List[Path]:
    files = [folder / f"input_{i}.f32" for i in range(len(inputs))]
    for file, array in zip(files, inputs):
        array.astype("<f4").tofile(file)
    return files


def pooled_network(
    folder: Path, shape: Tuple[int, ...] = DOUBLE_SHAPE, count: int = 3, opt_version: str = "double", **behaviour: Any
) -> Network:
    """A model of the double. Inputs and weights are small whole numbers, so its arithmetic is exact."""
    random = np.random.default_rng(5)
    inputs = [random.integers(-8, 9, shape).astype(np.float32) for _ in range(count)]
    for i, array in enumerate(inputs):
        array[0, 0, 0, 0] = i
    nb = double_model(folder / "model.nb", WEIGHTS, BIAS, opt_version=opt_version, **behaviour)
    outputs = [double_logits(array, WEIGHTS, BIAS) for array in inputs]
    if "output" in behaviour:
        outputs = [output.argmax(1).repeat(8, 1).repeat(8, 2).astype(behaviour["output"]) for output in outputs]
    return Network(nb, shape, inputs, save_inputs(folder, inputs), outputs)


def converted_network(folder: Path, labels: str) -> Network:
    """PP-MobileSeg-Tiny for the real library; what it gives is what Paddle-Lite's Python package gives."""
    from paddleseg_mobileseg.deploy.convert import convert
    from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
    from support.exports import exported_network, scene

    nb = folder / "model.nb"
    convert(exported_network("pp_mobileseg_tiny", "logits", *REAL_SHAPE[2:]), nb, "x86", labels=labels)
    inputs = [
        (scene(seed, *REAL_SHAPE[2:]).transpose(2, 0, 1)[np.newaxis] / 64 - 2).astype(np.float32) for seed in (1, 2, 3)
    ]
    with LitePredictor(nb) as predictor:
        outputs = [predictor.run(array) for array in inputs]
    return Network(nb, REAL_SHAPE, inputs, save_inputs(folder, inputs), outputs)


def run(arch: str, *flags: Any) -> "subprocess.CompletedProcess[bytes]":
    """The program as a shell would run it: its exit status and what it printed."""
    return subprocess.run(
        bench_program.command(arch) + [str(flag) for flag in flags],
        capture_output=True,
        timeout=300,
    )


def record_of(arch: str, *flags: Any) -> Dict[str, Any]:
    """The JSON object of a run that must succeed."""
    done = run(arch, *flags)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 1

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(lines[0], parse_constant=refuse)


def exact(size: Sequence[int]) -> List[str]:
    """The flags for exact labels of `size`."""
    return ["--labels", "exact", "--label-size", "{},{}".format(*size)]


def written(flags: Sequence[Any], folder: Path, count: int) -> Tuple[List[Path], List[Any]]:
    """Result files for `count` inputs, and `flags` completed so that every input is run once and written there."""
    files = [folder / f"result_{i}" for i in range(count)]
    return files, [*flags, "--warmup", 0, "--repeats", 0, *(part for file in files for part in ("--output", file))]
