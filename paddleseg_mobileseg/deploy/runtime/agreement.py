"""How far two outputs of the same network on the same input agree."""

from dataclasses import dataclass
from typing import Iterable, List, Optional, Tuple

import numpy as np

from ...errors import InputError
from ...labels import label_map_of
from .. import LIMITS, Limits


@dataclass(frozen=True)
class Agreement:
    """One output against its reference, or several taken together.

    Attributes:
        input: what was fed.
        pixels: how many were compared.
        equal_pixels: how many got the same class.
        classes_present: different classes in the reference.
        finite: the output holds neither NaN nor infinity.
        largest_difference: absolute, between logits or probabilities; None for labels and where not finite.
        relative_difference: the same over the largest absolute value of the reference.
    """

    input: str
    pixels: int
    equal_pixels: int
    classes_present: int
    finite: bool
    largest_difference: Optional[float]
    relative_difference: Optional[float]

    @property
    def pixel_agreement(self) -> float:
        """Share of pixels with the same class, 0 to 1."""
        return self.equal_pixels / self.pixels

    def fault(self, limits: Limits = LIMITS["float32"]) -> Optional[str]:
        """Why the outputs do not agree well enough, in words; None where they do."""
        if not self.finite:
            return "the output holds NaN or infinity"
        if self.relative_difference is not None and self.relative_difference > limits.difference:
            share = f"{self.relative_difference:.2g}"
            return f"values differ by {share} of the largest one, more than {limits.difference:g}"
        if self.pixel_agreement < limits.agreement:
            percent = f"{100 * self.pixel_agreement:.4f} %"
            return f"{percent} of the pixels get the same class, less than {100 * limits.agreement:g} %"
        return None


def measure_agreement(
    reference: np.ndarray,
    output: np.ndarray,
    name: str,
    label_maps: Optional[Tuple[np.ndarray, np.ndarray]] = None,
) -> Agreement:
    """Compare `output` with `reference`: both logits or probabilities, or both labels, of one shape.

    Args:
        reference: what is right.
        output: what is in question.
        name: of the input that both were made of.
        label_maps: class numbers [N, H, W] of the two; where they are not given, those of `label_map_of`.

    Raises:
        InputError: the shapes differ, or the reference itself holds NaN or infinity.
    """
    if reference.shape != output.shape or reference.dtype.kind != output.dtype.kind:
        raise InputError(
            f"the outputs for {name} cannot be compared: {reference.dtype} {list(reference.shape)} and "
            f"{output.dtype} {list(output.shape)}; are they of the same network?"
        )
    if not np.isfinite(reference).all():
        raise InputError(f"Paddle's own output for {name} holds NaN or infinity: the weights are not usable")
    finite = bool(np.isfinite(output).all())
    labels, others = label_maps or (label_map_of(reference), label_map_of(output))
    largest = relative = None
    if reference.dtype.kind == "f" and finite:
        largest = float(np.abs(reference - output).max())
        relative = largest / max(float(np.abs(reference).max()), np.finfo(np.float32).tiny)
    return Agreement(
        input=name,
        pixels=labels.size,
        equal_pixels=int((labels == others).sum()),
        classes_present=len(np.unique(labels)),
        finite=finite,
        largest_difference=largest,
        relative_difference=relative,
    )


def total_agreement(parts: List[Agreement]) -> Agreement:
    """All inputs taken together: the largest differences, and the pixels of all."""

    def largest(values: List[Optional[float]]) -> Optional[float]:
        return None if None in values else max(values)

    return Agreement(
        input="all",
        pixels=sum(part.pixels for part in parts),
        equal_pixels=sum(part.equal_pixels for part in parts),
        classes_present=max(part.classes_present for part in parts),
        finite=all(part.finite for part in parts),
        largest_difference=largest([part.largest_difference for part in parts]),
        relative_difference=largest([part.relative_difference for part in parts]),
    )


def equal_share(pairs: Iterable[Tuple[np.ndarray, np.ndarray]]) -> float:
    """The share of all pixels that have the same class in both label maps of each pair."""
    equal = pixels = 0
    for expected, found in pairs:
        equal += int((expected == found).sum())
        pixels += expected.size
    return equal / pixels
