"""One quick demo as a user runs it, once for all workers: a trained network in every form that it can have."""

import subprocess
import sys

from support.folders import made_once

SEED = 3


def _run(folder):
    command = [sys.executable, "-m", "paddleseg_mobileseg", "demo", "--quick", "--seed", str(SEED), "--json"]
    done = subprocess.run([*command, "--output", str(folder / "out")], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    for name in ("stdout", "stderr"):
        (folder / name).write_text(getattr(done, name), encoding="utf-8")


def quick_demo():
    """A folder with what it wrote, `out`, and with what it said, `stdout` and `stderr`."""
    return made_once("quick_demo", _run)
