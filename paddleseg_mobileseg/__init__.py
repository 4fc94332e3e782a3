"""PaddleSeg plugin: mobile segmentation networks from a YAML config to a phone.

After `import paddleseg_mobileseg` every component is in PaddleSeg's registry, and what is broken in the installed
OpenCV, Paddle and PaddleSeg is patched. Both happen when Paddle and PaddleSeg are loaded, before or after this import,
so that a command which needs neither (`mobileseg device list`) does not wait for them; the public names below are
loaded when they are asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any, List

import wrapt

from .errors import InputError, MobilesegError, ToolError
from .installation import lacking
from .patches import early

if TYPE_CHECKING:
    from .checkpoints.loading import load_weights
    from .deploy.compare import compare
    from .deploy.convert import convert
    from .deploy.export import export_model as export
    from .deploy.runtime.bench import bench
    from .labels import upsample_labels
    from .models.backbones import (
        SeaFormer,
        SeaFormer_Base,
        SeaFormer_Large,
        SeaFormer_Small,
        SeaFormer_Tiny,
        StrideFormer,
        StrideFormer_Base,
        StrideFormer_Tiny,
        StrideFormer_TinyFast,
    )
    from .models.distillation import MultiResolutionDistillation
    from .models.heads import VIM, Bilinear, SegHead
    from .models.necks import AAM, LightAAM, SeaFusion
    from .models.segmentor import MobileSegmentor
    from .models.zoo import build_model, list_models
    from .segmenter import Segmentation, Segmenter

__version__ = "0.1.0"

_PUBLIC = {
    "AAM": "models.necks",
    "Bilinear": "models.heads",
    "LightAAM": "models.necks",
    "MobileSegmentor": "models.segmentor",
    "MultiResolutionDistillation": "models.distillation",
    "SeaFormer": "models.backbones",
    "SeaFormer_Base": "models.backbones",
    "SeaFormer_Large": "models.backbones",
    "SeaFormer_Small": "models.backbones",
    "SeaFormer_Tiny": "models.backbones",
    "SeaFusion": "models.necks",
    "SegHead": "models.heads",
    "Segmentation": "segmenter",
    "Segmenter": "segmenter",
    "StrideFormer": "models.backbones",
    "StrideFormer_Base": "models.backbones",
    "StrideFormer_Tiny": "models.backbones",
    "StrideFormer_TinyFast": "models.backbones",
    "VIM": "models.heads",
    "bench": "deploy.runtime.bench",
    "build_model": "models.zoo",
    "compare": "deploy.compare",
    "convert": "deploy.convert",
    "export": "deploy.export:export_model",
    "list_models": "models.zoo",
    "load_weights": "checkpoints.loading",
    "upsample_labels": "labels",
}

__all__ = ["InputError", "MobilesegError", "ToolError", *_PUBLIC]

early.prepare()
wrapt.register_post_import_hook(f"{__name__}.patches.on_paddle:patch", "paddle")
wrapt.register_post_import_hook(f"{__name__}.plugin:register", "paddleseg")


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module, _, attribute = _PUBLIC[name].partition(":")
    try:
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute or name)
    except ImportError as error:
        raise lacking(error) from error


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
