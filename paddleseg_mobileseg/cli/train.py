"""`mobileseg train`: PaddleSeg's training, from a checked config, with one error where data or disk fail."""

import argparse
import importlib
import inspect
import json
from pathlib import Path
from typing import Any, Dict, List

import paddle
from paddleseg.core import train
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.utils import utils

from ..checkpoints.loading import load_weights
from ..config.reader import build, config_text, load_config, without_pretrained
from ..data.known_classes import named_classes
from ..errors import InputError
from ..files import check_save_dir
from ..patches.paddleseg.training import check_several_processes
from ..training.folders import BEST_FOLDERS
from ..training.request import Request, requesting
from ..training.resuming import find_checkpoint
from ..training.state import AVERAGE, WEIGHTS, read_best
from . import paddleseg_tools as tools

EXAMPLE = "mobileseg train --config my_config.yml --do_eval --save_dir output"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    tools.add_device_argument(parser)
    parser.add_argument("--save_dir", default="./output", help="where checkpoints go (default: ./output)")
    parser.add_argument("--num_workers", type=int, default=0, help="processes that read samples (default: 0)")
    parser.add_argument("--do_eval", action="store_true", help="evaluate at each checkpoint, and keep the best")
    parser.add_argument("--use_vdl", action="store_true", help="write VisualDL logs")
    parser.add_argument("--use_ema", action="store_true", help="keep a moving average of the weights too")
    parser.add_argument(
        "--resume_model",
        help="the iter_N folder to go on from, or auto: the newest whole one of --save_dir, if there is one",
    )
    parser.add_argument("--iters", type=int, help="iterations, instead of the config's")
    parser.add_argument("--batch_size", type=int, help="samples of a batch on each device, instead of the config's")
    parser.add_argument("--learning_rate", type=float, help="instead of the config's")
    parser.add_argument("--save_interval", type=int, default=1000, help="iterations to a checkpoint (default: 1000)")
    parser.add_argument("--log_iters", type=int, default=10, help="iterations between log lines (default: 10)")
    parser.add_argument("--keep_checkpoint_max", type=int, default=5, help="checkpoints to keep (default: 5)")
    parser.add_argument("--seed", type=int, help="of the random numbers")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32", help="fp16 trains in mixed precision")
    parser.add_argument("--amp_level", choices=("O1", "O2"), default="O1", help="of --precision fp16")
    parser.add_argument("--profiler_options", help="PaddleSeg's options of its profiler")
    tools.add_data_format_argument(parser)
    parser.add_argument("--repeats", type=int, default=1, help="times an epoch goes through the data (default: 1)")
    _add_newer_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_newer_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of PaddleSeg 2.9, where the installed one knows them."""
    if "early_stop_intervals" in inspect.signature(train).parameters:
        parser.add_argument("--early_stop_intervals", type=int, help="checkpoints without gain before it stops")
    if "to_static_training" in inspect.signature(Config.__init__).parameters:
        parser.add_argument("--to_static_training", action="store_true", default=None, help="train the static graph")
    tools.add_multilabel_argument(parser, importlib.import_module("paddleseg.core.val").evaluate)


def run(args: argparse.Namespace) -> None:
    with tools.logs_to_stderr():
        result = _train(args)
    if not tools.is_first_process():
        return
    if args.json:
        print(json.dumps(result))
        return
    for row in result["checkpoints"]:
        score = f"best mIoU {row['miou']:.4f}" if row["miou"] is not None else "last iteration"
        print(f"{score}{' of the moving average' if row['ema'] else ''}: {row['path']}")


def _train(args: argparse.Namespace) -> Dict[str, Any]:
    check_several_processes()
    config = load_config(
        args.config,
        learning_rate=args.learning_rate,
        batch_size=args.batch_size,
        iters=args.iters,
        opts=args.opts,
        needs=("val_dataset",) if args.do_eval else (),
        to_static_training=getattr(args, "to_static_training", None),
    )
    check_save_dir(args.save_dir)
    tools.use_data_format(config, args.data_format)
    if getattr(args, "use_multilabel", False):
        config.dic["test_config"] = {**config.test_config, "use_multilabel": True}
    request = Request(config=config_text(config), command=args.command_line, classes=named_classes(config))
    resumed = find_checkpoint(args.resume_model, args.save_dir, config.iters, talk=False)
    if resumed is not None:
        config.dic["model"] = without_pretrained(config.dic["model"])
    utils.show_env_info()
    utils.show_cfg_info(config)
    utils.set_seed(args.seed)
    utils.set_device(args.device)
    utils.set_cv2_num_threads(args.num_workers)

    builder = SegBuilder(config)
    model = utils.convert_sync_batchnorm(build(config, "model", builder, args.config), args.device)
    _check_parameter_groups(model, config, args.config)
    if resumed is not None:
        load_weights(model, Path(resumed.folder) / WEIGHTS)  # refuses what is of another model
    parts = {name: build(config, name, builder, args.config) for name in ("train_dataset", "optimizer", "loss")}
    if args.repeats > 1:
        _repeat(parts["train_dataset"], args.repeats)
    with tools.one_error("training"), requesting(request):
        train(
            model,
            parts["train_dataset"],
            val_dataset=build(config, "val_dataset", builder, args.config) if args.do_eval else None,
            optimizer=parts["optimizer"],
            losses=parts["loss"],
            iters=config.iters,
            batch_size=config.batch_size,
            test_config=config.test_config,
            to_static_training=config.to_static_training,
            **_passed_on(args),
        )
    return {"checkpoints": _checkpoints(args, config.iters)}


def _passed_on(args: argparse.Namespace) -> Dict[str, Any]:
    """The flags that PaddleSeg's `train` takes under the same name."""
    taken_from_config = ("iters", "batch_size", "to_static_training")
    return {
        name: getattr(args, name)
        for name in inspect.signature(train).parameters
        if hasattr(args, name) and name not in taken_from_config
    }


def _check_parameter_groups(model: paddle.nn.Layer, config: Config, path: str) -> None:
    """Every group of the optimizer must take some parameter; Paddle fails on an empty one without saying which."""
    names = [name for name, _ in model.named_parameters()]
    for group in config.optimizer_cfg.get("custom_cfg") or []:
        if not any(group["name"] in name for name in names):
            raise InputError(
                f"{path}: optimizer.custom_cfg: no parameter of the model has '{group['name']}' in its name; "
                f"names are such as {names[0]} and {names[-1]}"
            )


def _repeat(dataset: paddle.io.Dataset, repeats: int) -> None:
    if not hasattr(dataset, "file_list"):
        raise InputError(f"--repeats needs a data set with a list of files; {type(dataset).__name__} has none")
    dataset.file_list *= repeats


def _checkpoints(args: argparse.Namespace, iters: int) -> List[Dict[str, Any]]:
    """The checkpoints worth having: the best ones where there was an evaluation, else the last."""
    folders = BEST_FOLDERS if args.do_eval else (f"iter_{iters}",) * 2
    names = (WEIGHTS, AVERAGE) if args.use_ema else (WEIGHTS,)
    rows = []
    for folder, name in zip(folders, names):
        best = read_best(Path(args.save_dir) / folder) if args.do_eval else None
        rows.append(
            {
                "path": str(Path(args.save_dir) / folder / name),
                "ema": name == AVERAGE,
                "miou": best.miou if best is not None else None,
            }
        )
    return rows
