"""The same inputs through Paddle and through an engine on this host, or a simulation of ARM in half precision."""

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ..data.transforms import paddleseg_input
from ..errors import InputError
from ..files import scratch_folder
from ..labels import label_map_of
from ..report.tables import Table, cell
from . import FORMATS
from .convert import Conversion, convert, convert_for_host
from .halve import SimulatedHalf
from .ir.io_signature import describe_input
from .ir.static_graph import StaticGraph
from .lower import LoweredModel, lower
from .passes.rewrites import was_rewritten
from .runtime.agreement import Agreement, measure_agreement, total_agreement
from .runtime.engines import find_engine, load_model
from .runtime.image_labels import image_labels
from .runtime.inputs import input_sources, load_input, source_name
from .runtime.metadata import Metadata, read_metadata
from .runtime.predictor import Predictor


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: each input, and all taken together."""

    model: Metadata
    inputs: List[Agreement]
    total: Agreement

    def to_dict(self) -> Dict[str, Any]:
        """For JSON; shares of pixels are 0 to 1."""

        def row(agreement: Agreement) -> Dict[str, Any]:
            return {**asdict(agreement), "pixel_agreement": agreement.pixel_agreement}

        return {
            "output_kind": self.model.output.kind,
            "label_map": self.model.output.label_map,
            "input_shape": self.model.input.shape,
            "weights": self.model.weights,
            "inputs": [row(agreement) for agreement in self.inputs],
            "total": row(self.total),
        }

    def table(self) -> str:
        """A Markdown table: one row an input, and the total if there are several."""
        titles = (
            "input", "largest difference", "over the largest value", "pixels of the same class", "classes present"
        )
        rows = []
        for row in self.inputs + ([self.total] if len(self.inputs) > 1 else []):
            agreeing = f"{100 * row.pixel_agreement:.4f} % of {row.pixels}"
            differences = [cell(value, "{:.3g}") for value in (row.largest_difference, row.relative_difference)]
            rows.append([row.input, *differences, agreeing, str(row.classes_present)])
        return Table("lrrrr", titles, rows).markdown()


def compare(
    exported: Union[str, Path, LoweredModel],
    nb: Optional[Union[str, Path]] = None,
    images: Optional[Sequence[Union[str, Path]]] = None,
    random: int = 1,
    seed: int = 0,
    input_shape: Optional[Sequence[int]] = None,
    weights: str = "float32",
    labels: str = "exact",
    precision: str = "float32",
    engine: str = "lite",
) -> Comparison:
    """Run the exported program in Paddle, and its conversion in the engine that it is for.

    Where the conversion ends at low-resolution logits, these are compared with Paddle's at the same place,
    and the label map made of them with that of the export as it is.

    Args:
        exported: the folder of the exported model, or what a conversion of it lowered.
        nb: its conversion, of any format that runs on this host; converted in a temporary folder if None.
        images: image files and folders of them.
        random: without images, how many inputs of noise.
        seed: of the first input of noise.
        input_shape: N, C, H, W for a model that was exported without a fixed size, where nb is None.
        weights: what to store the weights in, where nb is None.
        labels: what makes the label map, as of `convert`, where nb is None.
        precision: as of `convert`, where nb is None; "fp16" of Paddle-Lite is simulated.
        engine: one of `ENGINES`, where nb is None.

    Raises:
        InputError: a file or a flag cannot be used, or `nb` is not a conversion of the exported model.
        ToolError: opt or the predictor failed.
    """
    sources = input_sources(images, random, seed)
    with scratch_folder() as scratch:
        if nb is None:
            options = dict(weights=weights, input_shape=input_shape, labels=labels)
            converted = convert_to_compare(exported, scratch, engine, precision, **options)
            exported, nb = converted.lowered, converted.path
        with _opened(exported, nb) as predictor:
            metadata = predictor.metadata
            if metadata.precision == "int8" and images is None:
                raise InputError(f"{nb} is calibrated for int8 on pictures, not on noise: give --images")
            reference = PaddleReference(exported, metadata)
            rows = []
            for source in tqdm(sources, desc="compare", unit="input", disable=None, leave=False):
                batch = load_input(source, metadata.input)
                rows.append(reference.agreement(batch, predictor.run(batch), source_name(source)))
        return Comparison(metadata, rows, total_agreement(rows))


def convert_to_compare(
    exported: Union[str, Path, LoweredModel],
    folder: Path,
    engine: str = "lite",
    precision: str = "float32",
    **options: Any,
) -> Conversion:
    """A conversion that an engine runs on this host; Paddle-Lite's half precision is simulated, and measured after it.

    Args:
        folder: to write to.
        engine: one of `ENGINES`.
        precision, options: as of `convert`.

    Raises:
        InputError, ToolError: as of `convert`.
    """
    format = find_engine(engine).format
    model = folder / f"model{FORMATS[format]}"
    if precision == "fp16" and format == "nb":
        return convert(exported, model, "arm", precision=precision, measure=lambda before, after: None, **options)
    return convert_for_host(exported, model, format, precision=precision, **options)


class _SimulatedPredictor:
    """A conversion to half precision, simulated: what is asked of a `Predictor` here."""

    def __init__(self, halved: LoweredModel, metadata: Metadata):
        self.metadata = metadata
        self.run = SimulatedHalf(halved).run


@contextmanager
def _opened(exported: Union[str, Path, LoweredModel], nb: Path) -> Iterator[Union[Predictor, _SimulatedPredictor]]:
    metadata = read_metadata(nb)
    if metadata.format == "nb" and metadata.precision == "float16" and isinstance(exported, LoweredModel):
        yield _SimulatedPredictor(exported, metadata)
        return
    with load_model(nb, label_maps=False) as predictor:
        yield predictor


def _lowered(exported: Union[str, Path, LoweredModel], metadata: Metadata) -> LoweredModel:
    """The export as the conversion got it; `exported` itself where it was lowered so."""
    rewritten = was_rewritten(metadata.passes)
    if isinstance(exported, LoweredModel):
        if exported.output.label_map == metadata.output.label_map and was_rewritten(exported.passes) == rewritten:
            return exported
        exported = exported.source.folder
    return lower(exported, metadata.output.label_map, metadata.input.shape, rewritten)


class PaddleReference:
    """What Paddle gives on this host for an export, in the form of its conversion.

    Args:
        exported: as of `compare`.
        metadata: of its conversion, for any target.

    Raises:
        InputError: the export cannot be used, or not with the conversion's input shape and label map.
    """

    def __init__(self, exported: Union[str, Path, LoweredModel], metadata: Metadata):
        lowered = _lowered(exported, metadata)
        self.output = metadata.output
        self.transforms, self.input = lowered.source.transforms, describe_input(lowered.program)
        self.graph = StaticGraph(lowered.program)
        # VIM, where the export has it and the conversion does not, or the other way about, is another label map. And a
        # rewritten program is the more exact one: a mean over a large map loses digits in Paddle as it was exported.
        same = (lowered.source_label_map == "vim") == (metadata.output.label_map == "vim")
        self.source = StaticGraph(lowered.source) if same and not was_rewritten(lowered.passes) else None

    def labels(self, batch: np.ndarray) -> np.ndarray:
        """Class numbers [N, H, W]: the export's own where the conversion makes them as that does, and as exactly."""
        return label_map_of(self.source.run(batch)) if self.source else self.output.labels(self.graph.run(batch))

    def agreement(self, batch: np.ndarray, output: np.ndarray, name: str) -> Agreement:
        """Compare an engine's `output` for `batch` with Paddle's.

        Raises:
            InputError: it has another form: the conversion is of another network.
        """
        reference = self.graph.run(batch)
        if reference.shape != output.shape or not np.isfinite(output).all():
            return measure_agreement(reference, output, name)
        return measure_agreement(reference, output, name, (self.labels(batch), self.output.labels(output)))

    def image_labels(self, image: Union[str, Path]) -> np.ndarray:
        """Class numbers [H, W] of an image file at its own size, without what the conversion wrote down of images.

        PaddleSeg's own transforms prepare it, as the export lists them, and their record of it is undone.

        Raises:
            InputError: the image cannot be read, or the export does not list its transforms.
        """
        if self.input.preprocessing is None:
            raise InputError("the exported model has no deploy.yaml, so its preprocessing is unknown; export it again")
        batch, trans_info = paddleseg_input(self.transforms, self.input.preprocessing, image)
        return image_labels(self.output, self.graph.run(batch), trans_info, self.input.preprocessing.size)
