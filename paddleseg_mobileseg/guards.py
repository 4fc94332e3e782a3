"""Checks put in front of PaddleSeg's own functions, for its unmodified scripts as for this plugin's commands.

Where stock PaddleSeg goes on without a word (or never ends), these raise one error that says what to do.
"""

import functools
import importlib
import inspect
import os
import sys
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator, Optional

from .errors import InputError, MobilesegError, ToolError
from .files import atomic_path


def install() -> None:
    """Put every guard in place. `compat.apply` calls this once, after the faults are mended."""
    _guard_train()
    _guard_evaluate()
    _guard_worker_errors()
    _guard_weights()
    _guard_label_maps()


def _guard_train() -> None:
    from .compat import replace_everywhere

    train = importlib.import_module("paddleseg.core.train").train
    signature = inspect.signature(train)

    @functools.wraps(train)
    def guarded(*args: Any, **kwargs: Any):
        call = signature.bind(*args, **kwargs)
        call.apply_defaults()
        given = call.arguments
        check_several_processes()
        check_enough_samples(given["train_dataset"], given["batch_size"])
        check_save_dir(given["save_dir"])
        multilabel = (given["test_config"] or {}).get("use_multilabel", False)
        given["train_dataset"] = _checked(given["train_dataset"], "train_dataset", multilabel)
        with whole_checkpoints():
            return train(*call.args, **call.kwargs)

    replace_everywhere(train, guarded)


def _guard_evaluate() -> None:
    from .compat import replace_everywhere

    evaluate = importlib.import_module("paddleseg.core.val").evaluate
    signature = inspect.signature(evaluate)

    @functools.wraps(evaluate)
    def guarded(*args: Any, **kwargs: Any):
        call = signature.bind(*args, **kwargs)
        given = call.arguments
        if len(given["eval_dataset"]) == 0:
            raise InputError("val_dataset holds no samples; give it the list of the pictures to evaluate on")
        given["eval_dataset"] = _checked(
            given["eval_dataset"], "val_dataset", given.get("use_multilabel", False)
        )
        try:
            return evaluate(*call.args, **call.kwargs)
        except MobilesegError:
            print(file=sys.stderr)  # ends the line of the progress bar
            raise

    replace_everywhere(evaluate, guarded)


def _checked(dataset, role: str, multilabel: bool):
    from .datasets.samples import CheckedSamples

    return CheckedSamples(dataset, role, multilabel)


def check_several_processes() -> None:
    """Refuse to start several processes where they cannot work.

    Raises:
        ToolError: `paddle.distributed.fleet` does not work with the installed protobuf.
    """
    import paddle

    from . import compat

    fault = compat.found("fleet_without_field_labels")
    if paddle.distributed.ParallelEnv().nranks > 1 and fault.found:
        raise ToolError(f"{fault.what}: {fault.advice}, or train on one process")


def check_enough_samples(dataset, batch_size: int) -> None:
    """Refuse a data set that fills no batch: PaddleSeg drops incomplete ones, and would look for one for ever.

    Raises:
        InputError: there are fewer samples than one batch on each process takes.
    """
    import paddle

    nranks = paddle.distributed.ParallelEnv().nranks
    samples_of_rank = -(-len(dataset) // nranks)
    if samples_of_rank < batch_size:
        each = f" on each of {nranks} processes" if nranks > 1 else ""
        raise InputError(
            f"train_dataset has {len(dataset)} samples, too few for one batch of {batch_size}{each}; "
            "set a smaller --batch_size, or --repeats to go through them several times an epoch"
        )


def check_save_dir(path: str) -> None:
    """Refuse a folder that checkpoints cannot be written to, before training rather than after it.

    PaddleSeg would delete a file that has the folder's name.

    Raises:
        InputError: the path is a file, or nothing can be written there.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        raise InputError(f"--save_dir {path} is a file; give a folder")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder --save_dir {path}: {error.strerror}; choose another") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into --save_dir {path}: permission denied; choose another folder")


@contextmanager
def whole_checkpoints() -> Iterator[None]:
    """Let `paddle.save` write a file whole or not at all: a full disk must not leave half a checkpoint."""
    import paddle

    save = paddle.save

    def save_whole(content: Any, path: str, *args: Any, **kwargs: Any) -> None:
        try:
            with atomic_path(path) as scratch:
                save(content, str(scratch), *args, **kwargs)
        except InputError:
            with suppress(OSError):  # it holds other files
                os.rmdir(os.path.dirname(path))
            raise

    paddle.save = save_whole
    try:
        yield
    finally:
        paddle.save = save


def _guard_worker_errors() -> None:
    """Bring an error of this plugin out of a worker process as it is, not inside the text of a traceback."""
    from paddle.io.dataloader import dataloader_iter

    carrier = dataloader_iter._WorkerException
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


def _guard_weights() -> None:
    """Load a checkpoint into this plugin's networks whole or not at all, where PaddleSeg only warns."""
    from paddleseg.utils import utils

    from .compat import replace_everywhere

    stock: Callable = utils.load_entire_model

    @functools.wraps(stock)
    def guarded(model, pretrained: Optional[str]):
        from .distillation import MultiResolutionDistillation
        from .segmentor import MobileSegmentor
        from .weights import load_weights

        if pretrained is None or not isinstance(model, (MobileSegmentor, MultiResolutionDistillation)):
            return stock(model, pretrained)
        load_weights(model, pretrained)

    replace_everywhere(stock, guarded)


def _guard_label_maps() -> None:
    from paddleseg.deploy.export import WrappedModel

    wrap = WrappedModel.__init__

    @functools.wraps(wrap)
    def guarded(self, model, output_op):
        check_output_op(model, output_op)
        wrap(self, model, output_op)

    WrappedModel.__init__ = guarded


def check_output_op(model, output_op: str) -> None:
    """Refuse to append argmax or softmax, which want logits, to a network that exports a label map.

    Raises:
        InputError: the model's upsampling is VIM, and `output_op` is not "none".
    """
    from .distillation import MultiResolutionDistillation
    from .heads import VIM

    if output_op != "none" and isinstance(getattr(model, "upsample", None), VIM):
        network = "model.student" if isinstance(model, MultiResolutionDistillation) else "model"
        raise InputError(
            f"--output_op {output_op} would ruin the output: VIM already gives a label map when exported; "
            f"type --output_op none, or turn VIM off with --opts {network}.upsample.type=Bilinear"
        )
