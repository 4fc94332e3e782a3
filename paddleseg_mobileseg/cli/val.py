"""`mobileseg val`: a checkpoint by PaddleSeg's evaluation, what was made of it by the same figures."""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np
from paddleseg.core import evaluate
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.utils import utils

from ..config.reader import build
from ..data.known_classes import classes_of
from ..data.samples import first_samples
from ..errors import InputError
from ..evaluation import check_classes, score
from ..report.tables import Table, cell
from ..segmenter import kind_of, open_network
from ..segmenter.checkpoint import checkpoint_file
from . import paddleseg_tools as tools
from .shared_flags import add_limit

EXAMPLE = "mobileseg val --config my_config.yml --model_path output/best_model/model.pdparams"

_OF_CHECKPOINTS = (
    "aug_eval", "flip_horizontal", "flip_vertical", "is_slide", "crop_size", "stride", "auc_roc", "use_multilabel",
    "num_workers", "scales", "data_format",
)  # fmt: skip
"""Flags that say how PaddleSeg runs a network layer by layer."""


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be True or False, not {text}")
    return text.lower() == "true"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    tools.add_device_argument(parser)
    parser.add_argument(
        "--model_path",
        help="a checkpoint, an exported folder or a converted model; without it the network has random weights",
    )
    tools.add_engine_argument(parser)
    add_limit(parser)
    parser.add_argument("--num_workers", type=int, default=0, help="processes that read samples (default: 0)")
    tools.add_augmentation_arguments(parser, "--aug_eval")
    tools.add_data_format_argument(parser)
    parser.add_argument(
        "--auc_roc", type=_truth, nargs="?", const=True, default=False, help="log the area under the ROC curve too"
    )
    tools.add_multilabel_argument(parser, evaluate)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    tools.mark_flags_of_checkpoints(parser, _OF_CHECKPOINTS)


def run(args: argparse.Namespace) -> None:
    with tools.logs_to_stderr():
        result = _evaluate(args)
    if not tools.is_first_process():
        return
    print(json.dumps(result) if args.json else text_of(result))


def text_of(result: Dict[str, Any]) -> str:
    """The figures of an evaluation as a table, and below it those of all classes."""
    rows = [
        [str(row["class"]), *(cell(row[key], "{:.4f}") for key in ("iou", "precision")), row["name"]]
        for row in result["classes"]
    ]
    scored = result["scored"]
    engine = f"engine {scored['engine']}" + (f" on {scored['phone']}" if "phone" in scored else "")
    speed = f", {result['images_a_second']:.3g} a second" if result["images_a_second"] else ""
    return (
        f"{scored['file'] or 'random weights'} ({scored['kind']}, {engine})\n"
        + Table("rrrl", ("class", "IoU", "precision", "name"), rows).text()
        + f"\nmIoU {result['miou']:.4f}, accuracy {result['accuracy']:.4f}, kappa {cell(result['kappa'], '{:.4f}')} "
        f"on {result['images']} images{speed}"
    )


def _evaluate(args: argparse.Namespace) -> Dict[str, Any]:
    kind = "checkpoint" if args.model_path is None else kind_of(args.model_path)
    tools.refuse_flags_of_checkpoints(args, kind)
    config = tools.load_inference_config(args, args.model_path)
    dataset = first_samples(build(config, "val_dataset", path=args.config), args.limit)
    if kind == "checkpoint":
        return _evaluate_checkpoint(args, config, dataset)
    with open_network(args.model_path, config, args.engine) as network:
        check_classes(dataset, network)
        tools.say_what_else_differs(network, config, dataset, args.config)
        scores = score(network, dataset, classes_of(config, dataset))
        return {"scored": _scored(str(network.path), network.kind, network.engine), **scores.to_dict()}


def _scored(file: Optional[str], kind: str, engine: str) -> Dict[str, Any]:
    return {"file": file, "kind": kind, "engine": engine}


def _evaluate_checkpoint(args: argparse.Namespace, config: Config, dataset: Any) -> Dict[str, Any]:
    """PaddleSeg's own evaluation."""
    if args.engine not in (None, "paddle"):
        raise InputError(f"a checkpoint runs in engine paddle alone; for {args.engine} export it first")
    tools.use_data_format(config, args.data_format)
    options = tools.test_config(config, args, "aug_eval")
    if args.auc_roc:
        options["auc_roc"] = True
    utils.set_device(args.device)
    model = build(config, "model", SegBuilder(config), args.config)
    path = args.model_path and str(checkpoint_file(Path(args.model_path)))
    tools.load_checkpoint(model, path)
    names = classes_of(config, dataset).names
    started = time.perf_counter()
    with tools.one_error("evaluation"):
        miou, accuracy, iou, precision, kappa = evaluate(model, dataset, num_workers=args.num_workers, **options)
    return {
        "scored": _scored(path, "checkpoint", "paddle"),
        "miou": float(miou),
        "accuracy": float(accuracy),
        "kappa": float(kappa) if np.isfinite(kappa) else None,
        "images": len(dataset),
        "images_a_second": len(dataset) / (time.perf_counter() - started),
        "classes": [
            {"class": index, "name": name, "iou": float(a), "precision": float(b)}
            for index, (name, a, b) in enumerate(zip(names, iou, precision))
        ],
    }
