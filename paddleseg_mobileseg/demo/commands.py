"""Running `mobileseg` commands as children: their logs go to files, their progress to this process."""

import re
import shutil
import sys
import sysconfig
from pathlib import Path

from ..errors import ToolError

_POLL_SECONDS = 0.2
_STOP_SECONDS = 20
_ERROR = re.compile(r"^error: (.+)$", re.MULTILINE)
_WORKER = re.compile(r"^launch proc_id:(\d+)", re.MULTILINE)


def mobileseg_script() -> Path:
    """The installed `mobileseg` command, as a file that paddle.distributed.launch can run.

    Raises:
        ToolError: it is not installed beside this Python.
    """
    found = shutil.which("mobileseg", path=sysconfig.get_path("scripts")) or shutil.which("mobileseg")
    if found is None:
        raise ToolError(f"the mobileseg command is not installed for {sys.executable}; `pip install -e .` installs it")
    return Path(found)


