"""What a measurement of speed is: one structure, and the printers over it."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from ...errors import InputError, shown
from ...files import read_regular
from ...report.tables import Table, span
from ...schema import check_schema, from_dict
from .stats import flat, round_medians, summarise, within_rounds

SCHEMA = 4
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class Configuration:
    """What was run.

    Attributes:
        label_map: what computes the labels within the measured time: "exact" after the network, "vim" or
            "argmax" inside it, or "none" for logits, whose label map then still has to be paid for.
        inputs: what was fed, in words.
        warmup, repeats, rounds: runs that do not count, runs that do, and turns that these were taken in.
        warmup_seconds: how long to warm up at least, on a phone before each turn; `warmup` is what came of it.
    """

    model: str
    sha256: str
    bytes: int
    engine: str
    target: str
    precision: str
    weights: str
    threads: int
    input_shape: List[int]
    output_kind: str
    label_map: str
    num_classes: Optional[int]
    inputs: str
    warmup: int
    repeats: int
    rounds: int
    warmup_seconds: float = 0.0


@dataclass(frozen=True)
class Turn:
    """What the kernel of a phone says of the runs that count in one turn.

    Attributes:
        cpu_time_ms: computed by all threads, in network and label map; over the turn's time it is how many cores were
            at work.
        voluntary_switches: how often a thread had to wait.
        involuntary_switches: how often a thread lost its core to something else.
        cores: on which core each run ended, of the thread that started it; -1 where the kernel does not tell.
        migrations: runs that this thread ended on another core than it began on.
        allowed_cores: those that it may run on.
        khz_before, khz_after: clock frequencies of the allowed cores directly before the first run and after the
            last, by the core's number; without those that tell none.
    """

    cpu_time_ms: float
    voluntary_switches: int
    involuntary_switches: int
    cores: List[int]
    migrations: int
    allowed_cores: List[int]
    khz_before: Dict[str, int]
    khz_after: Dict[str, int]


@dataclass(frozen=True)
class Environment:
    """Where and with what it was run.

    Attributes:
        device: "host", or a phone's name.
        cpu: its model.
        cores: how many this process may use.
        core: the core that the run was bound to; None if to none.
        versions: engine, opt, and what else takes part.
        date: UTC, ISO 8601.
        details: what else a phone says of itself, such as its SoC, governors, temperatures and Android's thermal
            status, and the SHA-256 and build ids of the program and the library that ran.
    """

    device: str
    cpu: str
    cores: int
    core: Optional[int]
    system: str
    versions: Dict[str, str]
    date: str
    details: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One model's measurement; all times in milliseconds of one inference, copies of inputs and outputs left out.

    Attributes:
        init_ms: loading the model.
        first_ms: the very first inference, its label map included.
        warmup_ms: those after it that do not count.
        network_ms: those that do, a list for each turn that the model had; with a label map that the
            graph computes itself.
        label_map_ms: the label maps made of the network's logits afterwards, as `network_ms`; empty where
            none are.
        classes_present: for each input, how many classes its label map holds; VIM's time depends on it.
        peak_memory_bytes: the most that the process has held in memory, on a phone with one input at a time; None
            where it was not measured.
        turns: what a phone's kernel says of each turn, as `network_ms`; empty on the host.
    """

    configuration: Configuration
    environment: Environment
    init_ms: float
    first_ms: float
    warmup_ms: List[float]
    network_ms: List[List[float]]
    label_map_ms: List[List[float]]
    classes_present: List[int]
    peak_memory_bytes: Optional[int] = None
    turns: List[Turn] = field(default_factory=list)
    schema: int = field(default=SCHEMA)

    @property
    def rounds_ms(self) -> List[List[float]]:
        """Network and label map together: a list for each turn."""
        if not self.label_map_ms:
            return self.network_ms
        return [[sum(parts) for parts in zip(*turns)] for turns in zip(self.network_ms, self.label_map_ms)]

    def summary(self) -> Dict[str, Any]:
        """Min, median, mean, p90, p99, standard deviation of the steady state: "network", "label_map", "end_to_end"."""
        parts = {"network": self.network_ms, "label_map": self.label_map_ms, "end_to_end": self.rounds_ms}
        return {name: summarise(flat(rounds)) if rounds else None for name, rounds in parts.items()}

    def to_json(self) -> str:
        """One line: everything that was measured, and the summary."""
        return json.dumps({**asdict(self), "summary": self.summary()})


