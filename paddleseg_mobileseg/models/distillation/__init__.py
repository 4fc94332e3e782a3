from .feature_upsampling import FeatureUpsampling
from .losses import feature_distance, output_divergence
from .multi_resolution import MultiResolutionDistillation

__all__ = ["FeatureUpsampling", "MultiResolutionDistillation", "feature_distance", "output_divergence"]
