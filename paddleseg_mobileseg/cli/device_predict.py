"""`mobileseg device predict`: images through a network on a phone, and overlays of what it saw."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ..errors import InputError, ToolError
from .device_options import add_program_arguments, run_settings, warn
from .shared_flags import add_least_agreement, limits_of

if TYPE_CHECKING:
    from ..deploy.android.predict import Prediction

EXAMPLE = "mobileseg device predict model.nb images/ --check output/export"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.nb", help="a model converted for arm")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images, and folders of images")
    parser.add_argument("--device", metavar="SERIAL", help="as `adb devices` names it (default: the only one)")
    parser.add_argument(
        "--check", type=Path, metavar="EXPORTED_DIR", help="compare with Paddle's labels of the exported model"
    )
    add_least_agreement(parser, "with --check: ")
    parser.add_argument("--save_dir", type=Path, default=Path("output/result"), help="(default: output/result)")
    parser.add_argument("--legend", action="store_true", help="put a legend below each overlay")
    add_program_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    from ..data.image_file import read_image
    from ..deploy.android.predict import predict
    from ..deploy.runtime.agreement import total_agreement
    from ..deploy.runtime.inputs import find_images
    from ..deploy.runtime.metadata import read_metadata
    from ..report.predictions import write_prediction
    from ..segmenter import Segmentation
    from ..segmenter.exported import classes_or_numbers

    settings = run_settings(args)
    _refuse_equal_names(find_images(args.images))
    metadata = read_metadata(args.model)
    classes = classes_or_numbers(metadata.classes, metadata.num_classes)
    rows: List[Dict[str, Any]] = []
    agreements = []
    for prediction in predict(
        args.model,
        args.images,
        serial=args.device,
        check=args.check,
        settings=settings,
        warn=warn,
    ):
        found = Segmentation(prediction.labels, classes, read_image(prediction.image), prediction.image)
        drawn = found.draw(legend=args.legend)
        written = write_prediction(f"{prediction.image.stem}.png", found.labels, classes, args.save_dir, drawn)
        rows.append(_row(prediction, written))
        if prediction.agreement:
            agreements.append(prediction.agreement)
        if not args.json:
            print(_text(rows[-1]), flush=True)
    total = total_agreement(agreements) if agreements else None
    if args.json:
        print(json.dumps({"images": rows, "pixel_agreement": total and total.pixel_agreement}, indent=2))
    elif total:
        print(f"all: {100 * total.pixel_agreement:.4f} % of {total.pixels} pixels of the same class as Paddle's")
    fault = total.fault(limits_of(args, read_metadata(args.model))) if total else None
    if fault:
        raise ToolError(f"the phone and Paddle disagree on {args.check}: {fault}")


def _refuse_equal_names(images: Sequence[Path]) -> None:
    seen: Dict[str, Path] = {}
    for image in images:
        other = seen.setdefault(image.stem, image)
        if other != image:
            raise InputError(f"{other} and {image} would be written to the same files: give them one after the other")


def _row(prediction: "Prediction", written: Sequence[Path]) -> Dict[str, Any]:
    agreement = prediction.agreement
    return {
        "image": str(prediction.image),
        "classes_present": sorted(map(int, set(prediction.labels.ravel()))),
        "pixel_agreement": agreement and agreement.pixel_agreement,
        "written": [str(path) for path in written],
    }


def _text(row: Dict[str, Any]) -> str:
    share = row["pixel_agreement"]
    agreeing = "" if share is None else f", {100 * share:.4f} % of the same class as Paddle's"
    return f"{row['image']}: {len(row['classes_present'])} classes{agreeing} -> {' '.join(row['written'])}"
