"""`mobileseg val`: PaddleSeg's evaluation of a checkpoint, with its figures on stdout."""

import argparse
import json
from typing import Any, Dict

from paddleseg.core import evaluate
from paddleseg.cvlibs import SegBuilder
from paddleseg.utils import utils

from ..config.reader import build
from ..data.known_classes import named_classes
from ..report.tables import Table, cell
from . import paddleseg_tools as tools

EXAMPLE = "mobileseg val --config my_config.yml --model_path output/best_model/model.pdparams"


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be True or False, not {text}")
    return text.lower() == "true"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    tools.add_device_argument(parser)
    parser.add_argument("--model_path", help="the checkpoint; without it the weights are random")
    parser.add_argument("--num_workers", type=int, default=0, help="processes that read samples (default: 0)")
    tools.add_augmentation_arguments(parser, "--aug_eval")
    tools.add_data_format_argument(parser)
    parser.add_argument(
        "--auc_roc", type=_truth, nargs="?", const=True, default=False, help="log the area under the ROC curve too"
    )
    tools.add_multilabel_argument(parser, evaluate)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> None:
    with tools.logs_to_stderr():
        result = _evaluate(args)
    if not tools.is_first_process():
        return
    if args.json:
        print(json.dumps(result))
        return
    rows = [
        [str(row["class"]), *(cell(row[key], "{:.4f}") for key in ("iou", "precision")), row["name"] or ""]
        for row in result["classes"]
    ]
    print(Table("rrrl", ("class", "IoU", "precision", "name"), rows).text())
    print(
        f"mIoU {result['miou']:.4f}, accuracy {result['accuracy']:.4f}, kappa {result['kappa']:.4f} "
        f"on {result['images']} images"
    )


def _evaluate(args: argparse.Namespace) -> Dict[str, Any]:
    config = tools.load_inference_config(args, args.model_path)
    tools.use_data_format(config, args.data_format)
    options = tools.test_config(config, args, "aug_eval")
    if args.auc_roc:
        options["auc_roc"] = True
    utils.set_device(args.device)
    builder = SegBuilder(config)
    model = build(config, "model", builder, args.config)
    tools.load_checkpoint(model, args.model_path)
    dataset = build(config, "val_dataset", builder, args.config)
    named = named_classes(config, dataset)
    with tools.one_error("evaluation"):
        miou, accuracy, iou, precision, kappa = evaluate(model, dataset, num_workers=args.num_workers, **options)
    return {
        "miou": float(miou),
        "accuracy": float(accuracy),
        "kappa": float(kappa),
        "images": len(dataset),
        "classes": [
            {"class": index, "name": named and named.names[index], "iou": float(a), "precision": float(b)}
            for index, (a, b) in enumerate(zip(iou, precision))
        ],
    }
