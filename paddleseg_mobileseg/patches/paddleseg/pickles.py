"""Paddle's loading of checkpoints, which unpickles them: here their pickles are read as data."""

import functools
import io
import os
import pickle
import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, BinaryIO, Callable, Iterator, List

import paddle

from ...checkpoints.reader import TRUST, explained, plain_content, read_checkpoint
from ...checkpoints.safetensors_file import SUFFIX
from ...errors import InputError, shown
from ..patch import Patch, lookup, replace_everywhere

_MODULES = (
    "framework.io", "framework.io_utils", "static.io", "static.io_utils", "static.pir_io", "hapi.model",
    "jit.translated_layer", "jit.api",
)  # fmt: skip
"""Where Paddle unpickles files: paddle.load, what lies beside exported models, and the older ways to load."""

_WRITING = (
    "dump", "dumps", "Pickler", "dispatch_table", "PicklingError", "UnpicklingError", "HIGHEST_PROTOCOL",
    "DEFAULT_PROTOCOL",
)  # fmt: skip


class DataPickle:
    """Stands in a module for Python's `pickle`: it writes as that does, and reads plain data and arrays only."""

    def __getattr__(self, name: str) -> Any:
        if name not in _WRITING:
            raise AttributeError(f"Paddle may not use pickle.{name}: checkpoints are read as data")
        return getattr(pickle, name)

    def load(self, file: BinaryIO, **options: Any) -> Any:
        """The content of an open file.

        Raises:
            InputError: it is damaged, or not just data.
        """
        if os.environ.get(TRUST) == "1":
            return pickle.load(file, **options)
        name = getattr(file, "name", "in memory")
        try:
            with explained(name):
                start = file.tell()
                size = file.seek(0, os.SEEK_END) - start
                file.seek(start)
                content = plain_content(file, size)
                if isinstance(content, dict) and "UnpackBigParamInfor@@" in content:
                    raise InputError("it holds tensors of more than a gigabyte in parts")
                return content
        except InputError as error:
            raise InputError(f"{error} (if it is your own: {TRUST}=1 lets Paddle unpickle it)") from error

    def loads(self, data: bytes, **options: Any) -> Any:
        """The content of bytes; otherwise as `load`."""
        return self.load(io.BytesIO(data), **options)

    def Unpickler(self, file: BinaryIO, **options: Any) -> SimpleNamespace:
        """What has `load` without arguments; otherwise as `load`. Paddle 3 reads old static programs with it."""
        return SimpleNamespace(load=functools.partial(self.load, file, **options))


def _unpickles() -> bool:
    return lookup("paddle.framework.io", "pickle") is pickle


def _read_as_data() -> None:
    for name in _MODULES:
        module = sys.modules.get(f"paddle.{name}")
        if getattr(module, "pickle", None) is pickle:
            module.pickle = DataPickle()


UNPICKLING = Patch(
    name="unpickling",
    what="a checkpoint for any network, or an optimizer's state, can hold code that runs when it is loaded",
    upstream="paddle/framework/io.py, load: unpickles; so do paddleseg's load_pretrained_model, resume and backbones",
    detect=_unpickles,
    apply=_read_as_data,
)

Check = Callable[[Any, Any], None]
_checks: List[Check] = []


@contextmanager
def _checking(check: Check) -> Iterator[None]:
    """Let `check` see what `paddle.load` gives within the block, and from which path."""
    _checks.append(check)
    try:
        yield
    finally:
        _checks.remove(check)


def _stock_load() -> Any:
    return lookup("paddle.framework.io", "load")


def _load_checked() -> None:
    stock = _stock_load()

    @functools.wraps(stock)
    def load(path: Any, **configs: Any) -> Any:
        source = path
        if isinstance(path, str) and path.endswith(SUFFIX):
            source = io.BytesIO(pickle.dumps(read_checkpoint(path), protocol=4))
        try:
            content = stock(source, **configs)
        except (LookupError, TypeError, AttributeError, NotImplementedError) as error:
            # Paddle's search for tensors in what is plain data and no table of them.
            raise InputError(f"checkpoint {path} is no table of tensors by name ({shown(error, 200)})") from error
        for check in _checks:
            check(content, path)
        return content

    replace_everywhere(stock, load, packages=("paddle", "paddleseg"))
    for name, check in (("load_pretrained_model", _check_some_fit), ("resume", _check_resumed)):
        _check_within(lookup("paddleseg.utils.utils", name), check)


def _check_within(stock: Callable, check: Callable[[paddle.nn.Layer, Any, Any], None]) -> None:
    @functools.wraps(stock)
    def guarded(model: paddle.nn.Layer, *args: Any, **options: Any) -> Any:
        with _checking(functools.partial(check, model)):
            return stock(model, *args, **options)

    replace_everywhere(stock, guarded)


def _check_table(content: Any, path: Any) -> None:
    if not isinstance(content, dict):
        raise InputError(f"checkpoint {path} holds a {type(content).__name__}, not a table of tensors by name")


def _check_some_fit(model: paddle.nn.Layer, content: Any, path: Any) -> None:
    _check_table(content, path)
    own = model.state_dict()
    if own and not any(list(getattr(content.get(name), "shape", ())) == value.shape for name, value in own.items()):
        raise InputError(
            f"checkpoint {path} has no tensor of the names and shapes of {type(model).__name__}, such as "
            f"{next(iter(own))}; choose the checkpoint of this network"
        )


def _check_resumed(model: paddle.nn.Layer, content: Any, path: Any) -> None:
    if str(path).endswith(".pdopt"):
        _check_table(content, path)
    else:
        _check_some_fit(model, content, path)


NOTHING_FITS = Patch(
    name="nothing_fits",
    what="a checkpoint of which nothing fits is passed over with warnings: training goes on from random weights, and "
    "no network of PaddleSeg's loads a .safetensors file",
    upstream="paddleseg/utils/utils.py, load_pretrained_model and resume",
    detect=lambda: callable(_stock_load()),
    apply=_load_checked,
)

PATCHES = [UNPICKLING, NOTHING_FITS]
