"""`mobileseg_bench` for the tests: built from deploy/cpp, once a run for each processor.

It is linked with the test double of Paddle-Lite in tests/cpp/paddle_lite_double, or with the real library if
PADDLE_LITE_DIR names an unpacked release for that processor and the test does not ask for the double.
"""

import os
import shutil
import struct
import subprocess
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import pytest

from paddleseg_mobileseg.data.preprocessing import Preprocessing
from support.folders import made_once

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "deploy" / "cpp"
DOUBLE = ROOT / "tests" / "cpp" / "paddle_lite_double"
LIBRARY = "libpaddle_light_api_shared.so"
COMPILERS = {"host": "g++", "aarch64": "aarch64-linux-gnu-g++"}
MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of an ELF file
SYSROOT = "/usr/aarch64-linux-gnu"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(
            f"{' and '.join(missing)} not installed: apt-get install cmake g++ g++-aarch64-linux-gnu qemu-user"
        )


def real_lite_dir(arch: str) -> Optional[Path]:
    """The folder of PADDLE_LITE_DIR if its library is for `arch`, else None."""
    if not os.environ.get("PADDLE_LITE_DIR"):
        return None
    folder = Path(os.environ["PADDLE_LITE_DIR"])
    if (folder / "cxx").is_dir():
        folder = folder / "cxx"
    with open(folder / "lib" / LIBRARY, "rb") as library:
        machine = MACHINES.get(struct.unpack("<H", library.read(20)[18:])[0])
    return folder if machine == ("aarch64" if arch == "aarch64" else os.uname().machine) else None


def _succeed(*command: Any) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@lru_cache(maxsize=None)
def double_lite_dir(arch: str) -> Path:
    """The double, built and laid out as an unpacked release of Paddle-Lite is."""
    need(COMPILERS[arch])

    def build(folder: Path) -> None:
        shutil.copytree(DOUBLE / "include", folder / "include")
        (folder / "lib").mkdir()
        _succeed(
            COMPILERS[arch], "-std=c++17", "-O2", "-ffp-contract=off", "-fPIC", "-shared", *WARNINGS,
            f"-I{DOUBLE / 'include'}", f"-Wl,-soname,{LIBRARY}", DOUBLE / "paddle_lite_double.cc",
            "-o", folder / "lib" / LIBRARY,
        )  # fmt: skip

    return made_once(f"lite-{arch}", build)


def lite_dir(arch: str) -> Path:
    return real_lite_dir(arch) or double_lite_dir(arch)


def build_program(arch: str) -> Path:
    """Build the program with CMake; the library lies beside it.

    Args:
        arch: "host" or "aarch64".
    """
    return _build(arch, lite_dir(arch))


@lru_cache(maxsize=None)
def _build(arch: str, lite: Path) -> Path:
    need("cmake", COMPILERS[arch])
    target = [f"-DCMAKE_CXX_COMPILER={COMPILERS[arch]}", f"-DPADDLE_LITE_DIR={lite}"]
    if arch == "aarch64":
        target += ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"]

    def build(folder: Path) -> None:
        _succeed("cmake", "-S", SOURCES, "-B", folder, f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}", *target)
        _succeed("cmake", "--build", folder, "--parallel", "2")
        shutil.copy(lite / "lib" / LIBRARY, folder / LIBRARY)

    library = "real" if lite == real_lite_dir(arch) else "double"
    return made_once(f"build-{arch}-{library}", build) / "mobileseg_bench"


def command(arch: str) -> List[str]:
    """How to start the program for `arch` on this machine."""
    program = str(build_program(arch))
    if arch == "host":
        return [program]
    need("qemu-aarch64")
    return ["qemu-aarch64", "-L", SYSROOT, program]


def double_model(
    path: Path,
    weights: Sequence[Sequence[float]],
    bias: Optional[Sequence[float]] = None,
    stride: int = 8,
    opt_version: str = "double",
    **behaviour: Any,
) -> Path:
    """Write a model for the double: logits = weights * (means over squares of `stride`) + bias.

    Args:
        weights: a row for each class, an element for each channel.
        bias: zeros if None.
        opt_version: what the header says made it.
        behaviour: further lines; see paddle_lite_double.cc: output="int32", version="v2.13-rc", spin_ms="5 0",
            clock_ms="5 1", nap=1, noise=1, trace=1, fault="abort 0".
    """
    weights = np.asarray(weights, np.float64)
    lines: Dict[str, Any] = {
        "stride": stride,
        "classes": len(weights),
        "weights": " ".join(map(repr, weights.ravel().tolist())),
        "bias": " ".join(map(repr, np.zeros(len(weights)).tolist() if bias is None else map(float, bias))),
        **behaviour,
    }
    header = struct.pack("<H16s", 2, opt_version.encode())
    path.write_bytes(header + "".join(f"{key} {value}\n" for key, value in lines.items()).encode())
    return path


def double_logits(
    batch: np.ndarray, weights: Sequence[Sequence[float]], bias: Optional[Sequence[float]] = None, stride: int = 8
) -> np.ndarray:
    """What the double gives for `batch` [N, C, H, W]: float32 [N, classes, H / stride, W / stride]."""
    images, channels, height, width = batch.shape
    rows, columns = height // stride, width // stride
    squares = batch[:, :, : rows * stride, : columns * stride].astype(np.float64)
    means = squares.reshape(images, channels, rows, stride, columns, stride).mean(axis=(3, 5))
    logits = np.einsum("kc,nchw->nkhw", np.asarray(weights, np.float64), means)
    offset = np.zeros(len(weights)) if bias is None else np.asarray(bias, np.float64)
    return (logits + offset[:, np.newaxis, np.newaxis]).astype(np.float32)


def save_image(path: Path, image: np.ndarray) -> Path:
    """The pixels as `--image` takes them."""
    path.write_bytes(np.ascontiguousarray(image, np.uint8).tobytes())
    return path


def preprocessing_flags(preprocessing: Preprocessing) -> List[str]:
    """The flags that say what `input.preprocessing` of a `.nb.json` does."""
    fields = asdict(preprocessing)
    flags = ["--padding-normalized"] if fields["padding_normalized"] else []
    for name in sorted(set(fields) - {"height", "width", "padding_normalized"}):
        value = fields[name]
        if value is not None:
            text = ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
            flags += [f"--{name.replace('_', '-')}", text]
    return flags
