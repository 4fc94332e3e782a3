"""Mending what is broken in the installed OpenCV, Paddle and PaddleSeg, and nothing else.

Each function here is named after the fault it mends. It looks for the fault itself (in the behaviour
or in the source, never only in a version) and leaves a healthy installation as it is. `apply` runs
them all before the rest of the plugin imports Paddle; `mobileseg doctor` prints what it returns.
"""

import ctypes
import functools
import importlib
import inspect
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, List, Optional


@dataclass(frozen=True)
class Fault:
    """One fault of the installation.

    Attributes:
        name: short and fixed, for programs.
        what: what goes wrong where it is not mended.
        found: whether this installation has it.
        mended: whether a shim is in place. False where there is nothing to mend.
        advice: what the user can do where a fault was found and could not be mended.
    """

    name: str
    what: str
    found: bool
    mended: bool
    advice: str = ""


_faults: Optional[List[Fault]] = None


def apply() -> List[Fault]:
    """Mend the faults of this installation, once; later calls return what the first one found."""
    global _faults
    if _faults is None:
        paddle_came_first = "paddle" in sys.modules
        if not paddle_came_first:
            # Paddle 3 reads this flag when it is imported.
            os.environ.setdefault("FLAGS_enable_pir_api", "0")
            _load_zlib()
        import cv2  # noqa: F401  must come before paddle, see zlib_of_paddle
        import paddle  # noqa: F401
        import paddleseg.core  # noqa: F401

        from . import guards, stock_networks

        _faults = [
            zlib_of_paddle(paddle_came_first),
            json_programs(),
            losses_without_dimension(),
            areas_without_dimension(),
            checkpoint_without_evaluation(),
            unreadable_sample_hangs(),
            fleet_without_field_labels(),
            stock_networks.repeated_parameter_names(),
            stock_networks.sizes_between_multiples(),
        ]
        guards.install()
        if paddle_came_first:
            for fault in _faults:
                if fault.found and not fault.mended and "before paddle" in fault.advice:
                    print(f"warning: {fault.what}: {fault.advice}", file=sys.stderr)
    return _faults


def found(name: str) -> Fault:
    """The fault called `name`."""
    return next(fault for fault in apply() if fault.name == name)


def replace_everywhere(old: Any, new: Any) -> None:
    """Put `new` in place of `old` in every module of PaddleSeg that has imported it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "paddleseg" and module is not None:
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)


def _mend_source(function: Callable, old: str, new: str) -> None:
    """Compile `function` again with one piece of its source replaced, for a fault in the middle of a long one.

    `new` must have as many lines as `old`: tracebacks go on pointing at the right lines of the file.
    """
    lines, first = inspect.getsourcelines(function)
    source = "\n" * (first - 1) + "".join(lines).replace(old, new)
    module = sys.modules[function.__module__]
    exec(compile(source, inspect.getsourcefile(function), "exec"), vars(module))
    replace_everywhere(function, vars(module)[function.__name__])


def _load_zlib() -> Optional[ctypes.CDLL]:
    try:
        return ctypes.CDLL("libz.so.1")
    except OSError:  # another operating system, or a Python that brings its own
        return None


# Two by two pixels; decoding it goes through inflateReset2.
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001249444154789c63601091d330b261e002530009aa019b5d8c024c0000000049454e44ae426082"
)


def _png_decodes() -> bool:
    """Whether OpenCV reads a PNG in this process; asked in a forked child, since it may crash."""
    import cv2
    import numpy as np

    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(0 if cv2.imdecode(np.frombuffer(_PNG, np.uint8), cv2.IMREAD_COLOR) is not None else 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def zlib_of_paddle(paddle_came_first: bool) -> Fault:
    """libpaddle.so exports a zlib of its own, which captures the inner calls of a libz loaded after it.

    libz.so.1 then runs half of one version and half of another, and OpenCV crashes on PNG files or
    returns None. Loading libz (or OpenCV, which does) before Paddle keeps the two apart; once Paddle is
    loaded there is no way back.
    """
    what = "reading a PNG fails or crashes when Paddle is imported before OpenCV"
    if paddle_came_first:
        broken = hasattr(os, "fork") and not _png_decodes()
        advice = "import paddleseg_mobileseg or cv2 before paddle" if broken else ""
        return Fault("zlib_of_paddle", what, found=broken, mended=False, advice=advice)
    exported = _exports_zlib()
    return Fault("zlib_of_paddle", what, found=exported, mended=exported)


def _exports_zlib() -> bool:
    """Whether libpaddle.so answers for a function of zlib with one of its own."""
    from paddle.base import core

    zlib, library = _load_zlib(), ctypes.CDLL(core.libpaddle.__file__)
    functions = [getattr(each, "inflateReset2", None) for each in (zlib, library)]
    return None not in functions and len({ctypes.cast(each, ctypes.c_void_p).value for each in functions}) == 2


def json_programs() -> Fault:
    """Paddle 3 saves programs as .json, which Paddle-Lite's opt cannot read, unless a flag is set in time."""
    import paddle

    use_pir_api = getattr(paddle.framework, "use_pir_api", lambda: False)
    newer = int(paddle.__version__.split(".")[0]) >= 3
    missed = newer and use_pir_api()
    return Fault(
        "json_programs",
        "exported programs are .json files, which Paddle-Lite cannot read",
        found=newer,
        mended=newer and not missed,
        advice="import paddleseg_mobileseg before paddle, or set FLAGS_enable_pir_api=0" if missed else "",
    )


