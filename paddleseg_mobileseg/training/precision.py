"""Mixed precision: what the device can do of it, and bfloat16, which PaddleSeg's training knows nothing of."""

import functools
from contextlib import contextmanager
from typing import Iterator, Optional

import paddle

from ..errors import InputError

PRECISIONS = ("fp32", "fp16", "bf16")
_TYPES = {"fp16": "float16", "bf16": "bfloat16"}


def check_precision(precision: str, amp_level: str) -> Optional[str]:
    """Hold a precision against the device that Paddle computes on, which otherwise falls back on float32.

    Returns:
        What to say where it makes no difference; None where it does.

    Raises:
        InputError: the device cannot, or the precision has no such level.
    """
    if precision == "fp32":
        return None
    if precision == "bf16" and amp_level != "O1":
        raise InputError(f"--precision bf16 works with --amp_level O1 only, not {amp_level}")
    device, _, _ = paddle.get_device().partition(":")
    if device == "cpu":
        return f"warning: Paddle's mixed precision needs a GPU: on the CPU --precision {precision} trains in float32"
    if device == "gpu":
        known = {"fp16": paddle.amp.is_float16_supported, "bf16": paddle.amp.is_bfloat16_supported}[precision]()
    else:
        known = precision == "fp16"
    if not known:
        needs = "; it needs compute capability 7" if precision == "fp16" else "; it needs compute capability 8, CUDA 11"
        raise InputError(
            f"--precision {precision}: {paddle.get_device()} does not compute in {_TYPES[precision]}"
            f"{needs if device == 'gpu' else ''}; give --precision {'fp16 or fp32' if precision == 'bf16' else 'fp32'}"
        )
    return None


@contextmanager
def bfloat16() -> Iterator[None]:
    """Let mixed precision that is asked for without a type be of bfloat16, whose range needs no scaling of the loss."""
    casting, scaling = paddle.amp.auto_cast, paddle.amp.GradScaler
    paddle.amp.auto_cast = functools.partial(casting, dtype="bfloat16")
    paddle.amp.GradScaler = functools.partial(scaling, enable=False)
    try:
        yield
    finally:
        paddle.amp.auto_cast, paddle.amp.GradScaler = casting, scaling
