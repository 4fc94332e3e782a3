"""This plugin's backbones for PaddleDetection: importing this registers them by name for its configs.

    import paddleseg_mobileseg.detection            # then `backbone: SeaFormerBackbone` in a config of PaddleDetection
    mobileseg detection train --config configs/detection/retinanet_seaformer_base_coco_1x.yml

PaddleDetection is an extra: `pip install 'paddleseg_mobileseg[detection]'`.
"""

from ..errors import InputError

try:
    import ppdet  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "ppdet":
        raise
    raise InputError(
        "paddleseg_mobileseg.detection needs PaddleDetection: pip install 'paddleseg_mobileseg[detection]'"
    ) from error

from ..patches import registry
from .backbones import SeaFormerBackbone, StrideFormerBackbone
from .patches import PATCHES

registry.apply(PATCHES)

__all__ = ["SeaFormerBackbone", "StrideFormerBackbone"]
