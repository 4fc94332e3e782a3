from .seg_head import SegHead
from .upsample import VIM, Bilinear

__all__ = ["SegHead", "Bilinear", "VIM"]
