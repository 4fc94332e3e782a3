"""`mobileseg_bench`: where it is found on the host, and how it is run on a phone."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from ...errors import InputError, MobilesegError, ToolError, shown
from ...paths import BUILD_SCRIPT, short_path
from ...processes.tool import Finished, last_words
from .adb import Adb, phone_fault
from .device_cache import DeviceCache
from .phone import ABI_MACHINES, Phone
from .report import check_report

if TYPE_CHECKING:
    from ..runtime.metadata import Metadata

NAME = "mobileseg_bench"
LIBRARY = "libpaddle_light_api_shared.so"
# Releases whose C++ runtime is a file of its own need it on the phone too.
RUNTIME = "libc++_shared.so"
BUILDS = Path("build/mobileseg_bench")
SCHEMA = 3

_KILLED = 128
_ERROR = "error: "
_WARNING = "warning: "


@dataclass(frozen=True)
class RunSettings:
    """Which program is to run, and how, whatever the model and the phone.

    Attributes:
        program: the file; else that which `deploy/android/build.sh` made, below the working folder.
        library: Paddle-Lite's shared library.
        lite: an unpacked release of Paddle-Lite to take it from; with neither, that which lies beside the program.
        threads: of the network and of the label map.
        power_mode: Paddle-Lite's choice of cores, one of `POWER_MODES`; None leaves it to the program.
        cores: to bind to instead.
        timeout: seconds for one run of the program.
        keep: leave program, library, models and inputs on the phone, so that they need not be sent again.
    """

    program: Optional[Path] = None
    library: Optional[Path] = None
    lite: Optional[Path] = None
    threads: int = 1
    power_mode: Optional[str] = None
    cores: Optional[Sequence[int]] = None
    timeout: float = 600
    keep: bool = False

    def arguments(self) -> List[str]:
        """The flags of the program that it stands for."""
        words = ["--threads", str(self.threads)]
        if self.power_mode:
            words += ["--power-mode", self.power_mode]
        if self.cores:
            words += ["--cores", ",".join(map(str, self.cores))]
        return words


DEFAULT_SETTINGS = RunSettings()


@dataclass(frozen=True)
class Program:
    """The program and its libraries, on the host.

    Attributes:
        abi: Android's name of what it is built for.
        libraries: by the names that the program looks for.
    """

    path: Path
    abi: str
    libraries: Dict[str, Path]


def _elf_machine(path: Path) -> int:
    try:
        with open(path, "rb") as file:
            header = file.read(20)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(header) < 20 or header[:4] != b"\x7fELF":
        raise InputError(f"{path} is not a program for phones; `{short_path(BUILD_SCRIPT)}` builds one")
    return int.from_bytes(header[18:20], "little")


def _abi_of(path: Path, abis: Sequence[str]) -> str:
    machine = _elf_machine(path)
    built_for = next((abi for abi, number in ABI_MACHINES.items() if number == machine), f"ELF machine {machine}")
    if built_for not in abis:
        raise InputError(
            f"{path} is built for {built_for}, and the phone runs {', '.join(abis) or 'an unknown ABI'}; "
            f"build it for the phone with `{short_path(BUILD_SCRIPT)}`"
        )
    return built_for


def find_binary(abis: Sequence[str], settings: RunSettings) -> Program:
    """The program for a phone of these ABIs, the preferred first, and what it has to be started with.

    Raises:
        InputError: a file is missing, or is for another processor than the phone's.
    """
    program = settings.program or _built_program(abis)
    abi = _abi_of(program, abis)
    libraries = _find_libraries(program, settings)
    for path in libraries.values():
        _abi_of(path, [abi])
    return Program(program, abi, libraries)


def _built_program(abis: Sequence[str]) -> Path:
    candidates = [BUILDS / abi / NAME for abi in abis if abi in ABI_MACHINES]
    if not candidates:
        raise InputError(f"Paddle-Lite runs on {', '.join(ABI_MACHINES)}, the phone on {', '.join(abis)}")
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(
        f"there is no {candidates[0]}: build it with `{short_path(BUILD_SCRIPT)} --abi {candidates[0].parent.name}`, "
        "or name it with --program"
    )


def _find_libraries(program: Path, settings: RunSettings) -> Dict[str, Path]:
    library, lite = settings.library, settings.lite
    if library and lite:
        raise InputError("--library and --lite both say where Paddle-Lite's library is: omit one")
    if lite:
        library = next((path for path in (lite / "lib" / LIBRARY, lite / "cxx/lib" / LIBRARY) if path.is_file()), None)
        if library is None:
            raise InputError(f"there is no {LIBRARY} in {lite}/lib or {lite}/cxx/lib: give an unpacked release")
    # The names of the libraries that a program needs stand in it as they are.
    if library is None and LIBRARY.encode() not in program.read_bytes():
        return {}
    library = library or program.parent / LIBRARY
    if not library.is_file():
        raise InputError(f"there is no {library}: name Paddle-Lite's library with --library or --lite")
    runtime = library.parent / RUNTIME
    return {LIBRARY: library, RUNTIME: runtime} if runtime.is_file() else {LIBRARY: library}


def check_model(nb: Path, metadata: "Metadata", phone: Phone) -> None:
    """Refuse a model that the phone cannot run.

    Raises:
        InputError: it is for another processor, or in half precision that the phone lacks.
    """
    if metadata.format != "nb":
        raise InputError(f"{nb} is of format {metadata.format}, phones run a .nb: convert with --format nb")
    if metadata.target != "arm":
        raise InputError(f"{nb} is for {metadata.target}, phones need one for arm: convert with --target arm")
    if metadata.precision == "float16" and not phone.fp16:
        raise InputError(
            f"{nb} computes in half precision, which the phone {phone.serial} lacks (no asimdhp in its "
            "/proc/cpuinfo): convert without --precision fp16"
        )


def model_arguments(metadata: "Metadata") -> List[str]:
    """What the program must know of a model beside its file."""
    words = ["--input-shape", ",".join(map(str, metadata.input.shape))]
    output = metadata.output
    if output.label_map == "exact":
        words += ["--labels", "exact", "--label-size", ",".join(map(str, output.label_size))]
        return words + (["--align-corners"] if output.align_corners else [])
    return words + ["--labels", "graph" if output.kind == "labels" else "none"]


class DeviceBinary:
    """The program on one phone.

    Args:
        adb: to reach the phone with.
        folder: the phone's folder.
        program: what to send there.
        settings: how to run it.

    Raises:
        ToolError: no space, or the phone was lost.
    """

    def __init__(self, adb: Adb, folder: DeviceCache, program: Program, settings: RunSettings):
        self._adb, self._folder, self._settings = adb, folder, settings
        self._path = folder.put(program.path, NAME, executable=True)
        places = [folder.put(path, name) for name, path in program.libraries.items()]
        self._libraries = ":".join(place.rpartition("/")[0] for place in places)

    def run(self, arguments: Sequence[str]) -> Dict[str, Any]:
        """Its JSON object for `arguments`, which come before those of the settings.

        Raises:
            ToolError: it failed, crashed, took too long, or printed something else than JSON; the phone was lost.
        """
        words = [self._path, *arguments, *self._settings.arguments()]
        pid_file = self._folder.run_path("pid")
        answer = self._adb.run_program(
            self._folder.serial, words, self._libraries, pid_file, self._settings.timeout
        )
        if answer.status != 0:
            raise self._failed(answer)
        try:
            content = json.loads(answer.stdout)
            given = content["schema"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._not_json(answer) from None
        if given != SCHEMA:
            raise InputError(
                f"{NAME} answers in schema {shown(given)} and this version reads {SCHEMA}: "
                f"build it anew with `{short_path(BUILD_SCRIPT)}`"
            )
        try:
            check_report(content)
        except InputError as error:
            raise ToolError(f"{NAME} on {self._folder.serial} gave a report that cannot be read: {error}") from error
        return {**content, "warnings": _warnings(answer.stderr)}

    def _failed(self, answer: Finished) -> MobilesegError:
        serial, reason = self._folder.serial, last_words(answer.stderr)
        reason = reason[len(_ERROR):] if reason.startswith(_ERROR) else reason
        known = phone_fault(serial, answer.stderr)
        if known is not None:
            return known
        if not answer.stderr.strip() and answer.status == 255:
            return self._adb.lost_or(serial, ToolError(f"{NAME} on {serial} ended with status 255: {reason}"))
        if "CANNOT LINK EXECUTABLE" in answer.stderr:
            return ToolError(f"{NAME} cannot start on {serial}: {reason}; name the library it needs with --library")
        return ToolError(f"{NAME} on {serial} {_end(answer.status)}: {reason}")

    def _not_json(self, answer: Finished) -> MobilesegError:
        serial = self._folder.serial
        first = answer.stdout.strip()[:80]
        answered = f"printed {first!r}" if first else "printed nothing"
        fault = ToolError(f"{NAME} on {serial} {answered} instead of JSON; is --program the right file?")
        return fault if first else self._adb.lost_or(serial, fault)


def _warnings(stderr: str) -> List[str]:
    return [line[len(_WARNING):].strip() for line in stderr.splitlines() if line.startswith(_WARNING)]


def _end(status: int) -> str:
    names = {number.value: number.name for number in signal.Signals}
    if status - _KILLED in names:
        return f"died of {names[status - _KILLED]}"
    return f"ended with status {status}"
