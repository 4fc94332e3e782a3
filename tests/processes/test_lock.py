"""One training a folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.processes.lock import locked_folder

HOLDER = """
import os, sys, time
from pathlib import Path
from paddleseg_mobileseg.processes.lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    reader = os.fork()
    if reader == 0:
        time.sleep(3000)
    sys.stdout.write(f"{reader}\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has locked the folder, and the number of a reader that it forked then."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    reader = int(process.stdout.readline())
    yield process
    os.kill(reader, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        pipe.close()
    process.wait()


def test_a_second_training_is_refused_and_told_who_is_there(tmp_path, holder):
    with pytest.raises(InputError, match=f"{tmp_path} is in use: process {holder.pid} on .*; choose another"):
        with locked_folder(tmp_path):
            pass
    holder.stdin.close()
    holder.wait()
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_training_holds_no_lock_and_neither_do_its_readers(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".lock").is_file()
    with locked_folder(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()
