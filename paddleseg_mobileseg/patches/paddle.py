"""Paddle: programs that opt can read, readers that end with their error and their parent, processes that start."""

import functools
import gc
import glob
import os
import signal
import sys

from ..errors import MobilesegError
from ..processes.orphans import end_with_parent
from .patch import NotApplicable, Patch, TooLate, lookup, source_of

_READERS = "paddle.io.dataloader.dataloader_iter"


def _writes_json_programs() -> bool:
    return int(lookup("paddle", "__version__").split(".")[0]) >= 3


def _write_protobuf_programs() -> None:
    # `early.prepare` set the flag; Paddle reads it while it is being imported.
    if lookup("paddle", "framework.use_pir_api")():
        raise TooLate("import paddleseg_mobileseg before paddle, or set FLAGS_enable_pir_api=0")


JSON_PROGRAMS = Patch(
    name="json_programs",
    what="exported programs are .json files, which Paddle-Lite cannot read",
    upstream="Paddle 3, FLAGS_enable_pir_api (Paddle-Lite issue 10666)",
    detect=_writes_json_programs,
    apply=_write_protobuf_programs,
)


def _reader_dies_silently() -> bool:
    source = source_of(lookup(_READERS, "_DataLoaderIterSingleProcess._thread_loop"))
    fetching = source[source.find("_dataset_fetcher.fetch"):source.find("_flatten_batch")]
    return "_exit_thread_unexpectedly" not in fetching


def _raise_reader_errors() -> None:
    for name in ("_DataLoaderIterSingleProcess", "_DataLoaderIterMultiProcess"):
        _end_on_reader_error(lookup(_READERS, name))


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
            # The queue may be killed a moment before the thread has left its error.
            if self._thread is not None:
                self._thread.join(timeout=10)
            if getattr(self, "reader_error", None) is None:
                raise
        raise self.reader_error

    iterator._thread_loop, iterator.__next__ = _thread_loop, __next__


UNREADABLE_SAMPLE_HANGS = Patch(
    name="unreadable_sample_hangs",
    what="a sample that cannot be read hangs training for ever",
    upstream="paddle/io/dataloader/dataloader_iter.py, _thread_loop: an exception ends the reading thread only, and "
    "the loop waits for it; with worker processes it ends in an error of the queue that does not say why",
    detect=_reader_dies_silently,
    apply=_raise_reader_errors,
)


def _hides_worker_errors() -> bool:
    return bool(lookup(_READERS, "_WorkerException.reraise"))


def _carry_worker_errors() -> None:
    carrier = lookup(_READERS, "_WorkerException")
    pack, reraise = carrier.__init__, carrier.reraise

    @functools.wraps(pack)
    def packed(self, worker_id, exc_info=None):
        pack(self, worker_id, exc_info)
        error = (exc_info or sys.exc_info())[1]
        self.mobileseg_error = error if isinstance(error, MobilesegError) else None

    @functools.wraps(reraise)
    def reraised(self):
        if self.mobileseg_error is not None:
            raise self.mobileseg_error
        reraise(self)

    carrier.__init__, carrier.reraise = packed, reraised


WORKER_ERRORS = Patch(
    name="worker_errors",
    what="an error of this plugin in a worker process arrives inside the text of a traceback",
    upstream="paddle/io/dataloader/dataloader_iter.py, _WorkerException: carries a formatted traceback, not the error",
    detect=_hides_worker_errors,
    apply=_carry_worker_errors,
)


def _forks_with_garbage() -> bool:
    return callable(lookup(_READERS, "_DataLoaderIterMultiProcess._init_workers"))


def _fork_without_garbage() -> None:
    iterator = lookup(_READERS, "_DataLoaderIterMultiProcess")
    start = iterator._init_workers

    @functools.wraps(start)
    def _init_workers(self):
        gc.collect()
        # What is frozen when a process forks is never collected in the child.
        gc.freeze()
        try:
            start(self)
        finally:
            gc.unfreeze()

    iterator._init_workers = _init_workers


GARBAGE_OF_THE_PARENT = Patch(
    name="garbage_of_the_parent",
    what="a process that reads samples hangs when it collects an executor of the process that it was forked from",
    upstream="paddle/io/dataloader/dataloader_iter.py, _init_workers: forks with whatever garbage there is, and an "
    "executor's destructor waits for threads that only the parent has",
    detect=_forks_with_garbage,
    apply=_fork_without_garbage,
)


def _readers_outlive_their_parent() -> bool:
    if sys.platform != "linux":
        raise NotApplicable("the system tells no process of its parent's end")
    return "PDEATHSIG" not in source_of(lookup(_READERS, "_worker_loop"))


def _end_readers_with_their_parent() -> None:
    read, close = lookup(_READERS, "_worker_loop"), lookup("paddle.io.multiprocess_utils", "_cleanup_mmap")

    def clean_up() -> None:
        close()
        # What waits for a parent that was killed is nobody's.
        for path in glob.glob(f"/dev/shm/paddle_{os.getpid()}_*"):
            os.unlink(path)

    @functools.wraps(read)
    def _worker_loop(*args, **kwargs):
        end_with_parent(clean_up)
        read(*args, **kwargs)

    setattr(sys.modules[_READERS], "_worker_loop", _worker_loop)
    iterator = lookup(_READERS, "_DataLoaderIterMultiProcess")
    start = iterator._init_workers

    @functools.wraps(start)
    def _init_workers(self):
        # Paddle starts a thread of its own in each fork, before any line of Python: what it inherits must be blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            start(self)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    iterator._init_workers = _init_workers


READERS_OUTLIVE_PARENT = Patch(
    name="readers_outlive_parent",
    what="processes that read samples stay for ever after a kill, and end before the training that a signal lets save",
    upstream="paddle/io/dataloader/worker.py, _worker_loop: looks for its parent only when something is in its queue",
    detect=_readers_outlive_their_parent,
    apply=_end_readers_with_their_parent,
)


def _fleet_asks_for_labels() -> bool:
    from google.protobuf.descriptor import FieldDescriptor

    strategy = lookup("paddle.distributed.fleet.base.distributed_strategy", "DistributedStrategy")
    return not hasattr(FieldDescriptor, "label") and ".label ==" in source_of(sys.modules[strategy.__module__])


FLEET_WITHOUT_FIELD_LABELS = Patch(
    name="fleet_without_field_labels",
    what="training on several processes fails with this protobuf",
    upstream="paddle/distributed/fleet/base/distributed_strategy.py asks protobuf's fields for `label`, which "
    "protobuf 6 took away; they are a C type that takes no new attribute",
    detect=_fleet_asks_for_labels,
    advice="pip install 'protobuf<6'",
)

PATCHES = [
    JSON_PROGRAMS,
    UNREADABLE_SAMPLE_HANGS,
    WORKER_ERRORS,
    GARBAGE_OF_THE_PARENT,
    READERS_OUTLIVE_PARENT,
    FLEET_WITHOUT_FIELD_LABELS,
]
