"""What is measured: a network at a size with a label map, in an engine."""

from dataclasses import dataclass, replace
from typing import ClassVar, List, Optional, Sequence, Tuple

from paddleseg_mobileseg.deploy.runtime.engines import ENGINES_BY_NAME
from paddleseg_mobileseg.deploy.runtime.predictor import HOST_TARGET
from paddleseg_mobileseg.errors import InputError, near
from paddleseg_mobileseg.models.ablations import ABLATIONS
from paddleseg_mobileseg.models.zoo import MODELS, Model

PADDLE_LITE, PHONE = "paddle-lite", "phone"
INFERENCE_ENGINES = ("paddle-inference", "paddle-inference-gpu", "paddle-inference-tensorrt")
CONVERTED = {engine.recorded: engine for engine in ENGINES_BY_NAME.values()}
"""What runs converted models on this host, Paddle-Lite first, by the name in records."""

ENGINES = (*CONVERTED, PHONE, *INFERENCE_ENGINES)
"""What runs a network: those; Paddle-Lite on a phone; Paddle Inference on a processor or a graphics card."""

ACTIVE_CLASSES = 20
"""How many classes can win with the random weights: as many as a trained network finds in an image of many things."""


@dataclass(frozen=True)
class LatencyCase:
    """One line of a table.

    Attributes:
        network: its name in the zoo, or among the ablations.
        height, width: of the input.
        num_classes: of the logits.
        label_map: "exact", "argmax" or "vim", as of `convert`.
        engine: one of `ENGINES`.
        weights: what they are stored in, "float32", "int16" or "int8".
        precision: what is computed in, "float32" or "fp16".
        active_classes: how many of the classes can win.
    """

    network: str
    height: int
    width: int
    num_classes: int
    label_map: str
    engine: str = PADDLE_LITE
    weights: str = "float32"
    precision: str = "float32"
    active_classes: int = ACTIVE_CLASSES

    threads: ClassVar[int] = 1

    def __str__(self) -> str:
        return f"{self.network} with {self.label_map} at {self.width}x{self.height}"

    @property
    def number_format(self) -> str:
        """Of weights and arithmetic together: "float32", "int16", "int8" or "fp16"."""
        return self.precision if self.precision != "float32" else self.weights

    @property
    def target(self) -> str:
        """What a `.nb` of it is converted for."""
        return "arm" if self.engine == PHONE else HOST_TARGET


def find_network(name: str) -> Model:
    """The row of the zoo, or the ablation, called `name`.

    Raises:
        InputError: there is none.
    """
    models = {model.name: model for model in [*MODELS, *ABLATIONS]}
    if name not in models:
        raise InputError(f"there is no network '{name}'{near(name, models)}; choose from {', '.join(models)}")
    return models[name]


def choose(
    cases: Sequence[LatencyCase],
    networks: Optional[Sequence[str]] = None,
    label_maps: Optional[Sequence[str]] = None,
    sizes: Optional[Sequence[Tuple[int, int]]] = None,
    engine: Optional[str] = None,
    number_formats: Sequence[str] = (),
) -> List[LatencyCase]:
    """The cases that a user wants.

    Args:
        cases: of a suite.
        networks, label_maps, sizes: keep these only.
        engine: instead of the suite's.
        number_formats: "int16", "int8" and "fp16" to measure beside float32, with the exact label map.

    Raises:
        InputError: nothing is left, or the engine does not have the number format.
    """
    chosen = [case if engine is None else replace(case, engine=engine) for case in cases]
    chosen = [
        case
        for case in dict.fromkeys(chosen)
        if (networks is None or case.network in networks)
        and (label_maps is None or case.label_map in label_maps)
        and (sizes is None or (case.height, case.width) in sizes)
    ]
    if not chosen:
        raise InputError("the suite has no such case; omit some of --networks, --label-maps and --sizes")
    return [variant for case in chosen for variant in [case, *_variants(case, number_formats)]]


def _variants(case: LatencyCase, number_formats: Sequence[str]) -> List[LatencyCase]:
    if case.label_map != "exact" or case.engine in INFERENCE_ENGINES:
        return []
    if "fp16" in number_formats and case.engine != PHONE:
        raise InputError(
            "--precision fp16 has kernels on ARM only, and this host has none to time: use it with --engine phone"
        )
    return [
        replace(case, precision=number) if number == "fp16" else replace(case, weights=number)
        for number in number_formats
    ]
