"""What a signal leaves behind: no children, no scratch files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]

WORKING = """
import sys
from pathlib import Path
from paddleseg_mobileseg.command_line import exit_status
from paddleseg_mobileseg.files import scratch_folder
from paddleseg_mobileseg.processes.worker import Worker

CHILD = "import json, os, time; print(json.dumps({'pid': os.getpid()}), flush=True); time.sleep(3000)"

def work():
    with scratch_folder() as folder, Worker([sys.executable, "-c", CHILD], "the child", 300) as child:
        print(folder, child.greeting["pid"], flush=True)
        child.ask({}, 3000)

sys.exit(exit_status(work))
"""

READING = """
import sys, time
import paddleseg_mobileseg, paddle

class Samples(paddle.io.Dataset):
    def __len__(self):
        return 100
    def __getitem__(self, index):
        return paddle.zeros([3]).numpy()

batches = iter(paddle.io.DataLoader(Samples(), batch_size=2, num_workers=2))
next(batches)
if sys.argv[1:] != ["end"]:
    next(batches)  # of the other reader, which then is under way too
print(*(each.pid for each in batches._workers), flush=True)
if sys.argv[1:] == ["end"]:
    sys.exit()
time.sleep(3000)
"""


def started(code, *arguments):
    """A program in a group of its own, and the words of its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        start_new_session=True,
    )
    return process, process.stdout.readline().split()


def runs(pid):
    """Whether a process still does anything; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "number, status, said",
    [(signal.SIGTERM, 143, "error: ended by SIGTERM\n"), (signal.SIGINT, 130, "error: interrupted\n")],
)
def test_a_command_that_is_ended_leaves_neither_its_worker_nor_its_scratch_folder(number, status, said):
    process, (folder, child) = started(WORKING)
    assert os.path.isdir(folder) and runs(child)
    process.send_signal(number)
    assert process.communicate(timeout=120) == ("", said) and process.returncode == status
    assert not os.path.exists(folder)
    wait_until(lambda: not runs(child))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_readers_survive_signals_to_their_group_and_not_the_kill_of_their_parent():
    process, readers = started(READING)
    assert len(readers) == 2
    for number in (signal.SIGINT, signal.SIGTERM):
        for reader in readers:
            os.kill(int(reader), number)
    assert all(runs(reader) for reader in readers)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(runs(reader) for reader in readers))
    assert not [path for reader in readers for path in Path("/dev/shm").glob(f"paddle_{reader}_*")]


def test_readers_end_with_a_parent_that_ends_by_itself():
    process, readers = started(READING, "end")
    assert process.communicate(timeout=120)[1] == "" and process.returncode == 0
    wait_until(lambda: not any(runs(reader) for reader in readers))
