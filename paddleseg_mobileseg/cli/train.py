"""`mobileseg train`: PaddleSeg's training, from a checked config, with one error where data or disk fail."""

import argparse
import importlib
import inspect
import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, List, Optional

import paddle
from paddleseg.core import train
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.utils import utils

from ..checkpoints.loading import load_weights
from ..config.reader import build, config_text, load_config, without_pretrained
from ..config.schedule import fit_schedule
from ..data.known_classes import named_classes
from ..errors import InputError
from ..files import check_save_dir
from ..patches.paddleseg.training import check_several_processes
from ..segmenter.checkpoint import checkpoint_file
from ..training.folders import BEST_FOLDERS
from ..training.precision import PRECISIONS, bfloat16, check_precision
from ..training.quantisation_aware import train_in_int8
from ..training.request import BEST_BY, Request, requesting
from ..training.resuming import Resumed, find_checkpoint
from ..training.state import AVERAGE, WEIGHTS, read_best
from . import paddleseg_tools as tools
from .train_output import end_lines, quiet_building, quiet_paddle, start_lines

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
    tools.add_pretrained_argument(parser)
    parser.add_argument(
        "--qat",
        type=Path,
        metavar="CHECKPOINT",
        help="fine-tune this checkpoint, or the best one of a run's folder, with the roundings of `convert --precision "
        "int8`; a tenth of the learning rate and of the iterations will do",
    )
    parser.add_argument("--iters", type=int, help="iterations, instead of the config's")
    parser.add_argument("--batch_size", type=int, help="samples of a batch on each device, instead of the config's")
    parser.add_argument("--learning_rate", type=float, help="instead of the config's")
    parser.add_argument("--save_interval", type=int, default=1000, help="iterations to a checkpoint (default: 1000)")
    parser.add_argument("--log_iters", type=int, default=10, help="iterations between log lines (default: 10)")
    parser.add_argument("--keep_checkpoint_max", type=int, default=5, help="checkpoints to keep (default: 5)")
    parser.add_argument("--seed", type=int, help="of the random numbers")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="fp32", help="fp16 and bf16 train in mixed precision, on GPUs"
    )
    parser.add_argument("--amp_level", choices=("O1", "O2"), default="O1", help="of --precision fp16")
    parser.add_argument(
        "--patience", "--early_stop_intervals", type=int, metavar="N",
        help="with --do_eval: end after N evaluations in a row without a better mIoU",
    )
    parser.add_argument(
        "--best_by", choices=BEST_BY, default="higher", help="whose mIoU --patience watches and the end names as the "
        "best: that of the weights, of their moving average, or the higher one (default: higher)",
    )
    parser.add_argument("--profiler_options", help="PaddleSeg's options of its profiler")
    tools.add_data_format_argument(parser)
    parser.add_argument("--repeats", type=int, default=1, help="times an epoch goes through the data (default: 1)")
    _add_newer_arguments(parser)
    parser.add_argument("--verbose", action="store_true", help="log all that PaddleSeg does at the start and the end")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_newer_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of PaddleSeg 2.9, where the installed one knows them."""
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
        score, at = "last iteration", ""
        if row["miou"] is not None:
            score, at = f"best mIoU {row['miou']:.4f}", f" at iteration {row['iteration']}"
        print(f"{score}{' of the moving average' if row['ema'] else ''}{at}: {row['path']}")


def _train(args: argparse.Namespace) -> Dict[str, Any]:
    check_several_processes()
    _check_flags(args)
    config = load_config(
        args.config,
        learning_rate=args.learning_rate,
        batch_size=args.batch_size,
        iters=args.iters,
        opts=args.opts,
        needs=("val_dataset",) if args.do_eval else (),
        to_static_training=getattr(args, "to_static_training", None),
    )
    notes = fit_schedule(config, args.config, args.iters, args.opts)
    check_save_dir(args.save_dir)
    tools.use_data_format(config, args.data_format)
    tools.use_pretrained(config, args.pretrained)
    if getattr(args, "use_multilabel", False):
        config.dic["test_config"] = {**config.test_config, "use_multilabel": True}
    ends: List[int] = []
    request = Request(
        config_text(config),
        args.command_line,
        classes=named_classes(config),
        patience=args.patience,
        best_by=args.best_by,
        compact=not args.verbose,
        on_end=ends.append,
    )
    resumed = find_checkpoint(args.resume_model, args.save_dir, config.iters, talk=False)
    if resumed is not None or args.qat is not None:
        config.dic["model"] = without_pretrained(config.dic["model"])
    with quiet_building(args.verbose):
        parts = _build(args, config, resumed)
        note = check_precision(args.precision, args.amp_level)
    if tools.is_first_process():
        level = f" at level {args.amp_level}" if args.precision != "fp32" and note is None else ""
        precision = args.precision + (level if note is None else ", computed in float32")
        folder = resumed.folder if resumed is not None else args.qat
        print(*start_lines(config, parts, precision, args.save_interval, args.save_dir, folder), sep="\n")
        print(*notes, *filter(None, [note]), sep="\n", end="\n" if notes or note else "", flush=True)
    began = time.monotonic()
    mixed = bfloat16() if args.precision == "bf16" else nullcontext()
    with tools.one_error("training"), requesting(request), quiet_paddle(args.verbose), mixed:
        train(
            parts["model"],
            parts["train_dataset"],
            val_dataset=parts["val_dataset"],
            optimizer=parts["optimizer"],
            losses=parts["loss"],
            iters=config.iters,
            batch_size=config.batch_size,
            test_config=config.test_config,
            to_static_training=config.to_static_training,
            **_passed_on(args),
        )
    # Where nothing was left to do, it ended before.
    last = ends[0] if ends else resumed.iteration if resumed is not None else config.iters
    result = {
        **_checkpoints(args, last),
        "iterations": last,
        "stopped_early": last < config.iters,
        "seconds": round(time.monotonic() - began, 1),
    }
    if tools.is_first_process():
        print(*end_lines(config, result, args.save_dir, args.patience, args.use_vdl), sep="\n")
    return result


def _check_flags(args: argparse.Namespace) -> None:
    """Refuse flags that would do nothing."""
    if args.patience is not None and args.patience < 1:
        raise InputError(f"--patience must be above 0, not {args.patience}")
    if args.patience is not None and not args.do_eval:
        raise InputError("--patience counts evaluations; give --do_eval too")
    if args.best_by == "average" and not args.use_ema:
        raise InputError("--best_by average is about the moving average of the weights; give --use_ema too")
    if args.qat is not None and (args.precision != "fp32" or getattr(args, "to_static_training", None)):
        raise InputError("--qat trains in float32, layer by layer; omit --precision and --to_static_training")
    if args.qat is not None and args.pretrained:
        raise InputError("--qat starts from its checkpoint; omit --pretrained")


def _build(args: argparse.Namespace, config: Config, resumed: Optional[Resumed]) -> Dict[str, Any]:
    """The parts of a training by their names in the config; "val_dataset" is None where there is no evaluation."""
    if args.verbose:
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
    elif args.qat is not None:
        load_weights(model, checkpoint_file(args.qat))
    if args.qat is not None:
        layers = train_in_int8(model)
        print(f"{layers} layers round their inputs and weights to int8, as `convert --precision int8` will")
    names = ("train_dataset", "optimizer", "loss", *(["val_dataset"] if args.do_eval else []))
    parts = {name: build(config, name, builder, args.config) for name in names}
    if args.repeats > 1:
        _repeat(parts["train_dataset"], args.repeats)
    return {"val_dataset": None, **parts, "model": model}


def _passed_on(args: argparse.Namespace) -> Dict[str, Any]:
    """The flags that PaddleSeg's `train` takes under the same name."""
    taken_from_config = ("iters", "batch_size", "to_static_training")
    passed = {
        name: getattr(args, name)
        for name in inspect.signature(train).parameters
        if hasattr(args, name) and name not in taken_from_config
    }
    # The loop knows one mixed precision, and leaves its type to Paddle.
    return {**passed, "precision": "fp32" if args.precision == "fp32" else "fp16"}


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


def _checkpoints(args: argparse.Namespace, last: int) -> Dict[str, Any]:
    """The checkpoints worth having, the best ones where there was an evaluation, else the last; and which is meant."""
    save_dir = Path(args.save_dir)
    folders = BEST_FOLDERS if args.do_eval else (f"iter_{last}",) * 2
    names = (WEIGHTS, AVERAGE) if args.use_ema else (WEIGHTS,)
    rows = []
    for folder, name in zip(folders, names):
        best = read_best(save_dir / folder) if args.do_eval else None
        rows.append(
            {
                "path": str(save_dir / folder / name),
                "ema": name == AVERAGE,
                "miou": best.miou if best is not None else None,
                "iteration": best.iteration if best is not None else last,
            }
        )
    meant = [row for row in rows if args.best_by in ("higher", "average" if row["ema"] else "weights")]
    return {
        "checkpoints": rows,
        "best": max(meant, key=lambda row: -1 if row["miou"] is None else row["miou"])["path"],
    }
