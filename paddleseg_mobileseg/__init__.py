"""PaddleSeg plugin: mobile segmentation networks from a YAML config to a phone.

Importing it mends what is broken in the installed PaddleSeg and registers every component.
"""

from pathlib import Path as _Path

from . import compat as _compat

_compat.apply()

# In a checkout the deployment modules lie beside the package; a wheel has them inside it.
if not (_Path(__path__[0]) / "deploy").is_dir():
    __path__.append(str(_Path(__path__[0]).parent))

from .backbones import (  # noqa: E402
    SeaFormer,
    SeaFormer_Base,
    SeaFormer_Large,
    SeaFormer_Small,
    SeaFormer_Tiny,
    StrideFormer,
    StrideFormer_Base,
    StrideFormer_Tiny,
)
from .distillation import MultiResolutionDistillation  # noqa: E402
from .errors import InputError, MobilesegError, ToolError  # noqa: E402
from .heads import VIM, Bilinear, SegHead  # noqa: E402
from .labels import upsample_labels  # noqa: E402
from .necks import AAM, SeaFusion  # noqa: E402
from .segmentor import MobileSegmentor  # noqa: E402
from .weights import load_weights  # noqa: E402
from .zoo import build_model  # noqa: E402
from . import datasets  # noqa: E402,F401

__version__ = "0.1.0"

__all__ = [
    "AAM",
    "Bilinear",
    "InputError",
    "MobileSegmentor",
    "MobilesegError",
    "MultiResolutionDistillation",
    "SeaFormer",
    "SeaFormer_Base",
    "SeaFormer_Large",
    "SeaFormer_Small",
    "SeaFormer_Tiny",
    "SeaFusion",
    "SegHead",
    "StrideFormer",
    "StrideFormer_Base",
    "StrideFormer_Tiny",
    "ToolError",
    "VIM",
    "build_model",
    "load_weights",
    "upsample_labels",
]
