"""The record of a measurement, the same for every suite, and the files of JSON lines that hold them.

A line is one case: while a suite runs, one turn of a case. So an interrupted run keeps what it has and goes on where
it stopped.
"""

import json
import statistics
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from paddleseg_mobileseg.deploy.runtime.records import Environment, Record
from paddleseg_mobileseg.deploy.runtime.stats import flat
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.schema import check_schema, from_dict

SCHEMA = 1
_AGAIN = "measure again with `python -m benchmarks run SUITE`"
_TIMED = ("inputs", "warmup", "repeats", "rounds")
"""Of a `Configuration`, what the settings and the rounds of a result say."""

WHOLE = ("network_ms", "label_map_ms")
"""The samples of an inference from the image to the label map; where the graph makes that, the first are all."""


@dataclass(frozen=True)
class Result:
    """One case of a suite, in one round or in several.

    Attributes:
        suite: its name.
        case: what was run, of the suite's `case_type`.
        rounds: the numbers of the rounds, in the order of `samples` and `scores`.
        environment: where, when and with which versions.
        settings: what else was chosen, the same for all results of a file: JSON.
        samples: raw samples by the quantity's name, which ends in its unit: a list for each round.
        scores: figures of which a round gives one, by name.
        agreement: share of pixels that are labelled as by the suite's reference, 0 to 1, the least of the rounds; None
            where that was not looked at.
        peak_memory_bytes: the most that a process held; None where it was not measured.
        details: what was found of the case, such as the checksum of its model: JSON, of the first round.
    """

    suite: str
    case: Any
    rounds: List[int]
    environment: Environment
    settings: Dict[str, Any]
    samples: Dict[str, List[List[float]]]
    scores: Dict[str, List[float]] = field(default_factory=dict)
    agreement: Optional[float] = None
    peak_memory_bytes: Optional[int] = None
    details: Dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    @staticmethod
    def of_record(
        suite: str,
        case: Any,
        rounds: Sequence[int],
        record: Record,
        settings: Dict[str, Any],
        agreement: Optional[float] = None,
    ) -> "Result":
        """A measurement of a converted model as a result: "network_ms" and, where made apart, "label_map_ms"."""
        configuration = {key: value for key, value in asdict(record.configuration).items() if key not in _TIMED}
        started = {"init_ms": record.init_ms, "first_ms": record.first_ms, "warmup_ms": record.warmup_ms}
        samples = {"network_ms": record.network_ms}
        if record.label_map_ms:
            samples["label_map_ms"] = record.label_map_ms
        return Result(
            suite=suite,
            case=case,
            rounds=list(rounds),
            environment=record.environment,
            settings=settings,
            samples=samples,
            agreement=agreement,
            peak_memory_bytes=record.peak_memory_bytes,
            details={**configuration, **started, "classes_present": record.classes_present},
        )

    def added(self, *names: str) -> List[List[float]]:
        """By round, what the samples called `names` add up to one by one; those that there are not count nothing."""
        known = [self.samples[name] for name in names if name in self.samples]
        return [list(map(sum, zip(*turns))) for turns in zip(*known)]

    def medians(self, *names: str) -> Dict[int, float]:
        """By round, the median of `added`."""
        return {number: statistics.median(turn) for number, turn in zip(self.rounds, self.added(*names))}

    def median(self, *names: str) -> Optional[float]:
        """Median over the rounds of `medians`, so that one slow round does not count more than another."""
        medians = self.medians(*names)
        return statistics.median(medians.values()) if medians else None

    def all_samples(self, *names: str) -> List[float]:
        """`added` of all rounds."""
        return flat(self.added(*names))

    def by_round(self, name: str) -> Dict[int, float]:
        """The score called `name` by round."""
        return dict(zip(self.rounds, self.scores[name]))

    def to_line(self) -> str:
        """As a file of JSON lines holds it."""
        return json.dumps(asdict(self)) + "\n"


def find(results: Iterable[Result], case: Any) -> Optional[Result]:
    """The result of `case`, if there is one."""
    return next((each for each in results if each.case == case), None)


def join(parts: Sequence[Result]) -> List[Result]:
    """One result a suite and case, in the order of their first rounds."""
    grouped: Dict[Tuple[str, Any], List[Result]] = {}
    for part in parts:
        grouped.setdefault((part.suite, part.case), []).append(part)
    return [_join_rounds(rounds) for rounds in grouped.values()]


def _join_rounds(parts: List[Result]) -> Result:
    first = parts[0]
    return replace(
        first,
        rounds=[number for part in parts for number in part.rounds],
        samples={name: [turn for part in parts for turn in part.samples[name]] for name in first.samples},
        scores={name: [score for part in parts for score in part.scores[name]] for name in first.scores},
        agreement=min((part.agreement for part in parts if part.agreement is not None), default=None),
        peak_memory_bytes=max(
            (part.peak_memory_bytes for part in parts if part.peak_memory_bytes is not None), default=None
        ),
    )


def read_results(path: Union[str, Path], case_types: Mapping[str, type]) -> List[Result]:
    """The results that a file holds, in its order, none where there is no file. A last line that was cut off is lost.

    Args:
        path: of the file.
        case_types: dataclass of the cases, by suite.

    Raises:
        InputError: the file cannot be read, or holds something else; for another schema it says how to measure again.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; give a file of JSON lines") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    return [_parse(line, f"{path}, line {number},", case_types) for number, line in enumerate(lines, 1)]


def _parse(line: str, where: str, case_types: Mapping[str, type]) -> Result:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON ({error}); choose another file") from error
    check_schema(row, SCHEMA, where, _AGAIN)
    try:
        result = from_dict(Result, row)
        if result.suite not in case_types:
            raise InputError(f"there is no suite {result.suite}")
        result = replace(result, case=from_dict(case_types[result.suite], result.case, "case"))
    except InputError as error:
        raise InputError(f"{where} is no result: {error}; {_AGAIN}") from error
    lengths = {len(turns) for turns in [*result.samples.values(), *result.scores.values()]}
    if lengths != {len(result.rounds)}:
        raise InputError(f"{where} is no result: it has {len(result.rounds)} rounds and other samples; {_AGAIN}")
    return result


class ResultsFile:
    """Appends results to what a file already holds.

    Args:
        path: the file; made with its folder where it is missing.
        case_types: as of `read_results`.

    Attributes:
        results: everything that it holds.

    Raises:
        InputError: the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Union[str, Path], case_types: Mapping[str, type]):
        self.path = Path(path)
        self.results = read_results(self.path, case_types)
        # Written anew: what is appended must not follow the rest of a line that was cut off.
        self._write()

    def append(self, result: Result) -> None:
        """Add one result; it is in the file when this returns.

        Raises:
            InputError: it cannot be written.
        """
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(result.to_line())
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror}; free some space") from error
        self.results.append(result)

    def join(self) -> None:
        """Leave one line a case.

        Raises:
            InputError: the file cannot be written.
        """
        self.results = join(self.results)
        self._write()

    def _write(self) -> None:
        write_text(self.path, "".join(result.to_line() for result in self.results))
