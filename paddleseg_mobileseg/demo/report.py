"""The demo's result as one HTML page that loads nothing."""

import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from markupsafe import Markup

from ..data.synthetic import SyntheticScenes
from ..deploy import LIMITS, export
from ..paths import CONFIGS, short_path
from ..report.overlays import data_uri, mistakes, overlay
from ..report.page import render_page
from .plots import training_curves

_FOLDER = Path(__file__).parent
_SHOWN = 6
_LITE = LIMITS["float32"]
SHOWN_LIMITS = {"static": export.MAX_DIFFERENCE, "lite": _LITE.difference, "pixels": _LITE.agreement}
OWN_CONFIG = CONFIGS / "pp_mobileseg" / "pp_mobileseg_tiny_own_512x512_20k.yml"


def render(result: Dict[str, Any], scenes: SyntheticScenes, labels: np.ndarray, images: int) -> str:
    """The report.

    Args:
        result: what `demo.json` holds; every number of the page comes out of it.
        scenes: the test scenes.
        labels: the converted model's label maps of the first ones, uint8 [images, H, W].
        images: how many of them were written as files.
    """
    return render_page(
        _FOLDER / "report.html",
        **result,
        duration=duration,
        short_path=short_path,
        small=small,
        rgb=rgb,
        heat=heat,
        folder=short_path(Path(result["report"]).parent),
        curves=[Markup(svg) for svg in training_curves(result["training"]["curve"], result["training"]["scores"])],
        gallery=gallery(scenes, labels, min(_SHOWN, images)),
        palette=dict(zip(scenes.CLASSES, scenes.PALETTE)),
        own_config=short_path(OWN_CONFIG),
        arm=_model(result, "arm"),
        host_name=Path(_model(result, "x86")["file"]).name,
        limits=SHOWN_LIMITS,
        activate=activation(),
        total_seconds=sum(result["seconds"].values()),
    )


def _model(result: Dict[str, Any], target: str) -> Dict[str, Any]:
    """The converted model that an application wants."""
    return next(row for row in result["models"] if row["target"] == target and row["output"]["label_map"] == "exact")


def activation() -> Optional[str]:
    """The script that puts `mobileseg` on the path; None where it is there, or there is no such script."""
    script = Path(sys.prefix) / "bin" / "activate"
    return short_path(script) if shutil.which("mobileseg") is None and script.is_file() else None


def gallery(scenes: SyntheticScenes, labels: np.ndarray, count: int) -> List[Dict[str, Any]]:
    """The first scenes, each as image, truth, prediction and mistakes, with its share of right pixels."""
    rows = []
    for index in range(count):
        image, truth = scenes.scene(index)
        rows.append(
            {
                "image": data_uri(image),
                "truth": data_uri(overlay(image, truth, scenes.PALETTE)),
                "prediction": data_uri(overlay(image, labels[index], scenes.PALETTE)),
                "mistakes": data_uri(mistakes(image, truth, labels[index])),
                "right": float((truth == labels[index]).mean()),
            }
        )
    return rows


def duration(seconds: float) -> str:
    """94.2 -> "1 min 34 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def small(value: float) -> str:
    """A small difference: "0", or two digits of it."""
    return f"{value:.1e}" if value else "0"


def rgb(colour: Any) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"


def heat(share: float, right: bool) -> str:
    """Background of a confusion cell: green on the diagonal, red off it, stronger for more."""
    strength = share if right else min(1.0, 4 * share)
    return f"rgba({'31, 122, 77' if right else '214, 40, 57'}, {0.55 * strength:.3f})"
