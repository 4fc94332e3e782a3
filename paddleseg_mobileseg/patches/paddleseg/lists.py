"""PaddleSeg's lists of files, which may be anybody's and name files of any bytes."""

import builtins
import os
import stat
import sys
from typing import Any

from ...errors import InputError
from ..patch import Patch, lookup, source_of

_MAX_BYTES = 1 << 28
"""Largest list: some million samples."""


def open_list(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    """`open` for PaddleSeg's modules; a text is read as names of files are, whatever bytes they are made of.

    Raises:
        InputError: it is no regular file, or too large for a list.
    """
    if mode != "r" or args or kwargs:
        return builtins.open(path, mode, *args, **kwargs)
    if isinstance(path, str) and os.path.exists(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"the list {path} is no regular file")
        if status.st_size > _MAX_BYTES:
            raise InputError(f"the list {path} has {status.st_size} bytes, more than the {_MAX_BYTES} that are read")
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    return builtins.open(path, mode, encoding=encoding, errors=errors)


def _reads_by_locale() -> bool:
    return "open(file_path, 'r')" in source_of(lookup("paddleseg.datasets.dataset", "Dataset").__init__)


def _read_as_names() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("paddleseg.datasets") or name == "paddleseg.utils.utils":
            module.open = open_list


NAMES_IN_LISTS = Patch(
    name="names_in_lists",
    what="a list with a file name that is not of the locale's encoding cannot be read, and one that is a FIFO or a "
    "device is read for ever",
    upstream="paddleseg/datasets/*.py and paddleseg/utils/utils.py, get_image_list: open(path, 'r')",
    detect=_reads_by_locale,
    apply=_read_as_names,
)

PATCHES = [NAMES_IN_LISTS]
