"""Commands in an environment, run by one process of it that has imported everything."""

import json
import os
import subprocess
from pathlib import Path
from typing import List, Optional

from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.processes.tool import child_environment, end_of, last_words

from .environments import ROOT, Environment

_SECONDS = 400
"""After which a command is stopped."""


class Server:
    """Started with the first command.

    Args:
        environment: whose Python it is.
        folder: for what commands write.
        package: the checkout whose PaddleSeg is imported instead of the environment's.
    """

    def __init__(self, environment: Environment, folder: Path, package: Optional[Path] = None):
        self.environment = environment
        self._files = {name: folder / f"{name}.txt" for name in ("stdout", "stderr", "server")}
        paths = [str(path) for path in (package, ROOT, ROOT / "tests") if path]
        self._variables = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        self._process: Optional[subprocess.Popen] = None

    def run(self, command: List[str], log: Path) -> str:
        """What a command prints; all that it wrote is appended to the log.

        Raises:
            ToolError: it failed, in one line of its own words, or took too long.
        """
        if self._process is None:
            self._process = self._start()
        files = {name: str(self._files[name]) for name in ("stdout", "stderr")}
        answer = self._ask(json.dumps({"arguments": command, "seconds": _SECONDS, **files}))
        stdout, stderr = (self._files[name].read_text(encoding="utf-8", errors="replace") for name in files)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n{stdout}{stderr}\n")
        status = json.loads(answer)["status"]
        if status is None:
            raise ToolError(f"{command[0]} did not end within {_SECONDS} s")
        if status != 0:
            errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
            raise ToolError(errors[-1][7:] if errors else f"{command[0]} {end_of(status)}: {last_words(stderr)}")
        return stdout

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen:
        with open(self._files["server"], "wb") as errors:
            process = subprocess.Popen(
                [str(self.environment.python), "-m", "versions.probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, encoding="utf-8", env=child_environment(self._variables),
                cwd=self._files["server"].parent,
            )
        if process.stdout.readline() != "ready\n":
            words = self._files["server"].read_text(encoding="utf-8", errors="replace")
            raise ToolError(f"importing {end_of(process.wait())}: {last_words(words)}")
        return process

    def _ask(self, request: str) -> str:
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            status = self._process.wait()
            self._process = None
            raise ToolError(f"the process that runs commands {end_of(status)}")
        return answer
