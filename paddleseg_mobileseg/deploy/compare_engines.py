"""One export in every engine: how each agrees with Paddle, how long its conversion takes, how large the file gets."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ..errors import InputError, MobilesegError
from ..files import scratch_folder
from ..report.tables import Table, cell
from . import FORMATS
from .compare import PaddleReference
from .convert import convert_for_host, require_converter
from .lower import LoweredModel, lower
from .runtime.agreement import Agreement, total_agreement
from .runtime.engines import Engine, find_engine
from .runtime.inputs import Source, input_sources, load_input, source_name
from .runtime.metadata import Metadata
from .translate import translation_fault


@dataclass(frozen=True)
class EngineRow:
    """What became of an export in one engine.

    Attributes:
        engine: its name.
        title: what people call it.
        version: of what is installed; None where it is not.
        installed: whether it could be tried.
        seconds: that the conversion took, the lowering that all engines share left out.
        bytes: of the model.
        agreement: with Paddle, over all inputs.
        fault: why it cannot be used, in words; None where it can.
    """

    engine: str
    title: str
    version: Optional[str]
    installed: bool
    seconds: Optional[float] = None
    bytes: Optional[int] = None
    agreement: Optional[Agreement] = None
    fault: Optional[str] = None

    def to_dict(self) -> Dict[str, Any]:
        """For JSON; shares of pixels are 0 to 1."""
        share = None if self.agreement is None else self.agreement.pixel_agreement
        return {**asdict(self), "pixel_agreement": share}


def compare_engines(
    exported: Union[str, Path],
    engines: Sequence[str],
    images: Optional[Sequence[Union[str, Path]]] = None,
    random: int = 1,
    seed: int = 0,
    input_shape: Optional[Sequence[int]] = None,
    weights: str = "float32",
    labels: str = "exact",
) -> List[EngineRow]:
    """Convert an export for each engine, and run it there and in Paddle.

    Args:
        exported: the folder.
        engines: of `ENGINES`; one that is not installed, or fails, is a row that says so.
        images, random, seed, input_shape, labels: as of `compare`.
        weights: as of `convert`.

    Raises:
        InputError: the export or an input cannot be used, or there is no such engine.
    """
    chosen = [find_engine(name) for name in engines]
    sources = input_sources(images, random, seed)
    lowered = lower(exported, labels, input_shape)
    with tqdm(chosen, desc="compare", unit="engine", disable=None, leave=False) as progress:
        return [_row(lowered, engine, sources, weights) for engine in progress]


def _row(lowered: LoweredModel, engine: Engine, sources: Sequence[Source], weights: str) -> EngineRow:
    facts: Dict[str, Any] = {"engine": engine.name, "title": engine.title, "version": engine.version()}
    try:
        engine.require()
        require_converter(engine.format)
    except InputError as error:
        return EngineRow(**facts, installed=False, fault=str(error))
    facts["installed"] = True
    started = time.perf_counter()
    with scratch_folder() as scratch:
        model = scratch / f"model{FORMATS[engine.format]}"
        try:
            converted = convert_for_host(lowered, model, engine.format, weights=weights)
            facts.update(seconds=converted.seconds, bytes=converted.metadata.bytes)
            return EngineRow(**facts, **_agreement(lowered, engine, converted.path, converted.metadata, sources))
        except MobilesegError as error:
            facts.setdefault("seconds", time.perf_counter() - started)
            return EngineRow(**facts, fault=str(error))


def _agreement(
    lowered: LoweredModel, engine: Engine, model: Path, metadata: Metadata, sources: Sequence[Source]
) -> Dict[str, Any]:
    reference = PaddleReference(lowered, metadata)
    rows, fault = [], None
    with engine.load(model, label_maps=False) as predictor:
        for source in sources:
            batch = load_input(source, metadata.input)
            output = predictor.run(batch)
            rows.append(reference.agreement(batch, output, source_name(source)))
            fault = fault or _fault(lowered, metadata, rows[-1], batch, output)
    return {"agreement": total_agreement(rows), "fault": fault}


def _fault(
    lowered: LoweredModel, metadata: Metadata, found: Agreement, batch: np.ndarray, output: np.ndarray
) -> Optional[str]:
    fault = found.fault(metadata.limits)
    if fault and found.pixel_agreement >= metadata.limits.agreement:
        return translation_fault(lowered, batch, output, metadata.limits)
    return fault


def engines_table(rows: Sequence[EngineRow]) -> str:
    """A Markdown table, one row an engine; below it, what went wrong."""
    titles = ("engine", "version", "pixels of the same class", "over the largest value", "conversion", "file")
    cells, faults = [], []
    for row in rows:
        found = row.agreement
        cells.append(
            [
                row.title,
                row.version or "not installed",
                f"{100 * found.pixel_agreement:.4f} % of {found.pixels}" if found else "-",
                cell(found and found.relative_difference, "{:.3g}"),
                cell(row.seconds, "{:.1f} s"),
                f"{row.bytes / 1e6:.2f} MB" if row.bytes else "-",
            ]
        )
        if row.fault:
            faults.append(f"{row.title}: {row.fault}")
    return "\n\n".join([Table("llrrrr", titles, cells).markdown(), *faults])
