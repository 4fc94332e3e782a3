"""Sizes and numbers that fit a data set: what the network's own recipe says, scaled to the pictures there are."""

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Counter, Dict, List, Mapping, Optional, Tuple

from ..errors import InputError

Size = Tuple[int, int]
"""Height and width."""

IMAGES_AN_ITERATION = {"pp_mobileseg": 32, "seaformer": 32, "topformer": 16, "mobileseg": 16, "lraspp": 4}
"""How many pictures an iteration each recipe's learning rate is for, over all its GPUs (see configs/_base_)."""

_AREA = 512 * 512
_MULTIPLE = 32
_LEAST_SIDE = 64
_SAME_SHAPE = 0.05
_BATCH = 8
_EPOCHS = 200
_FEWEST_ITERATIONS = 1000
_EVALUATIONS = 20


@dataclass(frozen=True)
class Proposal:
    """What `mobileseg init` proposes for one data set and network.

    Attributes:
        size: height and width that the network sees, in training and afterwards.
        resize: transforms that bring a picture to it, in validation and on the phone.
        scaling: transforms that bring a picture there in training, before it is scaled at random and cropped.
        batch_size, iters, warmup_iters, save_interval: as PaddleSeg means them.
        learning_rate: of the first iteration after warm-up.
        why: a line on each, by its name.
    """

    size: Size
    resize: List[Dict[str, Any]]
    scaling: List[Dict[str, Any]]
    batch_size: int
    iters: int
    warmup_iters: int
    learning_rate: float
    save_interval: int
    why: Dict[str, str] = field(default_factory=dict)


def propose(
    sizes: "Counter[Size]", train: int, model: str, recipe: Mapping[str, Any], size: Optional[Size] = None,
    batch_size: Optional[int] = None, iters: Optional[int] = None,
) -> Proposal:
    """What fits the pictures.

    Args:
        sizes: how many pictures there are of each height and width.
        train: how many there are to train on.
        model: the network's name.
        recipe: the config that its authors trained it with, whole.
        size, batch_size, iters: what the user decided.

    Raises:
        InputError: a decision of the user cannot be trained.
    """
    why: Dict[str, str] = {}
    shape, resize, why["size"], why["resize"] = _geometry(sizes, size)
    batch, why["batch_size"] = _batch(shape, train, batch_size)
    count, why["iters"] = _iterations(train, batch, recipe, iters)
    schedule = recipe["lr_scheduler"]
    # PaddleSeg cannot build a warm-up of no iterations.
    warmup = max(1, min(schedule.get("warmup_iters", 0), count // 20))
    why["warmup_iters"] = f"a twentieth of the iterations, {schedule.get('warmup_iters', 0)} at most as in the recipe"
    rate, why["learning_rate"] = _rate(model, recipe, batch)
    save = max(1, count // _EVALUATIONS)
    why["save_interval"] = f"{math.ceil(count / save)} evaluations in all"
    scaling = [dict(step) for step in resize if step["type"] != "Padding"]
    return Proposal(shape, resize, scaling, batch, count, warmup, rate, save, why)


def _geometry(sizes: "Counter[Size]", given: Optional[Size]) -> Tuple[Size, List[Dict[str, Any]], str, str]:
    """The network's size, the transforms to it, and why."""
    listed = [size for size in sizes.elements()]
    middle = median(height for height, _ in listed), median(width for _, width in listed)
    ratios = [width / height for height, width in listed]
    ratio = median(ratios)
    alike = sum(abs(each / ratio - 1) <= _SAME_SHAPE for each in ratios) >= 0.9 * len(ratios)
    lying = sum(each > 1 for each in ratios)
    mixed = not alike and 0 < lying < len(ratios)
    if mixed:
        side = math.sqrt(middle[0] * middle[1])
        middle = side, side
    size = given or _fitting(middle)
    height, width = size
    common, count = sizes.most_common(1)[0]
    pictures = f"{common[1]}x{common[0]}"
    if count < len(listed):
        pictures = f"of {len(sizes)} sizes, most often {pictures}"
    said = f"pictures are {pictures}; sides are multiples of {_MULTIPLE}, at most 512x512 pixels together"
    if given:
        said = "as --size says"
    target = [width, height]
    if set(sizes) == {size}:
        return size, [], said, "none: the pictures have that size"
    if alike:
        return size, [{"type": "Resize", "target_size": target}], said, "the pictures have one shape, and are stretched"
    # PaddleSeg fits a picture into a size by its longer and its shorter side, whichever lies; a square takes both.
    if mixed and height != width:
        raise InputError(f"the pictures lie and stand; --size {height} {width} must be square to take both")
    steps = [{"type": "Resize", "target_size": target, "keep_ratio": True}, {"type": "Padding", "target_size": target}]
    return size, steps, said, "the pictures have several shapes: they are fitted in, and the rest is padded"


def _fitting(middle: Tuple[float, float]) -> Size:
    """Height and width of at most 512x512 pixels in the shape of `middle`, in multiples of 32."""
    scale = min(1.0, math.sqrt(_AREA / (middle[0] * middle[1])))
    # Of the multiples around each side the pair whose shape is nearest.
    heights, widths = (
        {max(_LEAST_SIDE, _MULTIPLE * part(side * scale / _MULTIPLE)) for part in (math.floor, math.ceil)}
        for side in middle
    )
    shape = middle[1] / middle[0]
    pairs = sorted((height, width) for height in heights for width in widths)
    return min(pairs, key=lambda pair: abs(math.log(pair[1] / pair[0] / shape)))


def _batch(size: Size, train: int, given: Optional[int]) -> Tuple[int, str]:
    if given is not None:
        if given > train:
            raise InputError(f"--batch-size {given} is more than the {train} pictures to train on")
        return given, "as --batch-size says"
    fitting = 2 ** round(math.log2(_BATCH * _AREA / (size[0] * size[1])))
    batch = max(2, min(16, fitting))
    if batch > train:
        return train, f"there are {train} pictures to train on"
    return batch, f"{batch} of {size[1]}x{size[0]} have about as many pixels as {_BATCH} of 512x512"


def _iterations(train: int, batch: int, recipe: Mapping[str, Any], given: Optional[int]) -> Tuple[int, str]:
    if given is not None:
        return given, f"as --iters says: each of the {train} pictures about {given * batch / train:.0f} times"
    wanted = _EPOCHS * train / batch
    count = int(min(max(wanted, _FEWEST_ITERATIONS), recipe["iters"]))
    count = round(count, -2)
    times = f"each of the {train} pictures about {count * batch / train:.0f} times"
    if wanted > recipe["iters"]:
        return count, f"as many as the recipe has; {times}"
    return count, f"{times}{'' if wanted >= _FEWEST_ITERATIONS else '; fewer iterations teach too little'}"


def _rate(model: str, recipe: Mapping[str, Any], batch: int) -> Tuple[float, str]:
    family = next(name for name in IMAGES_AN_ITERATION if model.startswith(name))
    images, rate = IMAGES_AN_ITERATION[family], recipe["lr_scheduler"]["learning_rate"]
    if recipe["optimizer"]["type"] == "SGD":
        factor, rule = batch / images, "in proportion to the batch"
    else:
        factor, rule = math.sqrt(batch / images), "with the root of the batch, as for Adam"
    scaled = float(f"{rate * factor:.2g}")
    return scaled, f"the recipe's {rate:g} is for {images} pictures an iteration; scaled {rule}"
