"""The demo's result as one HTML page that loads nothing."""

import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from ..data.known_classes import known_classes
from ..data.synthetic import SyntheticScenes
from ..deploy import LIMITS, export
from ..paths import short_path
from ..report.curves import Curve, training_curves
from ..report.page import render_page
from ..report.pictures import picture_row

_FOLDER = Path(__file__).parent
_SHOWN = 6
_LITE = LIMITS["float32"]
SHOWN_LIMITS = {"static": export.MAX_DIFFERENCE, "lite": _LITE.difference, "pixels": _LITE.agreement}


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
        short_path=short_path,
        folder=short_path(Path(result["report"]).parent),
        curves=training_curves([_curve(**result["training"])]),
        gallery=gallery(scenes, labels, min(_SHOWN, images)),
        palette=list(zip(scenes.CLASSES, scenes.PALETTE)),
        colours=scenes.PALETTE,
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
    """The first scenes, as of `picture_row`."""
    classes = known_classes(type(scenes).__name__)
    rows = [picture_row(*scenes.scene(index), labels[index], classes) for index in range(count)]
    return [{**row, "name": f"test scene {index}"} for index, row in enumerate(rows)]


def _curve(curve: List[Dict[str, float]], scores: List[Dict[str, float]], **_: Any) -> Curve:
    """What the demo's training found, as of `train`."""
    losses = {int(point["iter"]): point["loss"] for point in curve}
    rates = {int(point["iter"]): point["lr"] for point in curve}
    return Curve("demo", losses, {int(score["iter"]): score["miou"] for score in scores}, rates=rates)
