"""A fresh interpreter that reads case after case, told on standard input which; run as a module with its folder.

Each line in is JSON: kind, seed, case and limits. Each line out is JSON too: one when a case begins, one when it has
ended. What Paddle and others print goes to a log beside.
"""

import faulthandler
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .case import Files, Kind, make_case, write_files
from .guard import Guard
from .judge import Verdict, judge
from .kinds import load

_HONEST_AGAIN = 20
"""After so many cases the honest file is read once more."""


def status(field: str) -> int:
    """A size of this process in bytes, by its name in /proc."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


class Reader:
    """Reads cases in a folder of its own.

    Args:
        folder: with "trap", the working folder, in which nothing may appear, and "tmp" for temporary files.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.trap, self.place = folder / "trap", folder / "case"
        self.guard = Guard(folder)
        self.kinds: Dict[str, Kind] = {}
        self.case = 0

    def prepare(self, kind: str, seed: int, case: int) -> Dict[str, Any]:
        """Make a case. The first of a kind loads it, and reads its honest file, so that no limit is spent on that."""
        if kind not in self.kinds:
            self.kinds[kind] = load(kind)
            self._read_honest(self.kinds[kind])
            # What was loaded stays: each later collection looks at what a case left only.
            gc.collect()
            gc.freeze()
        self.case = case
        what, files = make_case(self.kinds[kind], kind, seed, case)
        self._lay(files)
        return {"what": what}

    def read(self, kind: str, memory: int, seconds: int) -> Dict[str, Any]:
        """Read the case that was made, and say how that ended."""
        reader = self.kinds[kind]
        gc.collect()
        base = status("VmRSS")
        _forget_peak()
        resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + memory, resource.RLIM_INFINITY))
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = int(used.ru_utime + used.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))
        start = time.perf_counter()
        error, seen = self._attempt(reader)
        took, peak = time.perf_counter() - start, max(0, status("VmHWM") - base)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        # Only now: what is said of an error takes memory too.
        verdict = Verdict("side effect", "; ".join(seen)[:500]) if seen else judge(reader, error, self.place)
        if self.case % _HONEST_AGAIN == _HONEST_AGAIN - 1:
            changed = self._read_honest(reader)
            if changed is not None:
                verdict = Verdict("wrong", f"after it, or the cases before, the honest file ends in {changed!r:.300}")
        return {
            "outcome": verdict.outcome,
            "detail": verdict.detail,
            "seconds": took,
            "peak_bytes": peak,
        }

    def _read_honest(self, kind: Kind) -> Optional[BaseException]:
        """What the honest file raises now: no case may change how others are read later in the process."""
        self._lay(kind.honest())
        return self._attempt(kind)[0]

    def _lay(self, files: Files) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        write_files(files, self.place)

    def _attempt(self, kind: Kind) -> Tuple[Optional[BaseException], List[str]]:
        """What reading the files raised, and the side effects that it had."""
        error: Optional[BaseException] = None
        self.guard.watch(kind.starts_programs)
        try:
            kind.attempt(self.place)
        except BaseException as raised:  # a damaged file may end in SystemExit too
            error = raised
        seen = self.guard.stop()
        seen += [f"{entry.name} appeared" for entry in self.trap.iterdir()]
        for entry in self.trap.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return error, seen


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    # Asked so, a child that hangs writes to its log where.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    reader = Reader(folder)

    def answer(content: Dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        try:
            kind, memory, seconds = (request.pop(name) for name in ("kind", "memory", "seconds"))
            answer(reader.prepare(kind, **request))
            answer(reader.read(kind, memory, seconds))
        except BaseException as error:
            # The campaign's own fault, and none of what it tries.
            answer({"broken": f"{type(error).__name__}: {error}"})
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
