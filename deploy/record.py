"""What a measurement of speed is: one structure, and the printers over it."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple

FORMAT = 1


@dataclass(frozen=True)
class Configuration:
    """What was run.

    Attributes:
        label_map: what computes the labels within the measured time: "vim", "argmax", or "none" for
            logits, whose label map then still has to be paid for.
        inputs: what was fed, in words.
        warmup, repeats, rounds: unrecorded-in-the-result runs, recorded runs, and turns they were taken in.
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
    """

    device: str
    cpu: str
    cores: int
    core: Optional[int]
    system: str
    versions: Dict[str, str]
    date: str


@dataclass(frozen=True)
class Record:
    """One model's measurement; all times in milliseconds of one inference, copies of inputs and outputs left out.

    Attributes:
        init_ms: loading the model.
        first_ms: the very first inference.
        warmup_ms: those after it that do not count.
        rounds_ms: those that do, a list for each turn that the model had.
        classes_present: for each input, how many classes its label map holds; VIM's time depends on it.
    """

    configuration: Configuration
    environment: Environment
    init_ms: float
    first_ms: float
    warmup_ms: List[float]
    rounds_ms: List[List[float]]
    classes_present: List[int]
    format: int = field(default=FORMAT)

    @property
    def samples_ms(self) -> List[float]:
        return [sample for turn in self.rounds_ms for sample in turn]

    def summary(self) -> Dict[str, float]:
        """min, median, mean, p90 and standard deviation of the steady state."""
        samples = sorted(self.samples_ms)
        return {
            "min_ms": samples[0],
            "median_ms": statistics.median(samples),
            "mean_ms": statistics.fmean(samples),
            # The smallest sample that 90 % of them do not exceed.
            "p90_ms": samples[-(-len(samples) * 9 // 10) - 1],
            "stddev_ms": statistics.stdev(samples) if len(samples) > 1 else 0.0,
        }

    def to_json(self) -> str:
        """One line: everything that was measured, and the summary."""
        return json.dumps({**asdict(self), "summary": self.summary()})


def ratio(record: Record, base: Record) -> float:
    """Time of `record` over that of `base`: the median over the rounds that both took part in.

    Within a round they ran one after the other, so what slows the whole machine down slows both.
    """
    turns = zip(record.rounds_ms, base.rounds_ms)
    return statistics.median(statistics.median(mine) / statistics.median(others) for mine, others in turns)


def host_environment(versions: Dict[str, str]) -> Environment:
    """This machine, now."""
    return Environment(
        device="host",
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        core=None,
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
    ("classes present", lambda r: _span(r.classes_present)),
]


def _span(numbers: List[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def markdown(records: List[Record]) -> str:
    """A table of the records; what is the same for all of them stands in a line above it."""
    varying = [(title, fact) for title, fact in _FACTS if len({str(fact(record)) for record in records}) > 1]
    common = [f"{title} {fact(records[0])}" for title, fact in _FACTS if (title, fact) not in varying]
    times = ("min", "median", "mean", "p90", "stddev")
    titles = ["model", *(title for title, _ in varying), "init", "first", *times, "ratio"]
    lines = [
        f"Milliseconds of one inference; {', '.join(common)}.",
        "",
        f"| {' | '.join(titles)} |",
        f"|{' --- |' * (1 + len(varying))}{' ---: |' * (len(titles) - 1 - len(varying))}",
    ]
    for record in records:
        summary = record.summary()
        cells = [record.configuration.model, *(str(fact(record)) for _, fact in varying)]
        cells += [f"{value:.1f}" for value in (record.init_ms, record.first_ms)]
        cells += [f"{summary[f'{name}_ms']:.1f}" for name in times]
        cells.append(f"{ratio(record, records[0]):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def json_lines(records: List[Record]) -> str:
    """One JSON object a line and record."""
    return "".join(record.to_json() + "\n" for record in records)