def losses_without_dimension() -> Fault:
    """PaddleSeg 2.8.0 takes `l[0]` of each loss for its log line; losses are 0-D since Paddle 2.5."""
    train = importlib.import_module("paddleseg.core.train").train
    fault = "avg_loss_list = [l[0] / log_iters for l in avg_loss_list]"
    faulty = fault in inspect.getsource(train)
    if faulty:
        _mend_source(train, fault, fault.replace("l[0]", "float(l)"))
    return Fault(
        "losses_without_dimension", "training stops with IndexError at its first log line", found=faulty, mended=faulty
    )


def areas_without_dimension() -> Fault:
    """PaddleSeg 2.8.0 concatenates sums, which are 0-D since Paddle 2.5."""
    from paddleseg.utils import metrics

    faulty = "paddle.concat(pred_area)" in inspect.getsource(metrics.calculate_area)
    if faulty:
        replace_everywhere(metrics.calculate_area, _calculate_area)
    return Fault(
        "areas_without_dimension", "evaluation stops with ValueError at its first picture", found=faulty, mended=faulty
    )


def _calculate_area(pred, label, num_classes: int, ignore_index: int = 255):
    """Areas of each class, as PaddleSeg's function of this name gives them, by counting instead of comparing.

    Args:
        pred, label: integer tensors of the same shape, [N, 1, H, W] or [N, H, W].
        num_classes: classes to count.
        ignore_index: pixels of this label count for no prediction.

    Returns:
        Three int64 tensors [num_classes]: the intersection, the prediction's area, the label's area.

    Raises:
        ValueError: the shapes differ.
    """
    import paddle

    pred, label = (t.squeeze(1) if t.ndim == 4 else t for t in (pred, label))
    if pred.shape != label.shape:
        raise ValueError(f"the prediction is {pred.shape} and the label {label.shape}; they must be of one shape")
    pred, label = pred.flatten().astype("int64"), label.flatten().astype("int64")
    # What counts for no class goes into one more bin, which is cut off.
    rest = paddle.full_like(label, num_classes)
    pred = paddle.where((label != ignore_index) & (pred >= 0) & (pred < num_classes), pred, rest)
    label = paddle.where((label >= 0) & (label < num_classes), label, rest)
    hit = paddle.where(pred == label, pred, rest)
    return tuple(paddle.bincount(t, minlength=num_classes + 1)[:num_classes] for t in (hit, pred, label))


def checkpoint_without_evaluation() -> Fault:
    """PaddleSeg 2.9.1 writes the mIoU beside each checkpoint, also where nothing was evaluated."""
    train = importlib.import_module("paddleseg.core.train").train
    source = inspect.getsource(train)
    start = "    start_iter = 0\n"
    faulty = "'mIoU': mean_iou" in source and "mean_iou = None" not in source and source.count(start) == 1
    if faulty:
        _mend_source(train, start, start.rstrip() + "; mean_iou = acc = ema_mean_iou = ema_acc = None\n")
    return Fault(
        "checkpoint_without_evaluation",
        "training without --do_eval stops with UnboundLocalError at its first checkpoint",
        found=faulty,
        mended=faulty,
    )


def unreadable_sample_hangs() -> Fault:
    """An exception in the thread that reads samples ends that thread only; the loop waits for it for ever.

    With worker processes the loop does end, but with an error of the queue that does not say why.
    """
    from paddle.io.dataloader import dataloader_iter

    single = dataloader_iter._DataLoaderIterSingleProcess
    source = inspect.getsource(single._thread_loop)
    fetching = source[source.find("_dataset_fetcher.fetch"):source.find("_flatten_batch")]
    faulty = "_exit_thread_unexpectedly" not in fetching
    if faulty:
        _end_on_reader_error(single)
        _end_on_reader_error(dataloader_iter._DataLoaderIterMultiProcess)
    return Fault(
        "unreadable_sample_hangs", "a sample that cannot be read hangs training for ever", found=faulty, mended=faulty
    )


def _end_on_reader_error(iterator: type) -> None:
    """Let what went wrong in the reading thread of `iterator` be raised where the samples are asked for."""
    read, following = iterator._thread_loop, iterator.__next__

    @functools.wraps(read)
    def _thread_loop(self, place):
        try:
            read(self, place)
        except BaseException as error:
            self.reader_error = error
            self._exit_thread_unexpectedly()

    @functools.wraps(following)
    def __next__(self):
        try:
            return following(self)
        except SystemError:
            # The queue may be killed a moment before the thread has said why.
            if self._thread is not None:
                self._thread.join(timeout=10)
            if getattr(self, "reader_error", None) is None:
                raise
        raise self.reader_error

    iterator._thread_loop, iterator.__next__ = _thread_loop, __next__


def fleet_without_field_labels() -> Fault:
    """paddle.distributed.fleet asks protobuf's fields for `label`, which protobuf 6 took away.

    The fields are a C type, which takes no new attribute: this one cannot be mended from outside.
    """
    from google.protobuf.descriptor import FieldDescriptor
    from paddle.distributed.fleet.base import distributed_strategy

    faulty = not hasattr(FieldDescriptor, "label") and ".label ==" in inspect.getsource(distributed_strategy)
    return Fault(
        "fleet_without_field_labels",
        "training on several processes fails with this protobuf",
        found=faulty,
        mended=False,
        advice="pip install 'protobuf<6'" if faulty else "",
    )
