"""`mobileseg predict`: PaddleSeg's prediction, with the list of written images on stdout."""

import argparse
import os
from typing import List, Optional, Tuple

from paddleseg.core import predict
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Compose
from paddleseg.utils import get_image_list, utils

from ..config.reader import build
from ..data.inference import exact_label_maps
from ..data.samples import file_fault
from ..errors import InputError
from ..files import check_save_dir
from . import paddleseg_tools as tools

EXAMPLE = "mobileseg predict --config my_config.yml --model_path model.pdparams --image_path images/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    tools.add_device_argument(parser)
    parser.add_argument("--device_id", type=int, default=0, help="which of several devices (default: 0)")
    parser.add_argument("--model_path", required=True, help="the checkpoint")
    parser.add_argument("--image_path", required=True, help="an image, a folder, or a text file that lists images")
    parser.add_argument("--save_dir", default="./output/result", help="where images go (default: ./output/result)")
    tools.add_augmentation_arguments(parser, "--aug_pred")
    parser.add_argument("--custom_color", nargs="+", type=int, help="R G B of each class, one after the other")
    tools.add_multilabel_argument(parser, predict)


def run(args: argparse.Namespace) -> None:
    with tools.logs_to_stderr():
        written = _predict(args)
    for path in written:
        print(path)


def _predict(args: argparse.Namespace) -> List[str]:
    config = tools.load_inference_config(args, args.model_path)
    options = {
        name: value for name, value in tools.test_config(config, args, "aug_pred").items()
        if name not in ("aug_eval", "auc_roc")
    }
    if args.custom_color:
        if len(args.custom_color) % 3:
            raise InputError(f"--custom_color takes three numbers a class, it got {len(args.custom_color)}")
        options["custom_color"] = args.custom_color
    images, folder = _images(args.image_path)
    check_save_dir(args.save_dir)
    first = args.device == "cpu" or args.device_id == 0
    utils.set_device(args.device if first else f"{args.device}:{args.device_id}")
    builder = SegBuilder(config)
    model = build(config, "model", builder, args.config)
    tools.load_checkpoint(model, args.model_path)
    if os.path.isdir(args.model_path):  # PaddleSeg loads it once more, and takes a file only
        args.model_path = os.path.join(args.model_path, "model.pdparams")
    transforms = Compose(build(config, "val_transforms", builder, args.config))
    with tools.one_error("prediction"), exact_label_maps():
        try:
            predict(
                model,
                model_path=args.model_path,
                transforms=transforms,
                image_list=images,
                image_dir=folder,
                save_dir=args.save_dir,
                **options,
            )
        except Exception:
            _check_images(images, thorough=True)
            raise
    return _written(images, folder, args.save_dir)


def _images(path: str) -> Tuple[List[str], Optional[str]]:
    """The images that `--image_path` names, and the folder that their names in the result are relative to."""
    try:
        images, folder = get_image_list(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no --image_path {path}") from error
    except (RuntimeError, UnicodeDecodeError) as error:
        raise InputError(f"--image_path {path} names no images (.jpg, .png or .bmp)") from error
    _check_images(images, thorough=False)
    return images, folder


def _check_images(images: List[str], thorough: bool) -> None:
    for path in images:
        fault = file_fault(path, thorough)
        if fault:
            raise InputError(f"{path} {fault}; nothing was predicted for it")


def _written(images: List[str], folder: Optional[str], save_dir: str) -> List[str]:
    """The files of the prediction. OpenCV does not say when it could not write one."""
    written = []
    for path in images:
        name = (path.replace(folder, "") if folder is not None else os.path.basename(path)).lstrip("/\\")
        written.append(os.path.join(save_dir, "added_prediction", name))
        written.append(os.path.join(save_dir, "pseudo_color_prediction", os.path.splitext(name)[0] + ".png"))
    missing = [path for path in written if not os.path.isfile(path) or os.path.getsize(path) == 0]
    if missing:
        raise InputError(f"cannot write {missing[0]}; free some space or choose another --save_dir")
    return written
