"""Whether a learning rate schedule fits the length of a training: when its warm-up ends, and its decay."""

from typing import Any, Dict, Iterable, List, Mapping, Optional

from paddleseg.cvlibs import Config

from ..errors import InputError
from .reader import read_content

_LONG_WARMUP = 0.5
"""Of the iterations, from which on warm-up is scaled down."""
_USUAL_WARMUP = 0.05
"""Of the iterations, for a suggestion."""
_TOLERANCE = 0.05
"""Of the iterations, by which a decay may end before or after them."""

_ENDS = {
    "PolynomialDecay": "decay_steps", "LinearLR": "total_steps", "CosineAnnealingDecay": "T_max",
    "OneCycleLR": "total_steps",
}
"""The argument of Paddle's schedulers that says after how many iterations they end."""
_STEPS = {"MultiStepDecay": "milestones", "PiecewiseDecay": "boundaries"}
"""The argument that says at which iterations they step."""


def fit_schedule(config: Config, path: str, iters: Optional[int], opts: Optional[Iterable[str]]) -> List[str]:
    """Hold the schedule against the iterations, and scale the warm-up of a training that was made shorter.

    Args:
        config: changed in its `lr_scheduler`.
        path: of the config.
        iters, opts: what replaced values of it.

    Returns:
        What to say: a line for each thing that was scaled, or that ends at another iteration than the training.

    Raises:
        InputError: the training would never leave its warm-up, or the scheduler ends it with an error.
    """
    replaced = {opt.split("=")[0] for opt in opts or ()}
    schedule = dict(config.dic["lr_scheduler"])
    lines = []
    warmup, length = schedule.get("warmup_iters", 0), config.iters
    scaled = None
    if (iters is not None or "iters" in replaced) and not replaced & {"lr_scheduler", "lr_scheduler.warmup_iters"}:
        own = read_content(path)["iters"]
        if isinstance(own, int) and own > warmup > _LONG_WARMUP * length:
            scaled = warmup * length // own
    if scaled is not None and scaled < warmup:
        lines.append(
            f"warning: lr_scheduler.warmup_iters scaled from {warmup} of {own} iterations to {scaled} of {length}; "
            "`--opts lr_scheduler.warmup_iters=N` sets another"
        )
        schedule["warmup_iters"] = warmup = scaled
        config.dic["lr_scheduler"] = schedule
    _check_warmup(schedule, "warmup_iters", length, path)
    if schedule["type"] == "NoamDecay":
        _check_warmup(schedule, "warmup_steps", length, path)
    if schedule["type"] == "OneCycleLR" and schedule["total_steps"] < length - warmup:
        raise InputError(
            f"{path}: lr_scheduler.total_steps: OneCycleLR ends with an error after {schedule['total_steps']} of "
            f"{length - warmup} iterations; write `total_steps: {length - warmup}`"
        )
    return lines + _ends_elsewhere(schedule, length - warmup)


def _check_warmup(schedule: Mapping[str, Any], key: str, length: int, path: str) -> None:
    warmup = schedule.get(key, 0)
    if warmup < length or warmup == 0:
        return
    fitting = int(_USUAL_WARMUP * length)
    raise InputError(
        f"{path}: lr_scheduler.{key}: training ends after {length} iterations and never leaves its {warmup} of "
        f"warm-up, so that it learns next to nothing; write `{key}: {fitting}` there, or give "
        f"`--opts lr_scheduler.{key}={fitting}`"
    )


def _ends_elsewhere(schedule: Dict[str, Any], left: int) -> List[str]:
    """What to say of a schedule that does not end with the training, of which `left` iterations follow its warm-up."""
    name = schedule["type"]
    key = _ENDS.get(name)
    if key is not None and isinstance(schedule.get(key), int):
        end = schedule[key]
        if abs(end - left) <= _TOLERANCE * left:
            return []
        becomes = "is still on its way when training ends"
        if end < left:
            becomes = "rises again after that" if name == "CosineAnnealingDecay" else "stays where it is after that"
        return [
            f"warning: lr_scheduler.{key}: {name} takes {end} iterations and training has {left}"
            f"{' after warm-up' if schedule.get('warmup_iters') else ''}: the learning rate {becomes}; "
            f"`--opts lr_scheduler.{key}={left}` fits"
        ]
    if name == "StepDecay" and schedule["step_size"] >= left:
        return [f"warning: lr_scheduler.step_size: training ends before the first step, after {left} iterations"]
    steps = schedule.get(_STEPS.get(name, ""), [])
    late = [step for step in steps if step >= left]
    if not late:
        return []
    return [f"warning: lr_scheduler.{_STEPS[name]}: training ends after {left} iterations, before {late}"]
