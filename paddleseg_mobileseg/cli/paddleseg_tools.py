"""What the commands that stand for PaddleSeg's tools/*.py share: flags, building and loading."""

import argparse
import contextlib
import inspect
import sys
from typing import Any, Callable, Dict, Iterator, Optional, Sequence

import paddle
from paddleseg.cvlibs import Config

from ..checkpoints.loading import load_weights
from ..checkpoints.published import with_published
from ..config.reader import load_config, without_pretrained
from ..data.labelled_images import LabelledImages
from ..deploy.ir.static_graph import reason
from ..errors import InputError, MobilesegError, ToolError
from ..segmenter import ENGINES, Network

DEVICES = ("cpu", "gpu", "xpu", "npu", "mlu")


def add_config_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    otherwise = "" if required else ", of a checkpoint (default: config.yml beside it or in the run's folder)"
    parser.add_argument("--config", required=required, help=f"the config, a .yml file{otherwise}")
    parser.add_argument(
        "--opts", nargs="+", metavar="KEY=VALUE", help="replace values of the config, such as model.num_classes=19"
    )


def add_pretrained_argument(parser: argparse.ArgumentParser, more: str = "") -> None:
    parser.add_argument(
        "--pretrained",
        metavar="NAME|URL|PATH",
        help="weights to start from, instead of the config's: of the whole model, by name (ade20k, cityscapes, ...; "
        f"`mobileseg models --pretrained` lists them), address or path, or imagenet for its backbone{more}",
    )


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=DEVICES, default="gpu", help="where to run, the CPU if it is missing (default: gpu)"
    )


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what runs it: paddle for a checkpoint, any for an exported folder; a converted model runs in its own "
        "(default: the first that fits)",
    )


def add_augmentation_arguments(parser: argparse.ArgumentParser, flag: str) -> None:
    """Several scales, flips and sliding windows; `flag` is what PaddleSeg calls their switch."""
    parser.add_argument(flag, action="store_true", help="average over scales and flips")
    parser.add_argument("--scales", nargs="+", type=float, default=1.0, help=f"scales of {flag} (default: 1.0)")
    parser.add_argument("--flip_horizontal", action="store_true", help=f"with {flag}: flip left and right too")
    parser.add_argument("--flip_vertical", action="store_true", help=f"with {flag}: flip upside down too")
    parser.add_argument("--is_slide", action="store_true", help="run in sliding windows")
    parser.add_argument("--crop_size", nargs=2, type=int, metavar=("W", "H"), help="size of a sliding window")
    parser.add_argument("--stride", nargs=2, type=int, metavar=("W", "H"), help="step of a sliding window")


