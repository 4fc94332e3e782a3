"""Running `mobileseg` commands as children: their logs go to files, their progress to this process."""

import shutil
import sys
import sysconfig
from pathlib import Path

from ..errors import ToolError


def mobileseg_script() -> Path:
    """The installed `mobileseg` command, as a file that paddle.distributed.launch can run.

    Raises:
        ToolError: it is not installed beside this Python.
    """
    found = shutil.which("mobileseg", path=sysconfig.get_path("scripts")) or shutil.which("mobileseg")
    if found is None:
        raise ToolError(f"the mobileseg command is not installed for {sys.executable}; `pip install -e .` installs it")
    return Path(found)
