"""What `mobileseg_bench` answers, as far as it is read here: a phone's words are checked like anybody's."""

from dataclasses import dataclass, fields
from typing import Any, Dict, List, Optional

from ...errors import InputError
from ...schema import from_dict

DTYPES = ("float32", "float16", "float64", "int64", "int32", "int16", "int8", "uint16", "uint8")


@dataclass(frozen=True)
class _Pass:
    network_ms: float
    label_map_ms: Optional[float]


@dataclass(frozen=True)
class _Passes:
    network_ms: List[float]
    label_map_ms: List[float]
    cores: List[int]
    migrations: int
    cpu_time_ms: float
    voluntary_switches: int
    involuntary_switches: int


@dataclass(frozen=True)
class _Frequency:
    cpu: int
    khz: int


@dataclass(frozen=True)
class _Placement:
    allowed_cores: List[int]
    before: List[_Frequency]
    after: List[_Frequency]


@dataclass(frozen=True)
class _Result:
    dtype: str
    shape: List[int]
    digest: str
    digests: List[str]


@dataclass(frozen=True)
class _Report:
    library_version: str
    library_build_id: Optional[str]
    configuration: Dict[str, Any]
    program: Dict[str, Any]
    device: Dict[str, Any]
    init_ms: float
    first: _Pass
    warmup: _Passes
    samples: _Passes
    peak_memory_bytes: int
    placement: _Placement
    output: _Result
    label_map: Optional[_Result]
    classes_present: Optional[List[int]]


def check_report(content: Dict[str, Any]) -> None:
    """Check what is read of a report; there may be more in it.

    Raises:
        InputError: something is missing or of another type.
    """
    names = [entry.name for entry in fields(_Report)]
    report = from_dict(_Report, {name: content[name] for name in names if name in content})
    in_program = [("program", "version"), ("program", "build_id")]
    for section, key in [*in_program, ("configuration", "power_mode"), ("device", "temperature_c")]:
        if key not in getattr(report, section):
            raise InputError(f"{section}.{key} is missing")
    for result in filter(None, (report.output, report.label_map)):
        if result.dtype not in DTYPES:
            raise InputError(f"there is no element type '{result.dtype[:20]}'")
        if not result.shape or min(result.shape) < 1:
            raise InputError("a result has no elements")
