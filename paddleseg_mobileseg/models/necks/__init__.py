from .aam import AAM
from .light_aam import LightAAM
from .sea_fusion import SeaFusion

__all__ = ["AAM", "LightAAM", "SeaFusion"]
