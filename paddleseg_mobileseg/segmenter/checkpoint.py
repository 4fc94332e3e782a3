"""Checkpoints with their config, run by Paddle layer by layer."""

from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np
import paddle
from paddleseg.core import infer
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.transforms import Compose
from paddleseg.utils import utils

from ..checkpoints.loading import load_weights
from ..classes import Classes, read_classes
from ..config.quiet import warnings_only
from ..config.reader import build, load_config, without_pretrained
from ..data.known_classes import classes_of, named_classes
from ..deploy.ir.tensors import OutputTensor
from ..errors import InputError
from ..models.heads.upsample import VIM, Bilinear
from ..models.segmentor import MobileSegmentor
from ..training.folders import BEST_FOLDERS
from ..training.request import CONFIG_FILE
from ..training.state import WEIGHTS
from .exported import composed
from .network import Network, Output, Prepared

_CLASSES = "classes.txt"
_OF_VALIDATION = ("aug_eval", "auc_roc")


def checkpoint_file(path: Path) -> Path:
    """The checkpoint that a path means: the file itself, that of a folder, or the best one of a training run's folder.

    Raises:
        InputError: there is none.
    """
    if not path.is_dir():
        return path
    for folder in (path, *(path / name for name in BEST_FOLDERS)):
        if (folder / WEIGHTS).is_file():
            return folder / WEIGHTS
    raise InputError(
        f"{path} holds neither deploy.yaml nor {WEIGHTS}: there is no checkpoint, no exported model and no training "
        "run in it"
    )


def find_config(checkpoint: Path) -> Path:
    """The config beside a checkpoint, or in the folder of the run that it belongs to.

    Raises:
        InputError: there is none.
    """
    found = _beside(checkpoint, CONFIG_FILE)
    if found is None:
        raise InputError(
            f"there is no {CONFIG_FILE} beside {checkpoint} or above it; give the config that it was trained with "
            "(config=, --config)"
        )
    return found


def _beside(checkpoint: Path, name: str) -> Optional[Path]:
    """A file in the checkpoint's folder, or in that of the run."""
    folder = checkpoint.absolute().parent
    return next((path / name for path in (folder, folder.parent) if (path / name).is_file()), None)


class Checkpoint(Network):
    """A checkpoint in the network that its config describes.

    PaddleSeg's own transforms prepare images, and the config's `test_config` applies: several scales, flips, sliding
    windows.

    Args:
        path: a file, or a folder that `checkpoint_file` knows.
        config: a file, or one that was read; None for that of `find_config`.
        device: "cpu", "gpu" or another that PaddleSeg knows; the CPU where there is none of that kind.

    Raises:
        InputError: a file is missing or cannot be used, or they do not belong together.
    """

    kind, engine = "checkpoint", "paddle"

    def __init__(self, path: Path, config: Union[str, Path, Config, None] = None, device: str = "cpu"):
        file = checkpoint_file(path)
        if not file.is_file():
            raise InputError(f"there is no checkpoint {file}")
        if not isinstance(config, Config):
            config = load_config(config or find_config(file), needs=("val_dataset",))
        config.dic["model"] = without_pretrained(config.dic["model"])
        builder = SegBuilder(config)
        with warnings_only():
            utils.set_device(device)
            model = build(config, "model", builder)
            self._compose = Compose(build(config, "val_transforms", builder))
        load_weights(model, file)
        model.eval()
        self._model = model
        self._options = {key: value for key, value in config.test_config.items() if key not in _OF_VALIDATION}
        self._low_resolution = _ends_in_interpolation(model) and not self._options
        super().__init__(path, _classes_of(config, model, file))

    def _prepare(self, image: np.ndarray) -> Prepared:
        return composed(self._compose, image)

    def _run(self, batch: np.ndarray) -> Output:
        with paddle.no_grad():
            values, size = self._values(paddle.to_tensor(batch))
        kind = "logits" if values.dtype.kind == "f" else "labels"
        align_corners = self._model.upsample.align_corners if size else None
        tensor = OutputTensor(
            "output", kind, str(values.dtype), list(values.shape), "exact" if size else "none", size, align_corners
        )
        return Output(values, tensor, batch.shape[2:])

    def _values(self, batch: paddle.Tensor) -> Tuple[np.ndarray, Optional[list]]:
        """The network's answer, and the size that its end would interpolate it to, if that was left out."""
        if self._low_resolution:
            return self._model.logits(batch).numpy(), batch.shape[2:]
        options: Dict[str, Any] = dict(self._options)
        if options.pop("aug_pred", False):
            values = infer.aug_inference(self._model, batch, trans_info=[], **options)[1]
        else:
            windows = {key: value for key, value in options.items() if key in ("is_slide", "stride", "crop_size")}
            values = infer.inference(self._model, batch, **windows)
        # Sliding windows give double precision.
        return values.astype("float32").numpy() if values.dtype == paddle.float64 else values.numpy(), None

    def close(self) -> None:
        self._model = None


def _ends_in_interpolation(model: paddle.nn.Layer) -> bool:
    return isinstance(model, MobileSegmentor) and type(model.upsample) in (Bilinear, VIM)



def _classes_of(config: Config, model: paddle.nn.Layer, checkpoint: Path) -> Classes:
    """Those that the config names; else those of the list that training left, if it is for so many; else numbers."""
    classes = classes_of(config, num_classes=getattr(model, "num_classes", None))
    listed = _beside(checkpoint, _CLASSES)
    if named_classes(config) is not None or listed is None:
        return classes
    trained = read_classes(listed)
    return trained if len(trained) == len(classes) else classes
