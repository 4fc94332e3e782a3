"""Logits of the PP-MobileSeg networks on a scene, with random weights that behave as trained ones do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import paddle

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.files import scratch_folder

from ..images import built_in_images, read_images
from ..random_weights import calibrate_random_weights
from .logits import SIZE

CLASSES = 150


@dataclass(frozen=True)
class NetworkCase:
    """Logits of a network for one image of SIZE x SIZE.

    Attributes:
        model: its name in the zoo.
        active_classes: how many of the classes have a chance to win; None for all.
    """

    model: str
    active_classes: Optional[int]

    def name(self) -> str:
        active_classes = "all" if self.active_classes is None else self.active_classes
        return f"{self.model}, {CLASSES} classes, {active_classes} active"

    def facts(self) -> Dict[str, Any]:
        return {"question": "networks", "classes": CLASSES, "model": self.model, "active_classes": self.active_classes}

    def logits(self, seed: int = 0) -> np.ndarray:
        """Float32 [1, classes, h, w]."""
        paddle.seed(seed)
        network = build_model(self.model, CLASSES)
        with scratch_folder() as folder:
            images = read_images(built_in_images(Path(folder), 2), SIZE, SIZE)
        calibrate_random_weights(network, images, CLASSES, self.active_classes)
        with paddle.no_grad():
            return network.logits(paddle.to_tensor(images[:1])).numpy()


def network_cases() -> List[NetworkCase]:
    """Both networks of the paper, with a realistic number of classes and with all of them."""
    return [NetworkCase(f"pp_mobileseg_{size}", n) for size in ("tiny", "base") for n in (20, 60, None)]
