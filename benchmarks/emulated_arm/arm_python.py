"""A Python for 64-bit ARM with the engines' own wheels, laid out in the user's cache and run under QEMU.

Nothing of the machine changes: Debian's packages are downloaded and unpacked, not installed, with lists of their own.
"""

import json
import os
import re
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.files import atomic_folder, scratch_folder
from paddleseg_mobileseg.paths import cache_folder
from paddleseg_mobileseg.processes.tool import run_tool

from ..cache import key_of
from .qemu import MARK, Emulator, missing_programs

NUMPY = {"numpy==2.2.6": 14}
"""A requirement, and the megabytes of its wheel."""

SCRIPT = Path(__file__).with_name("one_inference.py")
"""Runs a model twice and marks the second inference."""

_PACKAGES = ("python3", "libpython3-stdlib", "libstdc++6", "libgomp1")
_PLATFORMS = ("2014", "_2_17", "_2_24", "_2_27", "_2_28", "_2_34")
_TIMEOUT = 900

# What QEMU shows of the host otherwise: engines read from here which kernels a core has and how large its caches are.
_CORE = """processor\t: 0
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd0b
CPU revision\t: 0
"""
_CACHES = (("1", "Data", "64K"), ("1", "Instruction", "64K"), ("2", "Unified", "256K"), ("3", "Unified", "2048K"))
"""Level, kind and size, as a big core of a Snapdragon 855 has them."""


def _core_files() -> Dict[str, str]:
    """What the system says of one Cortex-A76, by path below the root."""
    cpus = "sys/devices/system/cpu"
    files = {"proc/cpuinfo": _CORE, **{f"{cpus}/{name}": "0\n" for name in ("possible", "present", "online")}}
    for index, facts in enumerate(_CACHES):
        folder = f"{cpus}/cpu0/cache/index{index}"
        files.update({f"{folder}/{name}": f"{fact}\n" for name, fact in zip(("level", "type", "size"), facts)})
    return files


class ArmPython:
    """Debian's Python and wheels for 64-bit ARM, fetched where they are missing.

    Args:
        wheels: requirements of the engines, each with its version, and the megabytes of their wheels; nothing else is
            fetched with them.

    Attributes:
        root: its system's files.

    Raises:
        ToolError: a program that fetching needs is not installed, or fetching failed.
    """

    def __init__(self, wheels: Mapping[str, int]):
        kept = cache_folder()
        self.root = kept / f"arm64-python-{key_of(_PACKAGES, _core_files())}" / "root"
        if not self.root.is_dir():
            _make_root(self.root)
        # By its name with the version, as a symbolic link of Debian says it.
        link = self.root / "usr/bin/python3"
        self._python = link.with_name(os.readlink(link))
        version = self._python.name[len("python") :]
        self._sites = []
        for requirement, megabytes in {**NUMPY, **wheels}.items():
            site = kept / f"arm64-wheel-{requirement}-cp{version}" / "site"
            if not site.is_dir():
                _make_site(site, requirement, version, megabytes)
            self._sites.append(site)

    def count_inference(
        self,
        emulator: Emulator,
        worker: Path,
        model: Path,
        options: Dict[str, Any],
        batch: np.ndarray,
        folder: Path,
    ) -> Tuple[np.ndarray, int, str]:
        """One inference with one thread, after another that is not counted.

        Args:
            emulator: that counts.
            worker: the program that runs the engine's models, which serves as `engine_worker.py` says.
            model: the file that it loads.
            options: what the worker is to know.
            batch: float32 of the network's input shape.
            folder: for files.

        Returns:
            What the network gives, the instructions, and the engine's version.

        Raises:
            ToolError: it failed there.
        """
        given, result = folder / "input.npy", folder / "output.npy"
        np.save(given, batch)
        words = [str(worker), str(model), json.dumps(options), str(given), str(result), str(MARK)]
        environment = {
            "PYTHONPATH": os.pathsep.join(map(str, self._sites)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            # ONNX Runtime reports what is run with it from a thread of its own, which would be counted too.
            "ORT_DISABLE_TELEMETRY": "1",
        }
        counted = emulator.run([str(self._python), str(SCRIPT), *words], self.root, environment)
        begin, end = counted.marks
        (version,) = re.findall(r"^version: (.*)$", counted.output, re.M)
        return np.load(result), end - begin, version


def _make_root(folder: Path) -> None:
    missing = missing_programs("apt-get", "dpkg-deb")
    if missing:
        raise ToolError(
            f"{' and '.join(missing)} not installed: a Python for 64-bit ARM is fetched from Debian's packages, so "
            "count on Debian or Ubuntu"
        )
    _note("Python for 64-bit ARM from Debian's packages", folder, "16 MB to fetch, 76 MB on the disk")
    with scratch_folder() as scratch, _whole(folder) as made:
        for package in _fetched_packages(scratch):
            run_tool(["dpkg-deb", "-x", str(package), str(made)], "dpkg-deb", _TIMEOUT)
        for name, text in _core_files().items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")


def _fetched_packages(scratch: Path) -> List[Path]:
    """The .deb files of the packages and all that they depend on."""
    for name in ("lists/partial", "archives/partial"):
        (scratch / name).mkdir(parents=True)
    (scratch / "status").touch()
    options = {
        "Dir::State": scratch,
        "Dir::State::lists": scratch / "lists",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch,
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    install = ["install", "--yes", "--download-only", "--no-install-recommends", *_PACKAGES]
    try:
        for words in (["update"], install):
            run_tool([*apt, *words], f"apt-get {words[0]} for arm64", _TIMEOUT)
    except ToolError as error:
        raise ToolError(
            f"{error}; counting instructions on ARM needs a source of Debian packages that has them for arm64"
        ) from error
    return sorted((scratch / "archives").glob("*.deb"))


def _make_site(folder: Path, requirement: str, version: str, megabytes: int) -> None:
    _note(f"{requirement} for 64-bit ARM with pip", folder, f"{megabytes} MB")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [f"--platform=manylinux{name}_aarch64" for name in _PLATFORMS]
    command += ["--implementation=cp", f"--python-version={version}"]
    with scratch_folder() as scratch, _whole(folder) as made:
        run_tool([*command, "--dest", str(scratch), requirement], "pip download for aarch64", _TIMEOUT)
        for wheel in scratch.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(made)


def _note(what: str, folder: Path, sizes: str) -> None:
    print(f"note: fetching {what} into {folder}, once ({sizes})", file=sys.stderr)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """An empty folder that gets the name `folder` if the block succeeds."""
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder.parent) as scratch:
        (scratch / folder.name).mkdir()
        yield scratch / folder.name
