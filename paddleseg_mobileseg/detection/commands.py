"""PaddleDetection's own training, evaluation, prediction and export, with this plugin's backbones registered.

The wheel of PaddleDetection has no tools/ folder; these functions call what its scripts call.
"""

from pathlib import Path
from typing import Any, Callable, Dict, List

import paddle
from paddle.jit.api import sot_mode_guard
from ppdet.engine import Trainer, init_parallel_env

from ..checkpoints.loading import check_state, tensor_shapes
from ..checkpoints.reader import read_checkpoint
from ..errors import InputError
from .config import load_config, missing_data

_IMAGES = (".jpg", ".jpeg", ".png", ".bmp")


def _trainer(args, mode: str, data: List[str]) -> Trainer:
    """PaddleDetection's trainer of a config, on a GPU if the config wants one and Paddle can use it."""
    config = load_config(args.config, args.opts, pretrained=mode == "train" and not args.weights)
    absent = missing_data(config, data)
    if absent:
        raise InputError(f"{args.config}: there is no folder {absent[0]}; put the data there or give --opts "
                         f"{data[0]}.dataset_dir=FOLDER")  # fmt: skip
    config["use_gpu"] = bool(config.get("use_gpu")) and paddle.is_compiled_with_cuda()
    # PaddleDetection asks for these without looking whether they are there.
    for device in ("use_npu", "use_xpu", "use_mlu"):
        config.setdefault(device, False)
    if args.save_dir:
        config["save_dir"] = args.save_dir
    if mode != "test":
        # Else an evaluation writes its bbox.json into the current folder.
        config.setdefault("output_eval", config["save_dir"])
        Path(config["output_eval"]).mkdir(parents=True, exist_ok=True)
    paddle.set_device("gpu" if config["use_gpu"] else "cpu")
    if mode == "train":
        init_parallel_env()
    trainer = Trainer(config, mode=mode)
    if mode != "train" or args.weights:
        _load(trainer.model, args.weights or config["weights"])
        trainer.is_loaded_weights = True
    return trainer


def _load(model: paddle.nn.Layer, weights: str) -> None:
    """Load a checkpoint whole; PaddleDetection writes `model_final` for the file model_final.pdparams."""
    path = Path(weights)
    if not path.suffix:
        path = path.with_suffix(".pdparams")
    tensors = read_checkpoint(path)
    check_state(model, tensor_shapes(model), tensors)
    model.set_state_dict({name: paddle.to_tensor(value) for name, value in tensors.items()})


def _train(args) -> None:
    data = ["TrainDataset", "EvalDataset"] if args.do_eval else ["TrainDataset"]
    _trainer(args, "train", data).train(args.do_eval)


def _val(args) -> None:
    _trainer(args, "eval", ["EvalDataset"]).evaluate()


def _predict(args) -> None:
    path = Path(args.image_path or "")
    if not args.image_path or not path.exists():
        raise InputError("predict needs --image_path, an image or a folder of images that is there")
    images = sorted(each for each in path.iterdir() if each.suffix.lower() in _IMAGES) if path.is_dir() else [path]
    if not images:
        raise InputError(f"the folder {path} holds no images ({', '.join(_IMAGES)})")
    trainer = _trainer(args, "test", [])
    trainer.predict(
        [str(image) for image in images], args.threshold, args.save_dir or trainer.cfg["save_dir"], save_results=True
    )


def _export(args) -> None:
    trainer = _trainer(args, "test", [])
    # PaddleDetection 2.6.0 asks the traced network for its program, which Paddle 2.6 has only of a whole graph and by
    # default does not make.
    with sot_mode_guard(False):
        trainer.export(args.save_dir or "output_inference")


COMMANDS: Dict[str, Callable[[Any], None]] = {"train": _train, "val": _val, "predict": _predict, "export": _export}
"""By name; each takes the parsed flags of `mobileseg detection`."""
