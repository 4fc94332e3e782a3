"""`mobileseg device predict`: pictures through a network on a phone, and overlays of what it saw."""

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

import cv2
import numpy as np
from paddleseg.utils.visualize import get_color_map_list, get_pseudo_color_map

from ..demo.pictures import overlay
from ..deploy.agreement import MIN_AGREEMENT, total_agreement
from ..deploy.android.predict import Prediction, predict
from ..deploy.inputs import find_pictures
from ..errors import InputError, ToolError
from ..files import atomic_path
from .device_options import add_program_arguments, run_settings, warn

EXAMPLE = "mobileseg device predict model.nb pictures/ --check output/export"

_STRENGTH = 0.6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.nb", help="a model converted for arm")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="pictures, and folders of pictures")
    parser.add_argument("--device", metavar="SERIAL", help="as `adb devices` names it (default: the only one)")
    parser.add_argument(
        "--check", type=Path, metavar="EXPORTED_DIR", help="compare with Paddle's labels of the exported model"
    )
    parser.add_argument(
        "--min-agreement",
        type=float,
        default=MIN_AGREEMENT,
        help=f"with --check: least share of pixels that must get the same class (default: {MIN_AGREEMENT})",
    )
    parser.add_argument("--save_dir", type=Path, default=Path("output/result"), help="(default: output/result)")
    add_program_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    settings = run_settings(args)
    _refuse_equal_names(find_pictures(args.images))
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
        rows.append(_row(prediction, write_pictures(prediction, args.save_dir)))
        if prediction.agreement:
            agreements.append(prediction.agreement)
        if not args.json:
            print(_text(rows[-1]), flush=True)
    total = total_agreement(agreements) if agreements else None
    if args.json:
        print(json.dumps({"pictures": rows, "pixel_agreement": total and total.pixel_agreement}, indent=2))
    elif total:
        print(f"all: {100 * total.pixel_agreement:.4f} % of {total.pixels} pixels of the same class as Paddle's")
    fault = total.fault(args.min_agreement) if total else None
    if fault:
        raise ToolError(f"the phone and Paddle disagree on {args.check}: {fault}")


def _refuse_equal_names(pictures: Sequence[Path]) -> None:
    seen: Dict[str, Path] = {}
    for picture in pictures:
        other = seen.setdefault(picture.stem, picture)
        if other != picture:
            raise InputError(f"{other} and {picture} would be written to the same files: give them one after the other")


def _row(prediction: Prediction, written: Sequence[Path]) -> Dict[str, Any]:
    agreement = prediction.agreement
    return {
        "picture": str(prediction.picture),
        "classes_present": [int(label) for label in np.unique(prediction.labels)],
        "pixel_agreement": agreement and agreement.pixel_agreement,
        "written": [str(path) for path in written],
    }


def _text(row: Dict[str, Any]) -> str:
    share = row["pixel_agreement"]
    agreeing = "" if share is None else f", {100 * share:.4f} % of the same class as Paddle's"
    return f"{row['picture']}: {len(row['classes_present'])} classes{agreeing} -> {' '.join(row['written'])}"


def write_pictures(prediction: Prediction, folder: Path) -> List[Path]:
    """Write the overlay and the label map of a picture, at its own size, into the folders that PaddleSeg uses.

    Returns:
        added_prediction/NAME.png, with the classes in colour over the picture, and
        pseudo_color_prediction/NAME.png, whose pixels are class numbers with a palette.

    Raises:
        InputError: they cannot be written.
    """
    image = cv2.imread(str(prediction.picture), cv2.IMREAD_COLOR)[..., ::-1]
    if prediction.labels.max() > 255:
        raise InputError(f"{prediction.picture} got class {prediction.labels.max()}, and pictures hold 256 classes")
    labels = prediction.labels.astype(np.uint8)
    labels = cv2.resize(labels, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    colours = get_color_map_list(256)
    name = f"{prediction.picture.stem}.png"
    added, pseudo = folder / "added_prediction" / name, folder / "pseudo_color_prediction" / name
    mixed = overlay(image, labels, np.reshape(colours, (-1, 3)), _STRENGTH)
    with atomic_path(added) as scratch:
        if not cv2.imwrite(str(scratch), mixed[..., ::-1]):
            raise InputError(f"cannot write {added}; is the disk full?")
    with atomic_path(pseudo) as scratch:
        get_pseudo_color_map(labels, colours).save(str(scratch))
    return [added, pseudo]
