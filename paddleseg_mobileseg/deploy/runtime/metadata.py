"""What a runtime must know of a converted model: the JSON file that lies beside it."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Union

from ...classes import Classes
from ...errors import InputError, shown
from ...files import read_regular
from ...schema import check_schema, from_dict
from .. import FORMATS, LIMITS, Limits
from ..ir.tensors import InputTensor, OutputTensor

SCHEMA = 7
_MOST_BYTES = 1 << 24
_MOST_ELEMENTS = 2**31
_AGAIN = "convert the model again"


@dataclass(frozen=True)
class MeasuredAgreement:
    """How a model that computes in fewer bits compared with float32 when it was converted.

    Attributes:
        computed_by: what stood for the phone, such as "simulation".
        images: how many were fed.
        source: where they came from, for people.
        labels: share of pixels that got float32's class, 0 to 1.
        miou_before, miou_after: in float32 and as converted, 0 to 1; None where the images have no labels.
    """

    computed_by: str
    images: int
    source: str
    labels: float
    miou_before: Optional[float] = None
    miou_after: Optional[float] = None

    def __str__(self) -> str:
        """One line for people."""
        scores = ""
        if self.miou_before is not None and self.miou_after is not None:
            scores = f", mIoU {self.miou_before:.4f} before and {self.miou_after:.4f} after"
        return f"{100 * self.labels:.2f} % of float32's labels{scores}, by {self.computed_by} on {self.source}"


@dataclass(frozen=True)
class WeightsFile:
    """The weights of a model whose format keeps them apart, in `weights_path`."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Metadata:
    """One converted model.

    Attributes:
        target: "arm" or "x86", or "any" for a model that its engine fits to the processor when it loads it.
        precision: what it computes in, "float32", "float16" or "int8".
        weights: what its weights are stored in, one of `WEIGHTS`.
        agreement: with float32, as measured while converting; None where nothing was measured.
        recipe: of its quantisation; None where it has none.
        num_classes: how many the labels, or the channels of the logits, can name; None if the program does not tell.
        classes: what they are called, and their colours; None if the export does not say.
        sha256: of the model.
        bytes: of the model, with its weights where they are a file of their own.
        opt_version: of Paddle-Lite's opt; None where it took no part.
        versions: of what made it.
        source_ops: ops of the exported program.
        passes: what was changed in it, and how many ops that concerned.
        format: one of `FORMATS`, which says what runs it.
        weights_file: the second file of a model that has two.
    """

    target: str
    precision: str
    weights: str
    agreement: Optional[MeasuredAgreement]
    recipe: Optional[Dict[str, Any]]
    input: InputTensor
    output: OutputTensor
    num_classes: Optional[int]
    classes: Optional[Classes]
    sha256: str
    bytes: int
    opt_version: Optional[str]
    versions: Dict[str, str]
    source_ops: Dict[str, int]
    passes: Dict[str, int] = field(default_factory=dict)
    format: str = "nb"
    weights_file: Optional[WeightsFile] = None
    schema: int = SCHEMA

    @property
    def numbers(self) -> str:
        """What its numbers are, as `LIMITS` names it: "float32", "int16", "int8", "float16" or "full_int8"."""
        return {"float32": self.weights, "int8": "full_int8"}.get(self.precision, self.precision)

    @property
    def limits(self) -> Limits:
        """How far it may be from the export that it was made of."""
        return LIMITS[self.numbers]

    @property
    def doubt(self) -> Optional[str]:
        """Why its labels may not be float32's, in words; None where they are known to be close enough."""
        if self.precision == "float32":
            return None
        if self.agreement is None:
            return f"it computes in {self.precision}, and nothing tells how well it agrees with float32"
        if self.agreement.labels < self.limits.agreement:
            return (
                f"it computes in {self.precision} and keeps {100 * self.agreement.labels:.2f} % of float32's labels, "
                f"less than {100 * self.limits.agreement:g} %"
            )
        return None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


def metadata_path(nb: Union[str, Path]) -> Path:
    """`model.nb` -> `model.nb.json`."""
    return Path(f"{nb}.json")


def weights_path(model: Union[str, Path]) -> Path:
    """Where the weights lie that are not in the model itself: `model.param` -> `model.bin`, as ncnn's tools name it."""
    return Path(model).with_suffix(".bin")


def sha256_of(path: Path) -> str:
    """Checksum of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _check_size(tensor: InputTensor) -> None:
    preprocessing = tensor.preprocessing
    if preprocessing is not None and list(preprocessing.size) != tensor.shape[2:]:
        raise InputError(f"input.preprocessing makes {list(preprocessing.size)}, and the input is {tensor.shape}")


def _check_classes(metadata: Metadata) -> None:
    classes, count = metadata.classes, metadata.num_classes
    if classes is not None and count is not None and len(classes) != count:
        raise InputError(f"there are {len(classes)} classes, and the model tells {count} apart")


def read_metadata(nb: Union[str, Path]) -> Metadata:
    """Read the JSON file beside `nb` and check that it belongs to it.

    Raises:
        InputError: one of the two is missing or damaged, or they do not belong together.
    """
    nb, path = Path(nb), metadata_path(nb)
    if not nb.is_file():
        raise InputError(f"there is no model {nb}; `mobileseg convert` makes one")
    try:
        content = json.loads(read_regular(path, _MOST_BYTES).decode("utf-8"))
    except InputError as error:
        raise InputError(f"{error}; it says what {nb.name} takes and gives, so keep the two together") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {shown(error)}; {_AGAIN}") from error
    check_schema(content, SCHEMA, str(path), _AGAIN)
    try:
        metadata = from_dict(Metadata, content)
        _check_size(metadata.input)
        if metadata.format not in FORMATS:
            raise InputError(f"its format is {shown(metadata.format)}, not one of {', '.join(FORMATS)}")
        if metadata.numbers not in LIMITS:
            raise InputError(f"its numbers are {shown(metadata.numbers)}, not one of {', '.join(LIMITS)}")
        _check_classes(metadata)
        for name, shape in (("input", metadata.input.shape), ("output", metadata.output.shape)):
            if min(shape, default=0) < 1 or math.prod(shape) > _MOST_ELEMENTS:
                raise InputError(f"{name}.shape is {shown(shape)}")
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}; {_AGAIN}") from error
    weights = metadata.weights_file
    _check_file(nb, metadata.bytes - (weights.bytes if weights else 0), metadata.sha256, path)
    if weights:
        _check_file(weights_path(nb), weights.bytes, weights.sha256, path)
    return metadata


def _check_file(file: Path, size: int, sha256: str, described_in: Path) -> None:
    """Refuse a file that is not the one that was written.

    Raises:
        InputError: it is missing, or another.
    """
    # A length is compared in no time, whatever lies there instead.
    if not file.is_file() or file.stat().st_size != size or sha256_of(file) != sha256:
        raise InputError(f"{file} is damaged or not the model that {described_in.name} describes; {_AGAIN}")
