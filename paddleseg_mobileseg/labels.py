"""Label maps from low-resolution logits: interpolation and argmax in one, at a fraction of their cost.

The work is done by `deploy/cpp/include/mobileseg/upsample_labels.h`, compiled when the plugin is
installed. Where there was no compiler, NumPy gives the same labels, slowly.
"""

import sys
from typing import TYPE_CHECKING, Sequence, Tuple, Union

import numpy as np

from .errors import InputError

try:
    from . import _upsample_labels as _core
except ImportError:  # installed without a C++ compiler
    _core = None

if TYPE_CHECKING:
    import paddle

LAYOUTS = ("NCHW", "NHWC")
LOGIT_DTYPES = (np.dtype(np.float32), np.dtype(np.float16))
LABEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int32))

_LARGEST = np.float32(np.finfo(np.float32).max / 2)
_NAN = 3  # LabelStatus::kNan


def compiled() -> bool:
    """Whether the C++ core is installed; otherwise NumPy does the work."""
    return _core is not None


def core_file() -> str:
    """The compiled core, for a process that does not import the plugin."""
    return _core.__file__


def upsample_labels(
    logits: Union[np.ndarray, "paddle.Tensor"],
    size: Sequence[int],
    align_corners: bool = False,
    layout: str = "NCHW",
    dtype: "np.typing.DTypeLike" = np.int32,
    threads: int = 1,
) -> Union[np.ndarray, "paddle.Tensor"]:
    """The argmax over the classes of `logits` interpolated to `size`, ties going to the lowest class.

    Coordinates are those of Paddle's `bilinear_interp_v2` (`paddle.nn.functional.interpolate`, mode
    "bilinear"). Wherever the two best classes differ by more than 2**-23 of the largest magnitude among
    their four neighbouring logits the label is that of exact arithmetic; compared with float32
    interpolation, which rounds more often, the bound is 2**-20.

    Args:
        logits: float32 or float16: [N, C, h, w] or [C, h, w], with layout "NHWC" [N, h, w, C] or [h, w, C]. A
            C-contiguous array, or a Paddle tensor, which is copied to the host.
        size: height and width of the label map.
        align_corners: as `interpolate` takes it.
        layout: "NCHW" or "NHWC".
        dtype: of the labels: uint8, uint16 or int32.
        threads: how many to use; 1 is this thread alone.

    Returns:
        Labels [N, H, W], or [H, W] for logits without N: an array for an array, a tensor on the CPU for a tensor.

    Raises:
        InputError: an argument is of the wrong rank, dtype, size or memory order, there are more classes
            than `dtype` holds, or a logit is not a number.
    """
    dtype = _label_dtype(dtype)
    if _is_tensor(logits):
        if dtype == np.uint16:
            raise InputError("dtype: Paddle has no uint16; for a tensor choose uint8 or int32")
        labels = upsample_labels(logits.numpy(), size, align_corners, layout, dtype, threads)
        return sys.modules["paddle"].to_tensor(labels, place="cpu")
    height, width = _check(logits, size, layout, dtype, threads)
    batch = logits if logits.ndim == 4 else logits[np.newaxis]
    run = _core_labels if compiled() else _numpy_labels
    labels = np.empty((len(batch), height, width), dtype)
    for one, out in zip(batch, labels):
        if not run(one, out, align_corners, layout, threads):
            raise InputError("logits: some are not numbers (NaN); the network's output is broken")
    return labels if logits.ndim == 4 else labels[0]


def _is_tensor(value: object) -> bool:
    """Whether `value` is a Paddle tensor; where Paddle is not loaded there can be none."""
    return "paddle" in sys.modules and isinstance(value, sys.modules["paddle"].Tensor)


def _label_dtype(given: "np.typing.DTypeLike") -> np.dtype:
    try:
        dtype = np.dtype(given)
    except TypeError:
        dtype = None
    if dtype not in LABEL_DTYPES:
        raise InputError(f"dtype: must be uint8, uint16 or int32, not {given}")
    return dtype