def ratio(record: Record, base: Record) -> float:
    """Time of `record` over that of `base`, network and label map together, within the rounds."""
    return within_rounds(round_medians(record.rounds_ms), round_medians(base.rounds_ms))


def check_turns(repeats: int, rounds: int, warmup: int) -> None:
    """Refuse a benchmark of no runs.

    Raises:
        InputError: one of the numbers is too small.
    """
    for name, value, least in (("--repeats", repeats, 1), ("--rounds", rounds, 1), ("--warmup", warmup, 0)):
        if value < least:
            raise InputError(f"{name} takes a number of {least} or more, not {value}")


def host_environment(versions: Dict[str, str], core: Optional[int] = None) -> Environment:
    """This machine, now; `core` is the one that the run was bound to."""
    return Environment(
        device="host",
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        core=core,
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


_FACTS: List[Tuple[str, Callable[[Record], Any]]] = [
    ("device", lambda r: r.environment.device),
    ("cpu", lambda r: r.environment.cpu),
    ("core", lambda r: "any" if r.environment.core is None else r.environment.core),
    ("threads", lambda r: r.configuration.threads),
    ("engine", lambda r: f"{r.configuration.engine} {r.environment.versions.get(r.configuration.engine, '')}".strip()),
    ("target", lambda r: r.configuration.target),
    ("precision", lambda r: r.configuration.precision),
    ("weights", lambda r: r.configuration.weights),
    ("input", lambda r: "x".join(map(str, r.configuration.input_shape))),
    ("fed", lambda r: r.configuration.inputs),
    ("runs", lambda r: f"{r.configuration.repeats} in {r.configuration.rounds} rounds"),
    ("classes", lambda r: r.configuration.num_classes),
    ("output", lambda r: r.configuration.output_kind),
    ("label map", lambda r: r.configuration.label_map),
    ("classes present", lambda r: span(r.classes_present)),
]


def markdown(records: List[Record]) -> str:
    """A table of the records; what is the same for all of them stands in a line above it."""
    varying = [(title, fact) for title, fact in _FACTS if len({str(fact(record)) for record in records}) > 1]
    common = [f"{title} {fact(records[0])}" for title, fact in _FACTS if (title, fact) not in varying]
    split = any(record.label_map_ms for record in records)
    times = ("min", "median", "mean", "p90", "p99", "stddev")
    titles = ["model", *(title for title, _ in varying), "init", "first"]
    titles += [*(("network", "labels") if split else ()), *times, "ratio"]
    texts = 1 + len(varying)
    rows = []
    for record in records:
        summary = record.summary()
        cells = [record.configuration.model, *(str(fact(record)) for _, fact in varying)]
        cells += [f"{value:.1f}" for value in (record.init_ms, record.first_ms)]
        if split:
            cells.append(f"{summary['network']['median_ms']:.1f}")
            cells.append(f"{summary['label_map']['median_ms']:.2f}" if summary["label_map"] else "-")
        cells += [f"{summary['end_to_end'][f'{name}_ms']:.1f}" for name in times]
        cells.append(f"{ratio(record, records[0]):.2f}")
        rows.append(cells)
    table = Table("l" * texts + "r" * (len(titles) - texts), titles, rows)
    return f"Milliseconds of one inference; {', '.join(common)}.\n\n{table.markdown()}"


def read_records(path: Union[str, Path]) -> List[Record]:
    """The records in a file of JSON lines, as `bench` and `device bench` write them.

    Raises:
        InputError: it cannot be read, or a line is no such record.
    """
    data = read_regular(path, _MOST_BYTES)
    try:
        lines = enumerate(data.decode("utf-8").splitlines(), start=1)
        contents = [(number, json.loads(line)) for number, line in lines if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no records: {shown(error)}") from error
    records = []
    for number, content in contents:
        check_schema(content, SCHEMA, f"{path}, line {number}", "measure again")
        try:
            records.append(from_dict(Record, {name: each for name, each in content.items() if name != "summary"}))
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}; measure again") from error
    return records


def json_lines(records: List[Record]) -> str:
    """One JSON object a line and record."""
    return "".join(record.to_json() + "\n" for record in records)
