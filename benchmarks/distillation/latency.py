"""What the reduced image saves: a network at full and at half height and width, in turns, through Paddle-Lite."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Tuple

import paddle

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.runtime.bench import bench
from paddleseg_mobileseg.deploy.runtime.records import flat, ratio, summarise

CASES: Dict[str, Tuple[str, int, Tuple[int, int]]] = {
    "scenes": ("pp_mobileseg_tiny", 9, (192, 256)),
    "ADE20K": ("seaformer_base", 150, (512, 512)),
}
"""Network, classes, and the whole image's height and width; weights are random, times do not depend on them."""


def time_case(case: str, folder: Path, repeats: int) -> Dict[str, Any]:
    """Convert a network for whole and for reduced images, and time both.

    Args:
        case: of `CASES`.
        folder: gets the exports and the `.nb` files.
        repeats: runs of each.

    Returns:
        "run" ("latency"), "case", "model", "classes", "sizes" [[H, W], [H / 2, W / 2]], "median_ms" of both, network
        and label map together, "ratio" of the reduced one's time to the whole one's within the turns, and the
        "records".

    Raises:
        ToolError: a step failed.
    """
    name, classes, whole = CASES[case]
    sizes = [list(whole), [side // 2 for side in whole]]
    paddle.seed(0)
    network = build_model(name, classes)
    models = []
    for height, width in sizes:
        exported = export_model(network, folder / f"{name}_{height}x{width}", [1, 3, height, width], "none").folder
        models.append(folder / f"{name}_{height}x{width}.nb")
        convert(exported, models[-1], target="x86")
    full, reduced = bench(models, repeats=repeats, rounds=10)
    return {
        "run": "latency",
        "case": case,
        "model": name,
        "classes": classes,
        "sizes": sizes,
        "median_ms": [summarise(flat(record.rounds_ms))["median_ms"] for record in (full, reduced)],
        "ratio": ratio(reduced, full),
        "records": [asdict(record) for record in (full, reduced)],
    }
