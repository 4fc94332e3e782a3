"""What a campaign found, as JSON."""

import json
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.schema import check_schema, from_dict

from .judge import ERROR, FAULTS, WORKED

SCHEMA = 1
_AGAIN = "run the campaign again with `python -m faults run`"


@dataclass(frozen=True)
class Fault:
    """A case that ended as none should.

    Attributes:
        case: its number; with the seed it makes the case again.
        what: was done to the file.
        outcome, detail: as of a `Verdict`.
    """

    case: int
    what: str
    outcome: str
    detail: str


@dataclass
class Tally:
    """What became of the cases of one kind.

    Attributes:
        outcomes: how many ended in each way.
        seconds: that all took together.
        slowest_seconds: of the case that took longest.
        peak_bytes: the most that a case held beyond what the idle child does.
        faults: those that are to be mended.
    """

    outcomes: Dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    peak_bytes: int = 0
    faults: List[Fault] = field(default_factory=list)

    def add(self, case: int, answer: Dict[str, Any]) -> Optional[Fault]:
        """Count a case as the child told of it; the fault if it is one. The honest file must work."""
        outcome, detail = answer["outcome"], answer["detail"]
        if case == 0 and outcome == ERROR:
            outcome, detail = "wrong", f"the honest file is refused: {detail}"
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.seconds += answer["seconds"]
        self.slowest_seconds = max(self.slowest_seconds, answer["seconds"])
        self.peak_bytes = max(self.peak_bytes, answer["peak_bytes"])
        if outcome in (ERROR, WORKED):
            return None
        self.faults.append(Fault(case, answer["what"], outcome, detail))
        return self.faults[-1]

    @property
    def tried(self) -> int:
        return sum(self.outcomes.values())

    @property
    def anything_else(self) -> Dict[str, int]:
        """How many ended in each way in which none should."""
        counts = Counter(self.outcomes)
        return {name: counts[name] for name in FAULTS if counts[name]}


@dataclass
class Campaign:
    """All kinds of one run.

    Attributes:
        seed: that the cases follow from.
        limits: of each case: seconds of processor time, and bytes beyond those of the idle child.
        python: its version, and the machine's architecture.
        tallies: by kind.
    """

    seed: int
    limits: Dict[str, int]
    python: str = f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}"
    tallies: Dict[str, Tally] = field(default_factory=dict)
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        write_text(path, json.dumps(asdict(self), indent=1) + "\n")


def read_campaign(path: Path) -> Campaign:
    """What `Campaign.write` wrote.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path}: {error}; {_AGAIN}") from error
    check_schema(content, SCHEMA, str(path), _AGAIN)
    return from_dict(Campaign, content)
