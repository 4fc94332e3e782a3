"""Results as they are read back: the turns of a case put together, and ratios within a round."""

import json
import statistics
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from paddleseg_mobileseg.deploy.runtime.records import Configuration, Environment, Record
from paddleseg_mobileseg.errors import InputError

from .cases import Case
from .results_file import read_results

IN_GRAPH = ("argmax", "vim")
"""The label maps that the network's own graph makes, so that no clock can be put between the two."""


@dataclass(frozen=True)
class Measurement:
    """One case.

    Attributes:
        rounds: which rounds the turns of `record` were taken in, in its order.
        agreement: share of pixels labelled as by Paddle in float32 with the exact label map, 0 to 1; None where
            that was not looked at.
        settings: what else the user chose: "warmup", "repeats" in a turn, "images".
    """

    suite: str
    case: Case
    rounds: List[int]
    record: Record
    agreement: Optional[float]
    settings: Dict[str, Any]

    def round_medians(self, part: str = "end_to_end") -> Dict[int, float]:
        """Median milliseconds of each round: of the "network", the "label_map" or the "end_to_end"; empty without."""
        record = self.record
        turns = {"network": record.network_ms, "label_map": record.label_map_ms, "end_to_end": record.rounds_ms}[part]
        return {number: statistics.median(turn) for number, turn in zip(self.rounds, turns)}

    def median(self, part: str = "end_to_end") -> Optional[float]:
        """Median over the rounds of `round_medians`, so that one slow turn does not count more than another."""
        medians = self.round_medians(part)
        return statistics.median(medians.values()) if medians else None

    def to_row(self) -> Dict[str, Any]:
        """As JSON lines hold it."""
        return {
            "suite": self.suite,
            "case": asdict(self.case),
            "rounds": self.rounds,
            "agreement": self.agreement,
            "settings": self.settings,
            "record": json.loads(self.record.to_json()),
        }


def ratio(one: Measurement, other: Measurement) -> Optional[float]:
    """Whole time of `one` over that of `other`: the median of the ratios within each common round."""
    return _over_rounds(one, other, lambda mine, others: mine / others)


def label_map_ms(measurement: Measurement, others: Iterable[Measurement]) -> Optional[float]:
    """What the label map costs.

    Where the graph makes it, that is the whole time less the network's time in the "exact" case of the same
    network, round by round.

    Args:
        others: among which that case is; None is given where it is not, or where nothing makes labels.
    """
    if measurement.record.label_map_ms:
        return measurement.median("label_map")
    exact = find(others, replace(measurement.case, label_map="exact"))
    if measurement.case.label_map not in IN_GRAPH or exact is None:
        return None
    network = exact.round_medians("network")
    whole = measurement.round_medians()
    common = [whole[number] - network[number] for number in whole if number in network]
    return statistics.median(common) if common else None


def _over_rounds(
    one: Measurement, other: Measurement, combine: Callable[[float, float], float]
) -> Optional[float]:
    mine, others = one.round_medians(), other.round_medians()
    common = [combine(mine[number], others[number]) for number in mine if number in others]
    return statistics.median(common) if common else None


def find(measurements: Iterable[Measurement], case: Case) -> Optional[Measurement]:
    """The measurement of `case`, if there is one."""
    return next((each for each in measurements if each.case == case), None)


def join(parts: Sequence[Measurement]) -> List[Measurement]:
    """One measurement a case, in the order of their first turns."""
    grouped: Dict[Any, List[Measurement]] = {}
    for part in parts:
        grouped.setdefault((part.suite, part.case.key), []).append(part)
    return [_join_turns(turns) for turns in grouped.values()]


def _join_turns(parts: List[Measurement]) -> Measurement:
    """The turns of one case as one measurement."""
    first, records = parts[0], [part.record for part in parts]
    peaks = [record.peak_memory_bytes for record in records if record.peak_memory_bytes is not None]
    shares = [part.agreement for part in parts if part.agreement is not None]
    network = [turn for record in records for turn in record.network_ms]
    configuration = replace(
        first.record.configuration, repeats=sum(len(turn) for turn in network), rounds=len(network)
    )
    record = replace(
        first.record,
        configuration=configuration,
        network_ms=network,
        label_map_ms=[turn for record in records for turn in record.label_map_ms],
        peak_memory_bytes=max(peaks, default=None),
    )
    rounds = [number for part in parts for number in part.rounds]
    return replace(first, rounds=rounds, record=record, agreement=min(shares, default=None))


def _from_dict(kind: type, content: Dict[str, Any]) -> Any:
    """A field that has a default may be missing, so that older files can be compared with."""
    known = [entry.name for entry in fields(kind) if entry.name in content or entry.default is MISSING]
    return kind(**{name: content[name] for name in known})


def from_row(row: Dict[str, Any]) -> Measurement:
    """The measurement that a row of a results file holds.

    Raises:
        InputError: it holds something else.
    """
    try:
        record = dict(row["record"])
        record["configuration"] = _from_dict(Configuration, record["configuration"])
        record["environment"] = _from_dict(Environment, record["environment"])
        return Measurement(
            suite=row["suite"],
            case=_from_dict(Case, row["case"]),
            rounds=row["rounds"],
            record=_from_dict(Record, record),
            agreement=row["agreement"],
            settings=row["settings"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"a row is no result of `python -m benchmarks run` ({error!r}); measure again") from error


def read_measurements(path: Union[str, Path]) -> List[Measurement]:
    """What a results file of `python -m benchmarks run` holds, one measurement a case.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no results file {path}; `python -m benchmarks run SUITE --output {path}` makes one")
    try:
        return join([from_row(row) for row in read_results(path) if row.get("suite") != "training"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
