"""What a checkpoint holds beside weights and optimizer: where the training stood, as JSON."""

import json
import math
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional

from ..errors import InputError
from ..files import write_text
from ..schema import check_schema, from_dict

STATE_FILE = "training_state.json"
BEST_FILE = "best.json"
WEIGHTS, OPTIMIZER, AVERAGE = "model.pdparams", "model.pdopt", "ema_model.pdparams"
SCHEMA = 1
_AGAIN = "go on from another checkpoint"


@dataclass(frozen=True)
class Best:
    """The best evaluation so far: its mIoU, and the iteration after which it was."""

    miou: float = -1.0
    iteration: int = -1


@dataclass(frozen=True)
class TrainingState:
    """Where a training stood after an iteration.

    The random numbers and the order of the data are functions of `seed` and the iteration (see `data.draws`), so that
    these two are their whole state.

    Attributes:
        iteration: iterations done.
        seed: of the run.
        samples, batch_size, processes: what the order of the data depends on beside the seed.
        best, best_average: of the weights, and of their moving average.
        stale: evaluations in a row without a better mIoU.
        scaler: the state of the loss scaling of mixed precision.
    """

    iteration: int
    seed: int
    samples: int
    batch_size: int
    processes: int
    best: Best = field(default_factory=Best)
    best_average: Best = field(default_factory=Best)
    stale: int = 0
    scaler: Optional[Dict[str, Any]] = None


@dataclass(frozen=True)
class _File:
    """Length in bytes and checksum of a file of a checkpoint."""

    bytes: int
    crc32: int


@dataclass(frozen=True)
class _Files:
    """What the state says of the files beside it, by name."""

    files: Dict[str, _File]


def checksum(path: Path) -> int:
    """CRC-32 of a file's bytes: it tells damage, not malice."""
    value = 0
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            value = zlib.crc32(block, value)
    return value


def write_state(folder: Path, state: TrainingState) -> None:
    """Write the state into a checkpoint's folder, with size and checksum of each file that is there.

    Raises:
        InputError: it cannot be written.
    """
    files = {path.name: asdict(_File(path.stat().st_size, checksum(path))) for path in sorted(folder.iterdir())}
    write_text(folder / STATE_FILE, json.dumps({"schema": SCHEMA, **asdict(state), "files": files}, indent=1))


def read_state(folder: Path) -> Optional[TrainingState]:
    """The state in a checkpoint's folder; None where it has none, as PaddleSeg writes them.

    Raises:
        InputError: the state is damaged, or a file is not as it was when it was saved; the message says which.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {str(error)[:80]})") from error
    check_schema(content, SCHEMA, str(path), _AGAIN)
    stated = {key: value for key, value in content.items() if key not in ("schema", "files")}
    try:
        state = from_dict(TrainingState, stated)
        files = from_dict(_Files, {"files": content.get("files")}).files
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    for name, stored in files.items():
        file = folder / Path(name).name
        if not file.is_file():
            raise InputError(f"{file} is missing")
        if _File(file.stat().st_size, checksum(file)) != stored:
            raise InputError(f"{file} is damaged: it is not what was saved")
    return state


def _best(content: Dict[str, Any]) -> Best:
    return Best(float(content["miou"]), int(content["iteration"]))


def write_best(folder: Path, best: Best) -> None:
    """Say beside the best weights what they scored.

    Raises:
        InputError: it cannot be written.
    """
    write_text(folder / BEST_FILE, json.dumps(asdict(best)))


def read_best(folder: Path) -> Optional[Best]:
    """What the best weights in `folder` scored; None where nothing says so, or it is damaged."""
    try:
        best = _best(json.loads((folder / BEST_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return best if math.isfinite(best.miou) else None
