from .aam import AAM
from .sea_fusion import SeaFusion

__all__ = ["AAM", "SeaFusion"]
