"""`mobileseg export`: PaddleSeg's export, with the static graph checked against the network."""

import argparse
import json
import shlex
import sys
from typing import Any, Dict, Optional

from paddleseg.cvlibs import Config, SegBuilder

from ..checkpoints.published import find_network, find_weights, is_name
from ..config.reader import build
from ..data.known_classes import named_classes
from ..deploy import OUTPUT_OPS
from ..deploy.export import NoOldProgram, export_model
from ..deploy.old_paddle import export_with_paddle_2_6
from ..errors import InputError
from ..files import check_save_dir
from ..models.output_op import check_output_op
from . import paddleseg_tools as tools

EXAMPLE = (
    "mobileseg export --config my_config.yml --model_path output/best_model/model.pdparams "
    "--input_shape 1 3 512 512 --output_op none"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--model_path", help="the checkpoint; by default what the config starts from, or random")
    tools.add_pretrained_argument(weights)
    parser.add_argument(
        "--save_dir",
        default="./output/inference_model",
        help="where the graph goes (default: ./output/inference_model)",
    )
    parser.add_argument(
        "--input_shape",
        nargs="+",
        type=int,
        metavar="SIZE",
        help="N C H W; without it N, H and W stay open, and `mobileseg convert` asks for them",
    )
    parser.add_argument(
        "--output_op",
        choices=OUTPUT_OPS,
        default="argmax",
        help="what to append to the network (default: argmax); none with VIM, which gives labels by itself",
    )
    parser.add_argument("--for_fd", action="store_true", help="name the files as FastDeploy wants them")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> Optional[int]:
    try:
        with tools.logs_to_stderr():
            result = _export(args)
    except NoOldProgram as error:
        print(f"note: {error}", file=sys.stderr)
        return export_with_paddle_2_6(shlex.split(args.command_line)[1:])
    if args.json:
        print(json.dumps(result))
        return None
    print(f"{result['folder']}: {', '.join(result['files'])}")
    print(f"input {result['input_shape']}, output {result['output_dtype']}")
    agreement = result["agreement"]
    difference = agreement["relative_difference"]
    values = "" if difference is None else f", values differ by {difference:.1e} of the largest one"
    print(f"static graph against the network: {100 * agreement['pixel_agreement']:.4f} % of the labels equal{values}")
    return None


def _check_whole(config: Config, name: Optional[str]) -> None:
    """Refuse to export published weights of which a part would be random."""
    if not is_name(name):
        return
    model = config.dic["model"]
    weights = find_weights(find_network(model["type"], model["backbone"]["type"]), name)
    classes = model.get("num_classes", config.val_dataset_cfg.get("num_classes", weights.classes))
    if weights.classes != classes or weights.classes is None:
        has = "only a backbone" if weights.classes is None else f"{weights.classes} classes"
        raise InputError(
            f"--pretrained {name} has {has}, and the config's model {classes} classes: the rest would be "
            f"random; start a training with `mobileseg train --pretrained {name}` and export its checkpoint"
        )


def _export(args: argparse.Namespace) -> Dict[str, Any]:
    config = tools.load_inference_config(args, args.model_path)
    _check_whole(config, args.pretrained)
    check_save_dir(args.save_dir)
    model = build(config, "model", SegBuilder(config), args.config)
    check_output_op(model, args.output_op)
    tools.load_checkpoint(model, args.model_path)
    if args.input_shape is None:
        print("note: the input's size stays open; `mobileseg convert` will need --input-shape 1 3 H W", file=sys.stderr)
    exported = export_model(
        model,
        args.save_dir,
        input_shape=args.input_shape,
        output_op=args.output_op,
        transforms=config.val_dataset_cfg.get("transforms"),
        file_name="inference" if args.for_fd else "model",
        description_name="inference.yml" if args.for_fd else "deploy.yaml",
        classes=named_classes(config),
    )
    agreement = {**vars(exported.agreement), "pixel_agreement": exported.agreement.pixel_agreement}
    return {**vars(exported), "folder": str(exported.folder), "agreement": agreement}
