"""The GPUs of this machine, and what the installed Paddle can do with them."""

from types import ModuleType
from typing import List, Optional, Tuple

from ..installation import NVIDIA_DRIVER, PADDLE_FOR_GPUS, gpus
from .finding import BROKEN, MISSING, NOT_APPLICABLE, OK, Finding

_FOR_PROCESSORS = "Paddle is built for processors only"
_LIBRARIES = (("CUDA", "cuda"), ("cuDNN", "cudnn"), ("NCCL", "nccl"))
"""By the functions of paddle.version; those before 3.0 have no nccl."""


def machine() -> List[Finding]:
    """Rows for the GPUs and their driver, as nvidia-smi tells them."""
    found = gpus()
    if found:
        names = "; ".join(name for name, _ in found)
        return [Finding("GPUs", OK, names), Finding("NVIDIA driver", OK, found[0][1])]
    if NVIDIA_DRIVER.exists():
        return [Finding("GPUs", MISSING, "the driver is loaded, and nvidia-smi sees none or is not here")]
    return [Finding("GPUs", NOT_APPLICABLE, "none by NVIDIA")]


def of_paddle(paddle: ModuleType) -> List[Finding]:
    """Rows for the libraries that the loaded Paddle was built with, and whether it finds the machine's GPUs."""
    if not paddle.is_compiled_with_cuda():
        return [_processors_only(bool(gpus()))]
    rows = [Finding(title, OK, _built_with(paddle, name) or "not told") for title, name in _LIBRARIES]
    return [*rows, _seen(paddle, len(gpus()))]


def _processors_only(there_are_gpus: bool) -> Finding:
    if not there_are_gpus:
        return Finding("CUDA", NOT_APPLICABLE, _FOR_PROCESSORS)
    advice = f"pip uninstall -y paddlepaddle, then {PADDLE_FOR_GPUS}"
    return Finding("CUDA", MISSING, f"{_FOR_PROCESSORS}, and the GPUs stay unused", advice)


def _built_with(paddle: ModuleType, name: str) -> Optional[str]:
    told = getattr(paddle.version, name, None)
    version = str(told()) if told is not None else ""
    return None if version in ("", "0", "False") else version


def _seen(paddle: ModuleType, count: int) -> Finding:
    seen, detail = _count(paddle)
    if seen:
        return Finding("GPUs of Paddle", OK, f"sees {seen}")
    if not count:
        return Finding("GPUs of Paddle", MISSING, "Paddle is built for GPUs, and none is here: it uses the processor")
    advice = f"is the driver older than Paddle's CUDA? Install {PADDLE_FOR_GPUS}"
    return Finding("GPUs of Paddle", BROKEN, f"Paddle sees none of the {count} of this machine{detail}", advice)


def _count(paddle: ModuleType) -> Tuple[int, str]:
    try:
        return paddle.device.cuda.device_count(), ""
    except Exception as error:  # whatever a driver that does not fit makes of it
        return 0, f" ({type(error).__name__}: {error})"
