"""PaddleSeg's list of evaluation transforms as one `Preprocessing` of fixed size.

What each transform does is documented in paddleseg/transforms/transforms.py (2.8.0). Its own classes check the
arguments and fill in the defaults here, so that nothing of theirs is written down twice.
"""

import math
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple, Union

import numpy as np
from paddleseg.cvlibs import manager
from paddleseg.transforms import Compose

from ..errors import InputError, near
from .image_file import read_image
from .preprocessing import INTERPOLATIONS, PADDING_VALUE, Preprocessing

_NOT_NORMALIZED = ((0.0,) * 3, (1 / 255,) * 3)
"""Without `Normalize` PaddleSeg feeds the pixels 0 ... 255 as they are."""

_UNLIMITED = 10**9


def read_preprocessing(
    transforms: Sequence[Any], height: int, width: int, where: str, channel_order: str = "RGB"
) -> Preprocessing:
    """What a list of transforms means for a network whose input is `height` by `width`.

    A list that neither resizes nor pads, and a `Resize` without keep_ratio, become "stretch": PaddleSeg would feed
    another size, which such a network does not take.

    Args:
        transforms: as a config or deploy.yaml lists them, each with its "type".
        height, width: of the network's input.
        where: what the list is called in messages.
        channel_order: "BGR" where the data set composes them with to_rgb=False.

    Raises:
        InputError: a transform is random, has wrong arguments, or cannot be reproduced at a fixed size.
    """
    reader = _Reader(where, (height, width))
    for transform in transforms if isinstance(transforms, (list, tuple)) else [transforms]:
        if not isinstance(transform, dict) or "type" not in transform:
            raise InputError(f"{where}: the transforms must be a list of mappings with a type, not {transform!r}")
        arguments = dict(transform)
        reader.read(str(arguments.pop("type")), arguments)
    mean, std = reader.normalization or _NOT_NORMALIZED
    fields = {"resize": "none" if reader.padding_target else "stretch", **(reader.resizing or {})}
    return Preprocessing(
        height, width, mean, std, channel_order=channel_order, padding_value=reader.padding_value,
        padding_normalized=reader.padding_normalized, **fields,
    )  # fmt: skip


def paddleseg_input(
    transforms: Sequence[Any], preprocessing: Preprocessing, path: Union[str, Path]
) -> Tuple[np.ndarray, List[Any]]:
    """The network's input for an image file, made by PaddleSeg's own classes: the reference for `Preprocessing.apply`.

    Args:
        transforms: the list itself, which is used where it gives the input's size and says how to undo it.
        preprocessing: what was read from it, which names the transforms to use elsewhere.
        path: the image.

    Returns:
        float32 [1, 3, height, width], and PaddleSeg's trans_info.

    Raises:
        InputError: the image cannot be read.
    """
    size = read_image(path).shape[:2]
    to_rgb = preprocessing.channel_order == "RGB"
    for steps in (transforms, preprocessing.paddleseg_transforms(size)):
        built = [manager.TRANSFORMS[step["type"]](**{k: v for k, v in step.items() if k != "type"}) for step in steps]
        try:
            data = Compose(built, to_rgb)({"img": str(path)})
        except ValueError:  # an image that is larger than the Padding of the list
            continue
        if data["img"].shape[1:] == preprocessing.size and data["trans_info"][:1] and (
            tuple(data["trans_info"][0][1]) == size
        ):
            break
    return data["img"][np.newaxis].astype(np.float32), data["trans_info"]


