"""How far a student is from its teacher: one number for the outputs, one for the features."""

import paddle.nn.functional as F

from ..layers import resize


def output_divergence(logits, target, temperature: float = 1.0):
    """Kullback-Leibler divergence of the student's classes from the teacher's, mean over the pixels.

    Times the square of the temperature, so that the size of the gradient does not depend on it
    (arXiv:1503.02531, section 2).

    Args:
        logits: the student's, [N, C, h, w]; stretched to the size of the teacher's.
        target: the teacher's, [N, C, H, W].
        temperature: both logits are divided by it first; above 1 the less likely classes count more.

    Returns:
        A number of at least 0, float32.
    """
    student = F.log_softmax(resize(logits, target.shape[2:]).astype("float32") / temperature, axis=1)
    teacher = F.log_softmax(target.astype("float32") / temperature, axis=1)
    return (teacher.exp() * (teacher - student)).sum(1).mean() * temperature**2


def feature_distance(feature, target):
    """Squared error of a feature over the mean square of its target, so that features of any scale weigh the same.

    Args:
        feature: the student's, lifted to the shape of the teacher's.
        target: the teacher's, [N, channels, H, W].

    Returns:
        A number of at least 0, float32; 1 for a feature of zeros.
    """
    feature, target = feature.astype("float32"), target.astype("float32")
    return (feature - target).square().mean() / target.square().mean().clip(min=1e-12)
