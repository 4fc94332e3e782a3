"""`mobileseg convert`: an exported model -> a `.nb` for Paddle-Lite, or what another engine runs."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from ..deploy import FORMATS, LABEL_MAPS, PRECISIONS, TARGETS, WEIGHTS
from ..errors import InputError
from .shared_flags import Renamed, add_input_shape
from .validation_set import add_validation_set, validation_set

if TYPE_CHECKING:
    from ..classes import Classes
    from ..deploy.lower import LoweredModel
    from ..deploy.runtime.metadata import MeasuredAgreement, Metadata

_FEW = 16
"""Pictures below which a calibration is worth a note."""

EXAMPLE = "mobileseg convert output/export --target arm --output model.nb"


def add_arguments(parser) -> None:
    parser.add_argument("exported_dir", type=Path, help="the folder that an export wrote")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="nb for Paddle-Lite, onnx for ONNX Runtime, tflite for LiteRT, ncnn or mnn, each but nb with the extra of "
        "its name (default: as --output ends, or nb)",
    )
    parser.add_argument("--target", choices=TARGETS, help="of a .nb: processor to convert for (default: arm)")
    parser.add_argument(
        "--output", type=Path, help="file to write (default: EXPORTED_DIR/model_TARGET.nb, or model as the format ends)"
    )
    parser.add_argument(
        "--weights",
        choices=WEIGHTS,
        default="float32",
        help="store the weights smaller, as far as the format has it; they are expanded at load, so this saves space "
        "and no time (default: float32)",
    )
    parser.add_argument(
        "--labels",
        choices=LABEL_MAPS,
        default="exact",
        help="what makes the label map: exact ends the model at its low-resolution logits, of which the runtime makes "
        "the labels (mobileseg/upsample_labels.h); argmax and vim do it in the graph; none leaves the output as "
        "exported (default: exact)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="what to compute in; fp16 is for phones of ARMv8.2 and later, int8 needs --calibration (default: float32)",
    )
    parser.add_argument(
        "--calibration",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="pictures like those of use, without labels, and folders of them: --precision int8 needs them, and fp16 "
        "is compared with float32 on them (default for fp16: built-in scenes)",
    )
    parser.add_argument(
        "--images", type=int, default=100, metavar="N", help="of --calibration: how many to take (default: 100)"
    )
    add_validation_set(parser)
    parser.add_argument("--fp16", action=Renamed, now="--precision fp16")
    parser.add_argument(
        "--no-optimize",
        dest="optimize",
        action="store_false",
        help="leave out the rewrites for ARM, which change roundings only: to compare with",
    )
    add_input_shape(parser)
    parser.add_argument("--json", action="store_true", help="print what the JSON file beside the model says")


def summary(output: Path, metadata: "Metadata") -> str:
    """What was converted, in lines to read."""
    from ..deploy.runtime.metadata import weights_path

    tensor, result = metadata.input, metadata.output
    classes = f", {metadata.num_classes} classes" if metadata.num_classes else ""
    label_map = f", by {result.label_map}" if result.kind == "labels" else ""
    if result.label_size:
        label_map = ", from which the runtime makes labels of {}x{} (upsample_labels.h)".format(*result.label_size)
    passes = ", ".join(f"{what} ({count})" for what, count in metadata.passes.items()) or "nothing"
    weights = f", {weights_path(output).name}" if metadata.weights_file else ""
    rows = {
        "wrote": f"{output}{weights} ({metadata.bytes / 1e6:.2f} MB) and {output.name}.json",
        "target": f"{_made_for(metadata)}, {metadata.precision}, weights in {metadata.weights}{_made_by(metadata)}",
        "input": f"{tensor.name}: {tensor.dtype} {tensor.shape}, in the file as {tensor.layout}",
        "images": str(tensor.preprocessing or "no deploy.yaml says how they become the input"),
        "output": f"{result.kind}: {result.dtype} {result.shape}{classes}{label_map}",
        "passes": passes,
    }
    if metadata.agreement:
        rows["agrees"] = str(metadata.agreement)
    return "\n".join(f"{title:<8}{text}" for title, text in rows.items())


def _made_for(metadata: "Metadata") -> str:
    return metadata.target if metadata.format == "nb" else f"{metadata.format} on any processor"


def _made_by(metadata: "Metadata") -> str:
    return f", opt {metadata.opt_version}" if metadata.opt_version else ""


def _measure(
    args: Any, dataset: Any, classes: "Classes", before: "LoweredModel", after: "LoweredModel"
) -> "MeasuredAgreement":
    from ..evaluation import measure_precision

    return measure_precision(before, after, dataset, classes, str(args.config))


def _format_of(output: Optional[Path]) -> str:
    """The format that a file's name ends as, "nb" where it tells none."""
    named = [name for name, suffix in FORMATS.items() if output is not None and output.suffix == suffix]
    return named[0] if named else "nb"


def run(args) -> None:
    from ..deploy.convert import convert

    if args.config and args.precision == "float32":
        raise InputError("--config says what --precision costs; `mobileseg compare` takes it for the rest")
    made = args.format or _format_of(args.output)
    if args.config and made != "nb":
        raise InputError("--config is for .nb files here; `mobileseg compare` takes it with --engine for the others")
    data = validation_set(args)
    name = f"model_{args.target or 'arm'}" if made == "nb" else "model"
    output = args.output or args.exported_dir / f"{name}{FORMATS[made]}"
    metadata = convert(
        args.exported_dir,
        output,
        args.target,
        weights=args.weights,
        precision=args.precision,
        input_shape=args.input_shape,
        labels=args.labels,
        optimize=args.optimize,
        calibration=args.calibration,
        images=args.images,
        measure=data and partial(_measure, args, *data),
        format=made,
    ).metadata
    if metadata.doubt:
        print(f"warning: {output}: {metadata.doubt}", file=sys.stderr)
    if args.precision == "int8" and metadata.recipe["images"] < _FEW:
        print(
            f"note: {metadata.recipe['images']} pictures are few to calibrate with; {_FEW} and more tell better how "
            "large the features get",
            file=sys.stderr,
        )
    if args.weights != "float32" and made == "nb":
        print(
            f"note: weights in {args.weights} change the results; "
            f"`mobileseg compare {args.exported_dir} --weights {args.weights}` tells how much",
            file=sys.stderr,
        )
    print(metadata.to_json() if args.json else summary(output, metadata), end="" if args.json else "\n")