class _Reader:
    """The transforms that were read so far, in their order.

    Args:
        where: what the list is called in messages.
        size: height and width of the network's input.
    """

    def __init__(self, where: str, size: Tuple[int, int]):
        self._where, self._size = where, size
        self._resized_by: Optional[str] = None
        self._stretched_to: Optional[Tuple[int, int]] = None
        self.resizing: Optional[Dict[str, Any]] = None
        self.normalization: Optional[Tuple[Tuple[float, ...], Tuple[float, ...]]] = None
        self.padding_target: Optional[List[int]] = None
        self.padding_value: float = PADDING_VALUE
        self.padding_normalized = False

    def read(self, name: str, arguments: Dict[str, Any]) -> None:
        if name == "Normalize":
            self._normalize(arguments)
        elif name == "Padding":
            self._padding(self._build(name, arguments))
        elif name in _RESIZING:
            self._resize(name, arguments)
        elif name not in manager.TRANSFORMS.components_dict:
            known = near(name, ("Normalize", "Padding", *_RESIZING))
            raise InputError(f"{self._where}: PaddleSeg has no transform '{name}'{known}; correct it and export again")
        else:
            self._refuse(name, *_UNSUPPORTED.get(name, ("it is random, or not for images", "omit it")))

    def _refuse(self, name: str, why: str, choice: str) -> NoReturn:
        raise InputError(
            f"{self._where}: {name} cannot be reproduced at a fixed size ({why}); {choice} in the transforms of "
            "val_dataset and export again"
        )

    def _build(self, name: str, arguments: Dict[str, Any]) -> Any:
        try:
            return manager.TRANSFORMS[name](**arguments)
        except (TypeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self._where}: {name} does not take {arguments} ({reason}); export again") from error

    def _resize(self, name: str, arguments: Dict[str, Any]) -> None:
        if self._resized_by:
            self._refuse(name, f"{self._resized_by} resizes before it", "omit one of the two")
        if self.padding_target:
            self._refuse(name, "Padding comes before it", "put Padding behind it")
        self._check_not_random(name, arguments)
        op = self._build(name, arguments)
        self._resized_by, self.resizing = name, _RESIZING[name](op)
        if self.resizing["resize"] == "stretch":
            divisor = op.size_divisor or 1
            width, height = (math.ceil(side / divisor) * divisor for side in op.target_size)
            self._stretched_to = height, width

    def _check_not_random(self, name: str, arguments: Dict[str, Any]) -> None:
        if arguments.get("interp") == "RANDOM":
            self._refuse(name, "interp RANDOM draws one for each image", f"choose one of {', '.join(INTERPOLATIONS)}")
        sizes = arguments.get("short_size")
        if isinstance(sizes, list) and len(set(sizes)) > 1:
            self._refuse(name, f"it draws one of {sizes} for each image", "give short_size as one number")
        if name in _RANGES:
            low, high = (getattr(self._build(name, arguments), key) for key in _RANGES[name])
            if low != high:
                keys = " and ".join(_RANGES[name])
                self._refuse(name, f"it draws from {low} to {high} for each image", f"set {keys} to one number")

    def _normalize(self, arguments: Dict[str, Any]) -> None:
        if self.normalization:
            self._refuse("Normalize", "it is there twice", "omit one")
        unknown = set(arguments) - {"mean", "std"}
        try:
            mean, std = (np.array(arguments.get(key, (0.5,)), float) for key in ("mean", "std"))
            # PaddleSeg takes one number for all three channels too.
            mean, std = (tuple(np.broadcast_to(values, 3).tolist()) for values in (mean, std))
        except (TypeError, ValueError):
            unknown.add("such a mean or std")
            std = ()
        if unknown or 0 in std:
            raise InputError(
                f"{self._where}: Normalize takes mean and std, one or three numbers each and no std of 0, "
                f"not {arguments}; correct it and export again"
            )
        self.normalization = mean, std

    def _padding(self, padding: Any) -> None:
        if self.padding_target:
            self._refuse("Padding", "it is there twice", "omit one")
        width, height = padding.target_size
        if (height, width) != self._size:
            have = f"{self._size[0]}x{self._size[1]}"
            self._refuse(
                "Padding",
                f"it pads to {height}x{width} and the network takes {have}",
                f"take a network of {height}x{width} (--input_shape 1 3 {height} {width}), or pad to {have}",
            )
        if self._stretched_to not in (None, self._size):
            self._refuse("Padding", "a Resize without keep_ratio comes before it", "set keep_ratio: True, or omit one")
        self.padding_target = list(padding.target_size)
        self.padding_value = float(padding.im_padding_value)
        self.padding_normalized = self.normalization is not None


def _resize(op: Any) -> Dict[str, Any]:
    if not op.keep_ratio:
        return {"resize": "stretch", "interpolation": op.interp}
    sides = {"long_side": max(op.target_size), "short_side": min(op.target_size)}
    return {"resize": "keep_ratio", "interpolation": op.interp, "size_divisor": op.size_divisor, **sides}


def _short_side(op: Any) -> Dict[str, Any]:
    limit = int(op.max_size) if op.max_size < _UNLIMITED else None
    return {"resize": "short_side", "short_side": op.short_size, "long_side": limit}


_RESIZING = {
    "Resize": _resize,
    "ResizeByLong": lambda op: {"resize": "keep_ratio", "long_side": op.long_size},
    "ResizeByShort": _short_side,
    "LimitLong": lambda op: {"resize": "limit_long", "long_side": op.max_long, "min_long_side": op.min_long},
    "ResizeRangeScaling": lambda op: {"resize": "keep_ratio", "long_side": op.max_value},
    "ResizeStepScaling": lambda op: {"resize": "factor", "factor": float(op.max_scale_factor)},
}
_RANGES = {
    "ResizeRangeScaling": ("min_value", "max_value"),
    "ResizeStepScaling": ("min_scale_factor", "max_scale_factor"),
}
_KEEP_RATIO = "use Resize with keep_ratio: True and Padding instead"
_UNSUPPORTED = {
    "PaddingByAspectRatio": ("the padding takes part in the resizing", _KEEP_RATIO),
    "ScalePadding": ("it pads on both sides, in whole numbers", _KEEP_RATIO),
}
