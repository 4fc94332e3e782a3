"""What `mobileseg train` says at its start and its end, in place of what PaddleSeg logs there."""

import contextlib
import shlex
import warnings
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Tuple

import paddle
from paddleseg.cvlibs import Config

from ..config.quiet import warnings_only
from ..training.request import CONFIG_FILE


def quiet_building(verbose: bool) -> ContextManager[None]:
    """Leave out what PaddleSeg tells while it builds: each part of the config again, and the name of each parameter."""
    return contextlib.nullcontext() if verbose else warnings_only()


@contextlib.contextmanager
def quiet_paddle(verbose: bool) -> Iterator[None]:
    """Leave out what Paddle warns of in every training."""
    with warnings.catch_warnings():
        if not verbose:
            warnings.filterwarnings("ignore", module=r"paddle(\.|$)")
        yield


def start_lines(
    config: Config, parts: Mapping[str, Any], precision: str, evaluates: int, save_dir: str, resumed: Optional[str]
) -> List[str]:
    """The training in a dozen lines.

    Args:
        config: with all that replaced values of it.
        parts: "model", "optimizer", "train_dataset", and "val_dataset" or None, as built.
        precision: in words.
        evaluates: iterations between two evaluations or checkpoints.
        save_dir: where they go.
        resumed: the checkpoint that it goes on from.
    """
    processes = paddle.distributed.ParallelEnv().nranks
    samples = len(parts["train_dataset"])
    epochs = config.iters * config.batch_size * processes / max(1, samples)
    pictures = f"{samples} to train on"
    if parts["val_dataset"] is not None:
        pictures += f", {len(parts['val_dataset'])} to evaluate on"
    what = "checkpoint and evaluation" if parts["val_dataset"] is not None else "checkpoint"
    count = sum(parameter.size for parameter in parts["model"].parameters() if parameter.trainable)
    rows = [
        ("network", _network(config.model_cfg)),
        ("weights", f"of {resumed}" if resumed else _weights(config.model_cfg)),
        ("parameters", f"{count / 1e6:.2f} million"),
        ("classes", str(parts["train_dataset"].num_classes)),
        ("pictures", pictures),
        ("batch", f"{config.batch_size}{f' on each of {processes} processes' if processes > 1 else ''}"),
        ("iterations", f"{config.iters}, {epochs:.1f} times through the pictures; {what} every {evaluates}"),
        ("learning rate", _schedule(config.lr_scheduler_cfg)),
        ("optimizer", _optimizer(config.optimizer_cfg, parts["model"])),
        ("device", paddle.get_device()),
        ("precision", precision),
        ("save folder", save_dir),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {text}" for name, text in rows]


def _network(section: Mapping[str, Any]) -> str:
    backbone = section.get("backbone")
    return " on ".join([section["type"], *([backbone["type"]] if backbone else [])])


def _weights(section: Mapping[str, Any]) -> str:
    """Where the weights come from, of the whole network or of its backbone."""
    if section.get("pretrained"):
        return str(section["pretrained"])
    backbone = section.get("backbone") or {}
    return f"{backbone['pretrained']} (backbone)" if backbone.get("pretrained") else "random"


def _schedule(section: Mapping[str, Any]) -> str:
    rate = section.get("learning_rate", section.get("max_learning_rate"))
    parts = [section["type"] if rate is None else f"{rate:g}, {section['type']}"]
    if section.get("end_lr") is not None:
        parts.append(f"to {section['end_lr']:g}")
    warmup = section.get("warmup_iters")
    return f"{' '.join(parts)}{f', after {warmup} iterations of warm-up' if warmup else ''}"


def _optimizer(section: Mapping[str, Any], model: paddle.nn.Layer) -> str:
    """The optimizer with its parameter groups, each with the number of its tensors."""
    parts = [section["type"]]
    if section.get("weight_decay") is not None:
        parts.append(f"weight decay {section['weight_decay']:g}")
    names = [name for name, parameter in model.named_parameters() if not parameter.stop_gradient]
    for group in section.get("custom_cfg") or []:
        own = [name for name in names if group["name"] in name]
        names = [name for name in names if name not in own]
        changes = [
            f"{what} x {group[key]:g}"
            for key, what in (("lr_mult", "learning rate"), ("weight_decay_mult", "weight decay"))
            if key in group
        ]
        parts.append(f"'{group['name']}' ({len(own)} tensors): {' and '.join(changes)}")
    return "; ".join(parts)


def end_lines(
    config: Config, result: Mapping[str, Any], save_dir: str, patience: Optional[int] = None, curves: bool = False
) -> List[str]:
    """How the training ended, and the commands that go on from it.

    Args:
        result: as `mobileseg train --json` prints it.
        patience: of `--patience`.
        curves: it wrote logs of VisualDL.
    """
    minutes, seconds = divmod(round(result["seconds"]), 60)
    lines = [f"{result['iterations']} iterations; this run took {minutes} min {seconds} s"]
    if result["stopped_early"]:
        lines[0] += f"; it ended before {config.iters}, since --patience {patience} evaluations gave no better mIoU"
    if len(result["checkpoints"]) > 1:
        lines.append(f"the commands below take {result['best']}; --best_by names the other")
    folder = Path(save_dir)
    shared = ["--config", str(folder / CONFIG_FILE), "--model_path", result["best"]]
    size = input_size(config)
    shape = ["--input_shape", "1", "3", str(size[1]), str(size[0])] if size else []
    commands = [
        ["val", *shared],
        ["predict", *shared, "--image_path", "PICTURES", "--save_dir", str(folder / "predicted")],
        ["export", *shared, *shape, "--output_op", "argmax", "--save_dir", str(folder / "exported")],
        ["report", save_dir],
    ]
    commands = [["mobileseg", *command] for command in commands]
    if curves:
        # Without a language VisualDL answers browsers of neither English nor Chinese with status 500.
        commands.append(["visualdl", "--logdir", save_dir, "--language", "en", "--disable-telemetry"])
    return [*lines, "next:", *(f"  {shlex.join(command)}" for command in commands)]


def input_size(config: Config) -> Optional[Tuple[int, int]]:
    """Width and height of what the network was trained on, as far as a transform fixes them."""
    sizes = [_fixed_size(transform) for transform in config.train_dataset_cfg.get("transforms") or []]
    return next((size for size in reversed(sizes) if size), None)


def _fixed_size(transform: Dict[str, Any]) -> Optional[Tuple[int, int]]:
    for key in ("crop_size", "target_size"):
        size = transform.get(key)
        if isinstance(size, (list, tuple)) and len(size) == 2:
            return tuple(size)
    return None
