"""What runs on this machine, and waiting for it."""

import os
import time
from pathlib import Path


def wait_until(condition, seconds=120):
    """For what must happen; the limit is for a machine that is busy with other things."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def children_named(name):
    """Process numbers of this process' own children of that name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue
        if f"({name})" in text and int(text.rpartition(")")[2].split()[1]) == os.getpid():
            found.append(int(folder.name))
    return found
