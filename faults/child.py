"""A fresh interpreter that reads case after case, told on standard input which; run as a module with its folder.

Each line in is JSON: kind, seed, case and limits. Each line out is JSON too: one when a case begins, one when it has
ended. What Paddle and others print goes to a log beside.
"""

import gc
import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Dict, Optional

from .case import Kind, make_case, write_files
from .guard import Guard
from .judge import Verdict, judge
from .kinds import load


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
        self.trap = folder / "trap"
        self.guard = Guard(folder)
        self.kinds: Dict[str, Kind] = {}

    def prepare(self, name: str) -> Dict[str, Any]:
        """Load a kind. Its honest file is read once, so that nothing is loaded within a limit."""
        if name not in self.kinds:
            self.kinds[name] = load(name)
            self._attempt(self.kinds[name], self.kinds[name].honest())
        return {}

    def read(self, kind: str, seed: int, case: int, memory: int, seconds: int) -> Dict[str, Any]:
        """One case, as the line that tells of it."""
        reader = self.kinds[kind]
        what, files = make_case(reader, kind, seed, case)
        gc.collect()
        base = status("VmRSS")
        _forget_peak()
        resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + memory, resource.RLIM_INFINITY))
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = int(used.ru_utime + used.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))
        start = time.perf_counter()
        verdict = self._attempt(reader, files)
        took = time.perf_counter() - start
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return {
            "what": what,
            "outcome": verdict.outcome,
            "detail": verdict.detail,
            "seconds": took,
            "peak_bytes": max(0, status("VmHWM") - base),
        }

    def _attempt(self, kind: Kind, files: Dict[str, Any]) -> Verdict:
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        write_files(files, place)
        error: Optional[BaseException] = None
        self.guard.watch(kind.starts_programs)
        try:
            kind.attempt(place)
        except BaseException as raised:  # a damaged file may end in SystemExit too
            error = raised
        seen = self.guard.stop()
        seen += [f"{entry.name} appeared" for entry in self.trap.iterdir()]
        for entry in self.trap.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return Verdict("side effect", "; ".join(seen)[:500]) if seen else judge(kind, error, place)


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    reader = Reader(folder)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            for step in (lambda: reader.prepare(request["kind"]), lambda: reader.read(**request)):
                answers.write(json.dumps(step()) + "\n")
                answers.flush()
        except BaseException as error:
            # The campaign's own fault, and none of what it tries.
            answers.write(json.dumps({"broken": f"{type(error).__name__}: {error}"}) + "\n")
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
