"""Latency on phones: several models take turns, on one phone after the other."""

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from time import sleep
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ...errors import InputError, MobilesegError
from ...files import scratch_folder
from ..ir.tensors import InputTensor
from ..runtime.inputs import input_sources, load_input, source_name
from ..runtime.metadata import Metadata, read_metadata, sha256_of
from ..runtime.predictor import ENGINE
from ..runtime.records import Configuration, Environment, Record, Turn, check_turns
from ..runtime.versions import versions
from .adb import Adb
from .bench_binary import (
    DEFAULT_SETTINGS,
    LIBRARY,
    NAME,
    DeviceBinary,
    Program,
    RunSettings,
    check_model,
    find_binary,
    model_arguments,
)
from .device_cache import DeviceCache
from .phone import Phone, choose, read_phone, read_thermal_status
from .throttling import throttling

Warn = Callable[[str], None]

_A_DAY = 86400


def bench(
    models: Sequence[Union[str, Path]],
    serials: Optional[Sequence[str]] = None,
    images: Optional[Sequence[Union[str, Path]]] = None,
    seed: int = 0,
    warmup: int = 20,
    repeats: int = 50,
    rounds: int = 5,
    cool_down: float = 10.0,
    warmup_seconds: float = 0.0,
    settings: RunSettings = DEFAULT_SETTINGS,
    warn: Warn = lambda message: None,
) -> Iterator[Record]:
    """Time converted models on phones; each record is given as soon as its model is measured.

    The models take turns (A B C A B C), so that a phone that grows warm slows all of them. A turn is one run
    of the program: it loads the model, warms up, and measures. If something fails, what each model had until
    then is given before the error is raised; `rounds` of such a record is smaller than `rounds_asked`.

    Args:
        models: `.nb` files for arm.
        serials: of the phones, as `adb devices` names them; the only one if there is only one.
        images: image files and folders to feed in turn; noise without them.
        seed: of the noise.
        warmup: runs at the start of each turn that do not count, at least.
        repeats: recorded runs of each model; rounded up to a multiple of `rounds`.
        rounds: turns of each model.
        cool_down: seconds to wait before every turn but the first.
        warmup_seconds: go on warming up for at least so long.
        settings: what is to run, and how.
        warn: called with what makes a measurement doubtful.

    Raises:
        InputError: a model, an image or a number cannot be used, there is no adb, or no phone to choose.
        ToolError: a phone was lost or has no space; the program crashed, hangs, or gave no result.
    """
    check_turns(repeats, rounds, warmup)
    for name, seconds in (("--cool-down", cool_down), ("--warmup-seconds", warmup_seconds)):
        if not 0 <= seconds <= _A_DAY:
            raise InputError(f"{name} takes seconds from 0 to {_A_DAY}, not {seconds:g}")
    described = [(Path(model), read_metadata(model)) for model in models]
    adb = Adb()
    phones = [read_phone(adb, serial) for serial in choose(adb, serials)]
    programs = [find_binary(phone.abis, settings) for phone in phones]
    for phone in phones:
        for nb, metadata in described:
            check_model(nb, metadata, phone)
    for nb, metadata in described:
        if metadata.doubt:
            warn(f"{nb.name}: {metadata.doubt}")
    per_turn = -(-repeats // rounds)
    with scratch_folder() as scratch:
        # No more images than runs: the record must not count what was never timed.
        inputs = InputFiles(images, seed, per_turn, scratch)
        for _, metadata in described:
            inputs.write(metadata.input)
        for phone, found in zip(phones, programs):
            for message in phone.battery.warnings():
                warn(f"{phone.serial}: {message}")
            with DeviceCache(adb, phone.serial, settings.keep) as folder:
                session = _Session(adb, phone, folder, found, settings, warn)
                turns = _Turns(warmup, warmup_seconds, per_turn, rounds)
                runs = [_Run(session, nb, metadata, inputs, turns) for nb, metadata in described]
                yield from _take_turns(runs, rounds, cool_down, phone.model)


class InputFiles:
    """What is fed, as the files of raw float32 that the program reads.

    Args:
        images, seed: as of `bench`.
        limit: the most to feed.
        folder: for the files.
    """

    def __init__(self, images: Optional[Sequence[Union[str, Path]]], seed: int, limit: int, folder: Path):
        self.sources = input_sources(images, random=1, seed=seed)[:limit]
        self._folder = folder
        self._written: Dict[str, List[Path]] = {}

    @property
    def name(self) -> str:
        """What a record calls them."""
        if isinstance(self.sources[0], int):
            return source_name(self.sources[0])
        return f"{len(self.sources)} image{'s' * (len(self.sources) > 1)}"

    def write(self, tensor: InputTensor) -> List[Path]:
        """The files for a network's input, written once.

        Raises:
            InputError: an image cannot be read, or the folder cannot be written.
        """
        key = f"{tensor.shape} {tensor.preprocessing}"
        if key not in self._written:
            paths = [self._folder / f"{len(self._written)}_{index}.f32" for index in range(len(self.sources))]
            for path, source in zip(paths, self.sources):
                write_batch(path, load_input(source, tensor))
            self._written[key] = paths
        return self._written[key]


def write_batch(path: Path, batch: np.ndarray) -> None:
    """Write an input as the program reads it, raw little-endian float32.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_bytes(batch.astype("<f4").tobytes())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; free some space, or set TMPDIR") from error


class _Session:
    """One phone with the program on it."""

    def __init__(
        self, adb: Adb, phone: Phone, folder: DeviceCache, program: Program, settings: RunSettings, warn: Warn
    ):
        self.phone, self.folder, self.abi, self.settings = phone, folder, program.abi, settings
        self.program = DeviceBinary(adb, folder, program, settings)
        self.sha256 = {name: sha256_of(path) for name, path in {NAME: program.path, **program.libraries}.items()}
        self._adb = adb
        self._warn = warn
        self._warned = set()

    def thermal_status(self) -> Optional[int]:
        """How hot Android calls the phone now; None where it does not tell."""
        return read_thermal_status(self._adb, self.phone.serial)

    def warn(self, about: str, message: str) -> None:
        """Warn of something once."""
        text = f"{about} on {self.phone.serial}: {message}"
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _take_turns(runs: List["_Run"], rounds: int, cool_down: float, name: str) -> Iterator[Record]:
    try:
        with tqdm(total=len(runs) * rounds, desc=name, unit="turn", disable=None, leave=False) as progress:
            for turn in range(rounds):
                for run in runs:
                    if turn or run is not runs[0]:
                        sleep(cool_down)
                    run.take_turn()
                    progress.update()
                    if turn == rounds - 1:
                        yield run.record()
    except (MobilesegError, KeyboardInterrupt):
        for run in runs:
            if 0 < len(run.reports) < rounds:
                yield run.record()
        raise


@dataclass(frozen=True)
class _Turns:
    """What is asked of each model: warming up, runs that count in a turn, and turns."""

    warmup: int
    warmup_seconds: float
    repeats: int
    rounds: int


class _Run:
    """One model's share of a measurement on one phone."""

    def __init__(
        self,
        session: _Session,
        nb: Path,
        metadata: Metadata,
        inputs: InputFiles,
        turns: _Turns,
    ):
        self._session, self._nb, self._metadata = session, nb, metadata
        self._fed, self._turns = inputs.name, turns
        self._arguments = ["--model", session.folder.put(nb, "model.nb"), *model_arguments(metadata)]
        for path in inputs.write(metadata.input):
            self._arguments += ["--input", session.folder.put(path, "input.f32")]
        self._arguments += ["--warmup", str(turns.warmup), "--warmup-seconds", str(turns.warmup_seconds)]
        self._arguments += ["--repeats", str(turns.repeats)]
        self.reports: List[Dict[str, Any]] = []
        self._thermal_status: List[List[Optional[int]]] = []

    def take_turn(self) -> None:
        before = self._session.thermal_status()
        report = self._session.program.run(self._arguments)
        after = self._session.thermal_status()
        self._thermal_status.append([before, after])
        status = max(before or 0, after or 0)
        if status:
            advice = "it may throttle, so let it cool, or measure less at a time"
            self._session.warn(self._nb.name, f"Android gives the thermal status {status}: {advice}")
        for message in report["warnings"]:
            self._session.warn(self._nb.name, message)
        self.reports.append(report)

    def record(self) -> Record:
        first, metadata = self.reports[0], self._metadata
        samples = [report["samples"] for report in self.reports]
        makes_labels = bool(samples[0]["label_map_ms"])
        record = Record(
            configuration=Configuration(
                model=self._nb.name,
                sha256=metadata.sha256,
                bytes=metadata.bytes,
                engine=ENGINE,
                target=metadata.target,
                precision=metadata.precision,
                weights=metadata.weights,
                threads=self._session.settings.threads,
                input_shape=metadata.input.shape,
                output_kind=metadata.output.kind,
                label_map=metadata.output.label_map,
                num_classes=metadata.num_classes,
                inputs=self._fed,
                warmup=len(first["warmup"]["network_ms"]),
                repeats=sum(len(turn["network_ms"]) for turn in samples),
                rounds=len(samples),
                warmup_seconds=self._turns.warmup_seconds,
            ),
            environment=self._environment(first),
            init_ms=first["init_ms"],
            first_ms=first["first"]["network_ms"] + (first["first"]["label_map_ms"] or 0.0),
            warmup_ms=_whole(first["warmup"]),
            network_ms=[turn["network_ms"] for turn in samples],
            label_map_ms=[turn["label_map_ms"] for turn in samples] if makes_labels else [],
            classes_present=first["classes_present"] or [],
            peak_memory_bytes=max(report["peak_memory_bytes"] for report in self.reports),
            turns=[_turn(report) for report in self.reports],
        )
        drift = throttling(record.rounds_ms)
        record.environment.details["throttling"] = drift
        if drift is not None:
            advice = "it throttles, so cool it down for longer (--cool-down) or measure less at a time"
            self._session.warn(self._nb.name, f"the last third of the runs took {100 * drift:.0f} % longer: {advice}")
        return record

    def _environment(self, report: Dict[str, Any]) -> Environment:
        phone, settings = self._session.phone, self._session.settings
        cores = list(settings.cores or [])
        found = {
            ENGINE: report["library_version"],
            "opt": self._metadata.opt_version,
            NAME: report["program"]["version"],
            "paddleseg_mobileseg": versions().get("paddleseg_mobileseg", "unknown"),
        }
        return Environment(
            device=phone.model,
            cpu=phone.soc,
            cores=phone.cores,
            core=cores[0] if len(cores) == 1 else None,
            system=phone.system,
            versions=found,
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            details={
                "serial": phone.serial,
                "abi": self._session.abi,
                "api_level": phone.api_level,
                "fp16": phone.fp16,
                "dot_product": phone.dot_product,
                "program": {**report["program"], "sha256": self._session.sha256[NAME]},
                "library": {"build_id": report["library_build_id"], "sha256": self._session.sha256.get(LIBRARY)},
                "power_mode": report["configuration"]["power_mode"],
                "bound_cores": cores,
                "rounds_asked": self._turns.rounds,
                "device": report["device"],
                "temperatures_c": [each["device"]["temperature_c"] for each in self.reports],
                "thermal_status": self._thermal_status,
                "battery": asdict(phone.battery),
                "output": report["output"],
                "label_map": report["label_map"],
            },
        )


def _turn(report: Dict[str, Any]) -> Turn:
    samples, placement = report["samples"], report["placement"]
    khz = [{str(each["cpu"]): each["khz"] for each in placement[moment]} for moment in ("before", "after")]
    return Turn(
        cpu_time_ms=samples["cpu_time_ms"],
        voluntary_switches=samples["voluntary_switches"],
        involuntary_switches=samples["involuntary_switches"],
        cores=samples["cores"],
        migrations=samples["migrations"],
        allowed_cores=placement["allowed_cores"],
        khz_before=khz[0],
        khz_after=khz[1],
    )


def _whole(times: Dict[str, List[float]]) -> List[float]:
    """Network and label map together."""
    label_map = times["label_map_ms"] or [0.0] * len(times["network_ms"])
    return [network + labels for network, labels in zip(times["network_ms"], label_map)]
