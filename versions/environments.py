"""Environments: one for each set of packages, kept for the next run."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import List

from paddleseg_mobileseg.errors import InputError, ToolError
from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.processes.tool import end_of, last_words, run_to_end

from .combinations import REGISTRY_PADDLESEG, Combination

ROOT = Path(__file__).resolve().parents[1]
_INSTALL_SECONDS = 1800
# The setup.py that it was made of, written when it is whole.
_MADE = "setup.py"


@dataclass(frozen=True)
class Environment:
    """An environment.

    Attributes:
        folder: it lies in.
    """

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def megabytes(self) -> int:
        """How much disk its files take."""
        return sum(path.lstat().st_blocks for path in self.folder.rglob("*")) * 512 >> 20


def find_python(version: str) -> Path:
    """A CPython of this minor version: on PATH, or one of pyenv.

    Raises:
        InputError: there is none.
    """
    name = f"python{version}"
    candidates: List[str] = [shutil.which(name) or ""]
    candidates += map(str, sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/{name}")))
    for candidate in filter(None, candidates):
        # A pyenv has commands for every version on PATH, that of one which is not chosen fails.
        if run_to_end([candidate, "-c", "import venv, ensurepip"], name, 60).status == 0:
            return Path(candidate)
    raise InputError(f"there is no CPython {version} here: install it, with its venv (apt-get, pyenv or uv have it)")


def environment_of(combination: Combination, folder: Path, log: Path) -> Environment:
    """The environment of a combination, made if there is none of the same packages.

    The plugin is installed from this checkout, so that its files are used in place.

    Args:
        folder: of all environments.
        log: pip's words are appended.

    Raises:
        InputError: there is no such Python.
        ToolError: pip failed.
    """
    environment = Environment(folder / combination.environment)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    made = environment.folder / _MADE
    if made.is_file() and made.read_text(encoding="utf-8") == setup:
        return environment
    if not made.is_file():
        shutil.rmtree(environment.folder, ignore_errors=True)
        python = find_python(combination.python)
        done = run_to_end([str(python), "-m", "venv", str(environment.folder)], "venv", _INSTALL_SECONDS)
        if done.status != 0:
            raise ToolError(f"venv {end_of(done.status)}: {last_words(done.stdout + done.stderr)}")

    # PaddleSeg's wheel allows no OpenCV that NumPy 2 can load; what it needs, the plugin requires.
    for packages in (["--no-deps", f"paddleseg=={REGISTRY_PADDLESEG}"], [*combination.pins, "--editable", str(ROOT)]):
        # Compiling every module beforehand takes longer than the rest.
        command = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-compile", *packages]
        done = run_to_end([str(environment.python), *command], "pip", _INSTALL_SECONDS)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"$ python {' '.join(command)}\n{done.stdout}{done.stderr}\n")
        if done.status != 0:
            raise ToolError(f"pip {end_of(done.status)}: {last_words(done.stderr)}")
    write_text(made, setup)
    return environment


