"""What is measured: cases, and the suites that they come from."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.ablations import ABLATIONS
from paddleseg_mobileseg.models.zoo import MODELS, Model

PADDLE_LITE, PHONE = "paddle-lite", "phone"
INFERENCE_ENGINES = ("paddle-inference", "paddle-inference-gpu", "paddle-inference-tensorrt")
ENGINES = (PADDLE_LITE, PHONE, *INFERENCE_ENGINES)
"""What runs a network: Paddle-Lite on this host or on a phone; Paddle Inference on a processor or a graphics card."""

ACTIVE_CLASSES = 20
"""How many classes can win with the random weights: as many as a trained network finds in an image of many things."""


@dataclass(frozen=True)
class Case:
    """One line of a table.

    Attributes:
        network: its name in the zoo, or among the ablations.
        height, width: of the input.
        num_classes: of the logits.
        label_map: "exact", "argmax" or "vim", as of `convert`.
        engine: one of `ENGINES`.
        weights: what they are stored in, "float32", "int16" or "int8".
        precision: what is computed in, "float32" or "float16".
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

    @property
    def key(self) -> Tuple[Any, ...]:
        """What tells it from every other."""
        return tuple(asdict(self).values())

    @property
    def number_format(self) -> str:
        """Of weights and arithmetic together: "float32", "int16", "int8" or "float16"."""
        return self.precision if self.precision != "float32" else self.weights


@dataclass(frozen=True)
class Suite:
    """A set of cases that answers one question.

    Attributes:
        question: what it answers.
        dataset: whose published figures belong to it, a key of `Model.published`.
        sizes: heights and widths.
        label_maps: the ways to make the labels.
        networks: names; every network of the zoo if None.
        other_label_maps: instead of `label_maps`, by network.
        further: what another engine than Paddle-Lite runs, with size and label maps.
        active_classes: numbers of active classes.
    """

    question: str
    dataset: str
    num_classes: int
    sizes: Sequence[Tuple[int, int]]
    label_maps: Sequence[str]
    networks: Optional[Sequence[str]] = None
    other_label_maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    further: Sequence[Tuple[str, Tuple[int, int], Sequence[str]]] = ()
    active_classes: Sequence[int] = (ACTIVE_CLASSES,)

    def cases(self) -> List[Case]:
        """All of them: the label maps of a network one after the other."""
        networks = self.networks or [model.name for model in MODELS]
        cases = [
            Case(network, *size, self.num_classes, label_map, active_classes=active_classes)
            for active_classes in self.active_classes
            for size in self.sizes
            for network in networks
            for label_map in self.other_label_maps.get(network, self.label_maps)
        ]
        for engine, size, label_maps in self.further:
            cases += [
                Case(network, *size, self.num_classes, label_map, engine)
                for network in networks
                for label_map in label_maps
            ]
        return cases


_MOBILESEG = [model.name for model in MODELS if model.name.startswith("mobileseg_")]
_PP_MOBILESEG = ["pp_mobileseg_tiny", "pp_mobileseg_base"]

SUITES: Dict[str, Suite] = {
    "ade20k": Suite(
        "which network is fastest for its accuracy, at 512x512 with 150 classes",
        "ade20k", 150, [(512, 512)], ("exact", "argmax", "vim"),
    ),
    # VIM is off below 30 classes.
    "cityscapes": Suite(
        "which network is fastest for its accuracy, at 1024x512 with 19 classes",
        "cityscapes", 19, [(512, 1024)], ("exact", "argmax"),
    ),
    "mobileseg-256": Suite(
        "the table of MobileSeg: 256x256 in Paddle-Lite, and 2048x1024 in Paddle Inference, with 19 classes",
        "cityscapes", 19, [(256, 256)], ("exact", "argmax"), [*_PP_MOBILESEG, *_MOBILESEG],
        further=[("paddle-inference", (1024, 2048), ("exact", "argmax"))],
    ),
    "ablation": Suite(
        "what each part of PP-MobileSeg-Base costs, at 512x512 with 150 classes",
        "ade20k", 150, [(512, 512)], ("exact", "vim"), [model.name for model in ABLATIONS],
        {name: ("exact", "argmax") for name in ("seaformer_base_fusion", "pp_mobileseg_base_bilinear")},
    ),
    "classes": Suite(
        "what a label map costs when more of the 150 classes share an image, at 512x512",
        "ade20k", 150, [(512, 512)], ("exact", "argmax", "vim"), _PP_MOBILESEG, active_classes=(5, 20, 60, 150),
    ),
    "resolution": Suite(
        "how latency and memory grow with the input, with 150 classes",
        "ade20k", 150, [(size, size) for size in (128, 256, 384, 512, 768, 1024)], ("exact", "argmax"),
        [*_PP_MOBILESEG, "seaformer_base", "topformer_base", "mobileseg_mobilenetv3"],
    ),
}


def find_network(name: str) -> Model:
    """The row of the zoo, or the ablation, called `name`.

    Raises:
        InputError: there is none.
    """
    for model in [*MODELS, *ABLATIONS]:
        if model.name == name:
            return model
    raise InputError(f"there is no network '{name}'; choose from {', '.join(m.name for m in [*MODELS, *ABLATIONS])}")


def choose(
    cases: Sequence[Case],
    networks: Optional[Sequence[str]] = None,
    label_maps: Optional[Sequence[str]] = None,
    sizes: Optional[Sequence[Tuple[int, int]]] = None,
    engine: Optional[str] = None,
    number_formats: Sequence[str] = (),
) -> List[Case]:
    """The cases that a user wants.

    Args:
        cases: of a suite.
        networks, label_maps, sizes: keep these only.
        engine: instead of the suite's.
        number_formats: "int16", "int8" and "float16" to measure beside float32, with the exact label map.

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


def _variants(case: Case, number_formats: Sequence[str]) -> List[Case]:
    if case.label_map != "exact" or case.engine in INFERENCE_ENGINES:
        return []
    if "float16" in number_formats and case.engine != PHONE:
        raise InputError("--fp16 has kernels on ARM only, and this host has none to time: use it with --engine phone")
    return [
        replace(case, precision=number) if number == "float16" else replace(case, weights=number)
        for number in number_formats
    ]
