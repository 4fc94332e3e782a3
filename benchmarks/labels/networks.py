"""Logits of the PP-MobileSeg networks on a scene, with random weights that behave as trained ones do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import paddle

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.files import scratch_folder

from ..pictures import built_in_pictures, read_pictures
from ..weights import settle
from .logits import SIZE

CLASSES = 150


@dataclass(frozen=True)
class NetworkCase:
    """Logits of a network for one picture of SIZE x SIZE.

    Attributes:
        model: its name in the zoo.
        competing: how many of the classes have a chance to win; None for all.
    """

    model: str
    competing: Optional[int]

    def name(self) -> str:
        competing = "all" if self.competing is None else self.competing
        return f"{self.model}, {CLASSES} classes, {competing} with a chance"

    def facts(self) -> Dict[str, Any]:
        return {"question": "networks", "classes": CLASSES, "model": self.model, "competing": self.competing}

    def logits(self, seed: int = 0) -> np.ndarray:
        """Float32 [1, classes, h, w]."""
        paddle.seed(seed)
        network = build_model(self.model, CLASSES)
        with scratch_folder() as folder:
            pictures = read_pictures(built_in_pictures(Path(folder), 2), SIZE, SIZE)
        settle(network, pictures, CLASSES, self.competing)
        with paddle.no_grad():
            return network.logits(paddle.to_tensor(pictures[:1])).numpy()


def network_cases() -> List[NetworkCase]:
    """Both networks of the paper, with a realistic number of classes and with all of them."""
    return [NetworkCase(f"pp_mobileseg_{size}", n) for size in ("tiny", "base") for n in (20, 60, None)]