def mark_flags_of_checkpoints(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Remember which flags say how PaddleSeg runs a network layer by layer, for `refuse_flags_of_checkpoints`."""
    parser.set_defaults(of_checkpoints={name: parser.get_default(name) for name in names})


def refuse_flags_of_checkpoints(args: argparse.Namespace, kind: str) -> None:
    """Refuse the flags that were marked as those of checkpoints, for another kind of network.

    Raises:
        InputError: one was given.
    """
    given = [name for name, default in args.of_checkpoints.items() if getattr(args, name, default) != default]
    if given and kind != "checkpoint":
        raise InputError(
            f"--{given[0]} is for checkpoints, which PaddleSeg runs layer by layer, and {args.model_path} is "
            f"{'an exported program' if kind == 'export' else 'a converted model'}: omit it, or give the checkpoint"
        )


def add_data_format_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_format", choices=("NCHW", "NHWC"), default="NCHW", help="layout of the input; NHWC for DeepLabV3P only"
    )


def add_multilabel_argument(parser: argparse.ArgumentParser, function: Callable) -> None:
    """`--use_multilabel`, where the installed PaddleSeg knows it (2.9 and newer)."""
    if "use_multilabel" in inspect.signature(function).parameters:
        parser.add_argument("--use_multilabel", action="store_true", help="labels are one mask a class")


def test_config(config: Config, args: argparse.Namespace, flag: str) -> Dict[str, Any]:
    """The `test_config` of the config with the flags of `add_augmentation_arguments` laid over it.

    Raises:
        InputError: sliding windows without their size or step.
    """
    merged = config.test_config
    if getattr(args, flag):
        merged[flag] = True
        for name in ("scales", "flip_horizontal", "flip_vertical"):
            merged[name] = getattr(args, name)
    if args.is_slide:
        if args.crop_size is None or args.stride is None:
            raise InputError("--is_slide needs --crop_size W H and --stride W H")
        merged.update(is_slide=True, crop_size=args.crop_size, stride=args.stride)
    if getattr(args, "use_multilabel", False):
        merged["use_multilabel"] = True
    return merged


def use_data_format(config: Config, data_format: str) -> None:
    """Write the layout into the config, as PaddleSeg's tools do.

    Raises:
        InputError: NHWC for a model that does not take it.
    """
    if data_format == "NCHW":
        return
    if config.dic["model"]["type"] != "DeepLabV3P":
        raise InputError(f"--data_format NHWC works with the model DeepLabV3P only, not {config.dic['model']['type']}")
    for section in (config.dic["model"], config.dic["model"]["backbone"], *config.dic["loss"]["types"]):
        section["data_format"] = data_format


def use_pretrained(config: Config, chosen: Optional[str]) -> None:
    """Let the model start from the weights that the config names, or from those of `--pretrained`.

    Raises:
        InputError: nobody published weights of that name, or they must be downloaded by hand.
    """
    config.dic["model"] = with_published(config.dic["model"], chosen)


def load_inference_config(args: argparse.Namespace, weights: Optional[str]) -> Config:
    """The config for a command that evaluates; with a checkpoint to load, no pretrained weights are fetched first."""
    config = load_config(args.config, opts=args.opts, needs=("val_dataset",))
    if weights is not None:
        config.dic["model"] = without_pretrained(config.dic["model"])
    else:
        use_pretrained(config, getattr(args, "pretrained", None))
        if "pretrained" not in config.dic["model"]:
            print("warning: no --model_path: the weights are random", file=sys.stderr)
    return config


def load_checkpoint(model: paddle.nn.Layer, path: Optional[str]) -> None:
    """Load weights whole or not at all; without a path, the model stays as its config makes it.

    Raises:
        InputError: the checkpoint cannot be read, or does not fit the model.
    """
    if path is not None:
        load_weights(model, path)


def say_what_else_differs(network: Network, config: Config, dataset: Any, path: str) -> None:
    """Say where a network's own preprocessing, or the size of its input, is not that of the config it is scored with.

    Raises:
        InputError: the first image cannot be read.
    """
    image, _ = LabelledImages(dataset).read(0)
    taken, given = network.prepare(image)[0].shape[2:], dataset[0]["img"].shape[1:]
    if taken != given:
        print(
            "note: with this config PaddleSeg evaluates the first image of a checkpoint at {}x{}, and {} takes it at "
            "{}x{}: the two may score differently".format(*given, network.path, *taken),
            file=sys.stderr,
        )
    where = f"{path}: the transforms of val_dataset"
    try:
        same = network.prepares_like(config.val_dataset_cfg.get("transforms", []), where)
    except InputError as error:
        print(f"warning: {error}", file=sys.stderr)
        return
    if not same:
        print(
            f"warning: {network.path} prepares images otherwise than {where} say: its scores are those of its own "
            "preprocessing; export the checkpoint with this config to change that",
            file=sys.stderr,
        )


def is_first_process() -> bool:
    """Whether this process is the one that prints, when several train or evaluate."""
    return paddle.distributed.ParallelEnv().rank == 0


@contextlib.contextmanager
def one_error(what: str) -> Iterator[None]:
    """Let `what` of PaddleSeg's, whatever it raises, end with one error.

    Raises:
        ToolError: PaddleSeg or Paddle failed; this plugin's own errors pass as they are.
    """
    try:
        yield
    except MobilesegError:
        raise
    except Exception as error:
        raise ToolError(f"{what} stopped: {type(error).__name__}: {reason(error)}; --debug shows where") from error


@contextlib.contextmanager
def logs_to_stderr() -> Iterator[None]:
    """Send what PaddleSeg prints to stderr, so that stdout holds the result only."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
