from .seaformer import SeaFormer, SeaFormer_Base, SeaFormer_Large, SeaFormer_Small, SeaFormer_Tiny
from .strideformer import StrideFormer, StrideFormer_Base, StrideFormer_Tiny, StrideFormer_TinyFast

__all__ = [
    "SeaFormer",
    "SeaFormer_Base",
    "SeaFormer_Large",
    "SeaFormer_Small",
    "SeaFormer_Tiny",
    "StrideFormer",
    "StrideFormer_Base",
    "StrideFormer_Tiny",
    "StrideFormer_TinyFast",
]