def _check(logits: np.ndarray, size: Sequence[int], layout: str, dtype: np.dtype, threads: int) -> Tuple[int, int]:
    if layout not in LAYOUTS:
        raise InputError(f"layout: must be one of {', '.join(LAYOUTS)}, not {layout!r}")
    if not isinstance(logits, np.ndarray) or logits.ndim not in (3, 4):
        raise InputError(f"logits: must be an array of 3 or 4 axes ({layout}), not {_kind(logits)}")
    if logits.dtype not in LOGIT_DTYPES:
        raise InputError(f"logits: must be float32 or float16, not {logits.dtype}")
    if not logits.flags.c_contiguous:
        raise InputError("logits: must be C-contiguous; pass numpy.ascontiguousarray(logits)")
    if 0 in logits.shape:
        raise InputError(f"logits: no axis may be empty, the shape is {list(logits.shape)}")
    classes = logits.shape[-1 if layout == "NHWC" else -3]
    if classes - 1 > np.iinfo(dtype).max:
        raise InputError(f"dtype: {dtype} cannot hold the labels of {classes} classes; choose a wider one")
    sizes = list(size) if isinstance(size, (list, tuple, np.ndarray)) else []
    if len(sizes) != 2 or not all(isinstance(side, (int, np.integer)) and 0 < side < 2**31 for side in sizes):
        raise InputError(f"size: must be height and width, two whole numbers above 0, not {size!r}")
    if not isinstance(threads, (int, np.integer)) or threads < 1:
        raise InputError(f"threads: must be a whole number above 0, not {threads!r}")
    return int(sizes[0]), int(sizes[1])


def _kind(value: object) -> str:
    return f"one of {value.ndim}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _core_labels(logits: np.ndarray, out: np.ndarray, align_corners: bool, layout: str, threads: int) -> bool:
    classes, height, width = logits.shape if layout == "NCHW" else (logits.shape[2], *logits.shape[:2])
    status = _core.upsample_labels(
        logits, logits.itemsize, classes, height, width, layout == "NHWC",
        out, out.itemsize, *out.shape, bool(align_corners), int(threads),
    )
    if status not in (0, _NAN):
        raise AssertionError(f"upsample_labels refused checked arguments with status {status}")
    return status == 0


def interpolation_taps(in_size: int, out_size: int, align_corners: bool) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each sample of an axis: the two logits it lies between, and the second one's weight (float32)."""
    samples = np.arange(out_size)
    if align_corners:
        ratio = np.float32(in_size - 1) / np.float32(out_size - 1) if out_size > 1 else np.float32(0)
        position = ratio * samples.astype(np.float32)
    else:
        ratio = np.float32(in_size) / np.float32(out_size)
        position = ratio * (samples + 0.5).astype(np.float32) - np.float32(0.5)
    low = np.clip(position.astype(np.int64), 0, in_size - 1)
    weight = np.maximum(position, np.float32(0)) - low.astype(np.float32)
    return low, np.minimum(low + 1, in_size - 1), np.where(low + 1 < in_size, weight, np.float32(0))


def _mix(low: np.ndarray, high: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Float32 values mixed in float64, where the products are exact: the order of operations of the C++ core."""
    return low.astype(np.float64) * (np.float32(1) - weight) + high.astype(np.float64) * weight


def _numpy_labels(logits: np.ndarray, out: np.ndarray, align_corners: bool, layout: str, threads: int) -> bool:
    if np.isnan(logits).any():
        return False
    values = logits if layout == "NCHW" else logits.transpose(2, 0, 1)
    values = np.clip(values.astype(np.float32), -_LARGEST, _LARGEST)
    _, height, width = values.shape
    top, bottom, vertical = interpolation_taps(height, out.shape[0], align_corners)
    left, right, horizontal = interpolation_taps(width, out.shape[1], align_corners)
    vertical = vertical[:, np.newaxis]

    below, beside = np.minimum(np.arange(height) + 1, height - 1), np.minimum(np.arange(width) + 1, width - 1)
    corners = [values, values[:, below], values[:, :, beside], values[:, below][:, :, beside]]
    highest, lowest = np.maximum.reduce(corners), np.minimum.reduce(corners)
    can_win = highest >= lowest.max(axis=0)

    best = np.full(out.shape, -np.inf)
    for label, plane in enumerate(values):
        if not can_win[label].any():
            continue
        at_left = _mix(plane[top][:, left], plane[bottom][:, left], vertical).astype(np.float32)
        at_right = _mix(plane[top][:, right], plane[bottom][:, right], vertical).astype(np.float32)
        value = _mix(at_left, at_right, horizontal)
        better = (value > best) & can_win[label][top][:, left]
        out[better] = label
        best[better] = value[better]
    return True


def label_map_of(output: np.ndarray) -> np.ndarray:
    """Class numbers [N, H, W] of labels [N, H, W] or [N, 1, H, W], or of logits or probabilities [N, C, H, W]."""
    if output.dtype.kind == "f":
        return output.argmax(axis=1)
    return output.reshape(output.shape[0], *output.shape[-2:])
