from .strideformer import StrideFormer, StrideFormer_Base, StrideFormer_Tiny

__all__ = ["StrideFormer", "StrideFormer_Base", "StrideFormer_Tiny"]
