"""What a runtime must know of a `.nb`: the JSON file that lies beside it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, Optional, Union

from ...errors import InputError
from ..ir.tensors import InputTensor, OutputTensor

SCHEMA = 3

FP16_UNVERIFIED = (
    "half precision has not been shown right on any device: under emulation its labels agreed with float32 in 46 % of "
    "the pixels of one network and were NaN for another; compare it with float32 on the device before using it"
)


@dataclass(frozen=True)
class Metadata:
    """One converted model.

    Attributes:
        target: "arm" or "x86".
        precision: what it computes in, "float32" or "float16".
        weights: what its weights are stored in, "float32", "int16" or "int8".
        unverified: why its results cannot be relied on; None if they were checked.
        num_classes: how many the labels, or the channels of the logits, can name; None if the program does not tell.
        sha256, bytes: of the `.nb`.
        versions: of what made it.
        source_ops: ops of the exported program.
        passes: what was changed in it for Paddle-Lite, and how many ops that concerned.
    """

    target: str
    precision: str
    weights: str
    unverified: Optional[str]
    input: InputTensor
    output: OutputTensor
    num_classes: Optional[int]
    sha256: str
    bytes: int
    opt_version: str
    versions: Dict[str, str]
    source_ops: Dict[str, int]
    passes: Dict[str, int] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


def metadata_path(nb: Union[str, Path]) -> Path:
    """`model.nb` -> `model.nb.json`."""
    return Path(f"{nb}.json")


def sha256_of(path: Path) -> str:
    """Checksum of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _from_dict(kind: type, content: Dict[str, Any]) -> Any:
    return kind(**{entry.name: content[entry.name] for entry in fields(kind)})


def read_metadata(nb: Union[str, Path]) -> Metadata:
    """Read the JSON file beside `nb` and check that it belongs to it.

    Raises:
        InputError: one of the two is missing or damaged, or they do not belong together.
    """
    nb, path = Path(nb), metadata_path(nb)
    if not nb.is_file():
        raise InputError(f"there is no model {nb}; `mobileseg convert` makes one")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it holds no object")
        schema = content["schema"] if "schema" in content else "1 or 2"
        if schema != SCHEMA:
            raise InputError(f"{path} is of schema {schema}, and this version reads {SCHEMA}; convert the model again")
        metadata = _from_dict(
            Metadata,
            {
                **content,
                "input": _from_dict(InputTensor, content["input"]),
                "output": _from_dict(OutputTensor, content["output"]),
            },
        )
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; it says what {nb.name} takes and gives, so keep the two together"
        ) from error
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged or of another version ({error}); convert the model again") from error
    if sha256_of(nb) != metadata.sha256:
        raise InputError(f"{nb} is damaged or not the model that {path.name} describes; convert the model again")
    return metadata
