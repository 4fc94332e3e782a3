"""What a command needs and this environment lacks, with the words that install it on this machine."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import List, Tuple

from .errors import InputError

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""There where the driver of NVIDIA is loaded, save under WSL."""

PADDLE_FOR_GPUS = (
    "paddlepaddle-gpu of the release and the CUDA that suit its driver, as "
    "https://github.com/PaddlePaddle/Paddle#installation says"
)
PADDLE_FOR_PROCESSORS = "pip install 'paddleseg_mobileseg[cpu]'"
PADDLESEG = "pip install --no-deps paddleseg"
"""Without its dependencies: it allows no OpenCV that NumPy 2 can load. This plugin brings what it needs."""

OPENCV = "pip install 'opencv-python>=4.10'"

_QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
_TIMEOUT = 30


def gpus() -> Tuple[Tuple[str, str], ...]:
    """The name and the driver's version of each NVIDIA GPU that nvidia-smi sees; none where it is not or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        done = subprocess.run([program, *_QUERY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    lines = done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
    rows = [[part.strip() for part in line.split(",")] for line in lines]
    return tuple((row[0], row[1]) for row in rows if len(row) == 2)


def has_nvidia_gpu() -> bool:
    """Whether there is a GPU that a Paddle for GPUs could use."""
    return NVIDIA_DRIVER.exists() or bool(gpus())


def how_to_get_paddle() -> str:
    """The distribution of Paddle for this machine, with the command that installs it."""
    if has_nvidia_gpu():
        return f"for this machine's NVIDIA GPU install {PADDLE_FOR_GPUS}; to do without it, {PADDLE_FOR_PROCESSORS}"
    return PADDLE_FOR_PROCESSORS


_NEEDED = (("paddle", "PaddlePaddle", how_to_get_paddle), ("paddleseg", "PaddleSeg", lambda: PADDLESEG))


def _absent() -> List[str]:
    return [package for package, _, _ in _NEEDED if importlib.util.find_spec(package) is None]


def lacking(error: ImportError) -> InputError:
    """What to say of a package that cannot be imported.

    Raises:
        ImportError: the error itself, where it is about something else.
    """
    if str(error.name).split(".")[0] in _absent():
        missing = {name: how_to_get() for package, name, how_to_get in _NEEDED if package in _absent()}
        are = "is" if len(missing) == 1 else "are"
        return InputError(f"{' and '.join(missing)} {are} not installed: {'; then '.join(missing.values())}")
    if "numpy.core.multiarray failed to import" in str(error):
        return InputError(f"OpenCV cannot be loaded, since it was built for NumPy 1 and NumPy 2 is here: {OPENCV}")
    raise error
