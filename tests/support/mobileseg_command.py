"""`mobileseg` as a user starts it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command, timeout=200, **environment):
    """`mobileseg` in a process of its own; the interpreter finds this checkout's package."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    command = [sys.executable, "-m", "paddleseg_mobileseg", *map(str, command)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)


def last_line(text):
    return text.strip().splitlines()[-1]
