"""`mobileseg predict`: label maps of images of a checkpoint, an export or a converted model; names files on stdout."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import paddle
from paddleseg.core import predict
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.transforms import Compose
from paddleseg.utils import utils

from ..classes import Classes
from ..config.reader import build, load_config, without_pretrained
from ..data.samples import file_fault
from ..errors import InputError
from ..files import check_save_dir
from ..report.predictions import ADDED, PSEUDO, write_prediction
from ..segmenter import Segmentation, Segmenter, kind_of
from ..segmenter.checkpoint import checkpoint_file, find_config
from ..segmenter.pictures import NamedFile, find_pictures
from . import paddleseg_tools as tools

EXAMPLE = "mobileseg predict --model_path output/my_run --image_path images/ --legend"

_OF_CHECKPOINTS = (
    "aug_pred", "scales", "flip_horizontal", "flip_vertical", "is_slide", "crop_size", "stride", "batch_size", "config",
    "opts", "use_multilabel",
)  # fmt: skip
"""Flags that say how PaddleSeg runs a network layer by layer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser, required=False)
    tools.add_device_argument(parser)
    parser.add_argument("--device_id", type=int, default=0, help="which of several devices (default: 0)")
    parser.add_argument(
        "--model_path", required=True,
        help="a checkpoint, the folder of a training run, an exported folder, or a converted model",
    )  # fmt: skip
    tools.add_engine_argument(parser)
    parser.add_argument(
        "--image_path", required=True, nargs="+", metavar="PATH",
        help="images, folders of images, and text files that list images",
    )  # fmt: skip
    parser.add_argument("--save_dir", default="./output/result", help="where images go (default: ./output/result)")
    parser.add_argument("--legend", action="store_true", help="put a legend below each overlay")
    parser.add_argument("--labels_only", action="store_true", help="write label maps and no overlays")
    parser.add_argument("--batch_size", type=int, default=1, help="images a run of a checkpoint (default: 1)")
    tools.add_augmentation_arguments(parser, "--aug_pred")
    parser.add_argument("--custom_color", nargs="+", type=int, help="R G B of each class, one after the other")
    tools.add_multilabel_argument(parser, predict)
    parser.add_argument("--json", action="store_true", help="print what was seen in each image as JSON")
    tools.mark_flags_of_checkpoints(parser, _OF_CHECKPOINTS)


def run(args: argparse.Namespace) -> None:
    result, rows = sys.stdout, []
    with tools.logs_to_stderr():
        images = _images(args.image_path)
        check_save_dir(args.save_dir)
        for row in _predict_masks(args, images) if getattr(args, "use_multilabel", False) else _predict(args, images):
            rows.append(row)
            if not args.json:
                print(*row["written"], sep="\n", file=result, flush=True)
    if args.json:
        print(json.dumps(rows, indent=2))


def _images(paths: List[str]) -> List[NamedFile]:
    """The images that `--image_path` names, as far as they are this process's.

    Raises:
        InputError: there are none, one is damaged, or two would be written to one file.
    """
    found = [image for path in paths for image in find_pictures(path)]
    seen: Dict[Path, Path] = {}
    for path, name in found:
        other = seen.setdefault(name.with_suffix(""), path)
        if other != path:
            raise InputError(
                f"{other} and {path} would be written to the same files: list those that you mean in a text file, or "
                "give them one after the other"
            )
        fault = file_fault(str(path), thorough=False)
        if fault:
            raise InputError(f"{path} {fault}; nothing was predicted")
    processes = paddle.distributed.ParallelEnv()
    return found[processes.rank::processes.nranks]


def _predict(args: argparse.Namespace, images: Sequence[NamedFile]) -> Iterator[Dict[str, Any]]:
    """Write the files of each image, and say what they are and what was seen."""
    kind = kind_of(args.model_path)
    tools.refuse_flags_of_checkpoints(args, kind)
    config = _config(args) if kind == "checkpoint" else None
    device = args.device if args.device == "cpu" or args.device_id == 0 else f"{args.device}:{args.device_id}"
    with tools.one_error("prediction"), Segmenter(
        args.model_path, config, args.engine, device, args.batch_size
    ) as segmenter:
        classes = _coloured(segmenter.classes, args.custom_color)
        for (path, name), found in zip(images, segmenter(image.path for image in images)):
            found = replace(found, classes=classes)
            drawn = None if args.labels_only else found.draw(legend=args.legend)
            yield _row(path, found, write_prediction(name, found.labels, classes, Path(args.save_dir), drawn))
        print(
            f"{len(images)} images, {segmenter.throughput:.3g} a second ({segmenter.network.kind}, engine "
            f"{segmenter.network.engine})", file=sys.stderr,
        )  # fmt: skip


def _row(path: Path, found: Segmentation, written: Sequence[Path]) -> Dict[str, Any]:
    classes = [{"class": each.index, "name": each.name, "share": each.share} for each in found.shares()]
    return {"image": str(path), "classes": classes, "written": [str(each) for each in written]}


def _config(args: argparse.Namespace) -> Config:
    """The config of a checkpoint with the flags that say how it is to be run laid over it."""
    path = args.config or find_config(checkpoint_file(Path(args.model_path)))
    config = load_config(path, opts=args.opts, needs=("val_dataset",))
    config.dic["test_config"] = tools.test_config(config, args, "aug_pred")
    return config


def _coloured(classes: Classes, numbers: Optional[Sequence[int]]) -> Classes:
    """The classes with the colours of `--custom_color`, as far as it goes."""
    if not numbers:
        return classes
    if len(numbers) % 3:
        raise InputError(f"--custom_color takes three numbers a class, it got {len(numbers)}")
    given = [tuple(numbers[at:at + 3]) for at in range(0, len(numbers), 3)]
    return replace(classes, colours=(*given, *classes.colours[len(given):])[: len(classes)])


def _predict_masks(args: argparse.Namespace, images: Sequence[NamedFile]) -> Iterator[Dict[str, Any]]:
    """Labels that are one mask a class, by PaddleSeg's own prediction (2.9 and newer)."""
    tools.refuse_flags_of_checkpoints(args, kind_of(args.model_path))
    config, file = _config(args), checkpoint_file(Path(args.model_path))
    config.dic["model"] = without_pretrained(config.dic["model"])
    utils.set_device(args.device)
    builder = SegBuilder(config)
    model = build(config, "model", builder)
    tools.load_checkpoint(model, str(file))
    transforms = Compose(build(config, "val_transforms", builder))
    options = {name: value for name, value in config.test_config.items() if name not in ("aug_eval", "auc_roc")}
    for path, name in images:
        with tools.one_error("prediction"):
            predict(
                model, model_path=str(file), transforms=transforms, image_list=[str(path)],
                image_dir=str(path)[: -len(str(name))], save_dir=args.save_dir, **options,
            )  # fmt: skip
        written = Path(args.save_dir, ADDED, name), Path(args.save_dir, PSEUDO, name.with_suffix(".png"))
        missing = [each for each in written if not each.is_file() or not each.stat().st_size]
        if missing:  # OpenCV does not say when it could not write one
            raise InputError(f"cannot write {missing[0]}; free some space or choose another --save_dir")
        yield {"image": str(path), "written": [str(each) for each in written]}
