"""Which combinations are tried."""

from dataclasses import dataclass
from typing import Dict, Tuple

REGISTRY_PADDLESEG = "2.8.0"
"""The PaddleSeg that package registries have; others are checkouts."""

_IMPORTED: Dict[str, Tuple[str, ...]] = {"develop": ("scikit-image",)}


@dataclass(frozen=True)
class Combination:
    """Versions that a user may have together. Of PaddleSeg: a version, or the name of a branch."""

    python: str
    paddle: str
    numpy: str
    opencv: str
    paddleseg: str = REGISTRY_PADDLESEG

    @property
    def environment(self) -> str:
        """The name of the environment that it is tried in; checkouts of PaddleSeg share one."""
        return f"python{self.python}-paddle{self.paddle}-numpy{self.numpy}-opencv{self.opencv}"

    @property
    def name(self) -> str:
        return f"{self.environment}-paddleseg{self.paddleseg}"

    @property
    def pins(self) -> Tuple[str, ...]:
        """What pip is held to, and what a branch imports beside."""
        pins = (f"paddlepaddle=={self.paddle}", f"numpy=={self.numpy}", f"opencv-python=={self.opencv}")
        return pins + _IMPORTED.get(self.paddleseg, ())


REFERENCE = Combination("3.10", "2.6.2", "1.26.4", "4.5.5.64")
"""What all others are compared with."""

# Each CPython with the oldest and the newest Paddle that has wheels for it, each minor release of Paddle, and the
# oldest, a middle and the newest of the rest. OpenCV below 4.10 is built for NumPy 1, and 5 wants NumPy 2.
COMBINATIONS: Tuple[Combination, ...] = (
    REFERENCE,
    Combination("3.9", "2.6.2", "1.22.4", "4.6.0.66"),
    Combination("3.11", "2.6.2", "1.26.4", "4.6.0.66", "2.9.1"),
    Combination("3.12", "2.6.2", "1.26.4", "4.10.0.84"),
    Combination("3.13", "3.0.0", "2.1.3", "4.10.0.84"),
    Combination("3.10", "3.1.1", "1.26.4", "4.6.0.66"),
    Combination("3.11", "3.2.2", "2.2.6", "4.10.0.84", "2.9.1"),
    Combination("3.9", "3.3.1", "2.0.2", "4.10.0.84"),
    Combination("3.10", "3.3.1", "1.26.4", "4.5.5.64"),
    Combination("3.11", "3.3.1", "2.4.6", "4.14.0.94", "2.9.1"),
    Combination("3.12", "3.3.1", "2.3.5", "5.0.0.93"),
    Combination("3.13", "3.3.1", "2.5.5", "5.0.0.93", "develop"),
)
