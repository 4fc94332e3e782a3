"""Every suite of the benchmarks, declared."""

from pathlib import Path
from typing import Dict, List, Tuple, Union

from paddleseg_mobileseg.models.ablations import ABLATIONS
from paddleseg_mobileseg.models.zoo import MODELS

from ..results import Result, join, read_results
from ..suite import Suite
from .distillation.suite import DistillationSuite
from .engines.suite import EnginesSuite
from .labels.suite import LabelMapSuite
from .latency.claims import claims, claims_by_classes
from .latency.suite import LatencySuite
from .rewrites.suite import RewritesSuite
from .training.suite import TrainingSuite
from .zoo_training.suite import ZooTrainingSuite

_MOBILESEG = [model.name for model in MODELS if model.name.startswith("mobileseg_")]
_PP_MOBILESEG = ["pp_mobileseg_tiny", "pp_mobileseg_base"]

_DECLARED: Tuple[Suite, ...] = (
    LatencySuite(
        "ade20k",
        "which network is fastest for its accuracy, at 512x512 with 150 classes",
        dataset="ade20k",
        num_classes=150,
        sizes=[(512, 512)],
        label_maps=("exact", "argmax", "vim"),
        claims=claims,
    ),
    # VIM is off below 30 classes.
    LatencySuite(
        "cityscapes",
        "which network is fastest for its accuracy, at 1024x512 with 19 classes",
        dataset="cityscapes",
        num_classes=19,
        sizes=[(512, 1024)],
        label_maps=("exact", "argmax"),
    ),
    LatencySuite(
        "mobileseg-256",
        "the table of MobileSeg: 256x256 in Paddle-Lite, and 2048x1024 in Paddle Inference, with 19 classes",
        dataset="cityscapes",
        num_classes=19,
        sizes=[(256, 256)],
        label_maps=("exact", "argmax"),
        networks=[*_PP_MOBILESEG, *_MOBILESEG],
        further=[("paddle-inference", (1024, 2048), ("exact", "argmax"))],
    ),
    LatencySuite(
        "ablation",
        "what each part of PP-MobileSeg-Base costs, at 512x512 with 150 classes",
        dataset="ade20k",
        num_classes=150,
        sizes=[(512, 512)],
        label_maps=("exact", "vim"),
        networks=[model.name for model in ABLATIONS],
        other_label_maps={
            name: ("exact", "argmax") for name in ("seaformer_base_fusion", "pp_mobileseg_base_bilinear")
        },
    ),
    LatencySuite(
        "classes",
        "what a label map costs when more of the 150 classes share an image, at 512x512",
        dataset="ade20k",
        num_classes=150,
        sizes=[(512, 512)],
        label_maps=("exact", "argmax", "vim"),
        networks=_PP_MOBILESEG,
        active_classes=(5, 20, 60, 150),
        claims=claims_by_classes,
    ),
    LatencySuite(
        "resolution",
        "how latency and memory grow with the input, with 150 classes",
        dataset="ade20k",
        num_classes=150,
        sizes=[(size, size) for size in (128, 256, 384, 512, 768, 1024)],
        label_maps=("exact", "argmax"),
        networks=[*_PP_MOBILESEG, "seaformer_base", "topformer_base", "mobileseg_mobilenetv3"],
    ),
    TrainingSuite(
        "training",
        "how many images a second training takes, beside PaddleSeg's own PP-MobileSeg",
        networks=_PP_MOBILESEG,
        height=256,
        width=256,
        num_classes=150,
        batch=4,
    ),
    LabelMapSuite("labels", "what a label map costs: exact upsampling, interpolation and argmax, and VIM"),
    RewritesSuite(
        "rewrites",
        "what the rewrites of conversion save, at 512x512 with 150 classes",
        size=(512, 512),
        num_classes=150,
    ),
    EnginesSuite(
        "engines",
        "which engine runs a network fastest, at 512x512 with 150 classes",
        dataset="ade20k",
        size=(512, 512),
        num_classes=150,
    ),
    ZooTrainingSuite(
        "zoo_training", "whether every network of the table learns, through the same training", iters=200
    ),
    DistillationSuite(
        "distillation",
        "what a student of reduced images gains from its teacher, and what it saves",
        timed=[("pp_mobileseg_tiny", 9, (192, 256)), ("seaformer_base", 150, (512, 512))],
    ),
)

SUITES: Dict[str, Suite] = {suite.name: suite for suite in _DECLARED}
"""By name."""

CASE_TYPES: Dict[str, type] = {name: suite.case_type for name, suite in SUITES.items()}


def read_file(path: Union[str, Path]) -> List[Result]:
    """What a results file holds, one result a case.

    Raises:
        InputError: as of `read_results`.
    """
    return join(read_results(path, CASE_TYPES))
