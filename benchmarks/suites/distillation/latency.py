"""What the reduced image saves: networks at full and at half height and width, through Paddle-Lite."""

from pathlib import Path

import paddle

from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path
from paddleseg_mobileseg.deploy.runtime.predictor import HOST_TARGET
from paddleseg_mobileseg.files import scratch_folder
from paddleseg_mobileseg.models.zoo import find_model

from ...cache import key_of, network_key, sources_key
from .cases import DistillationCase


def model_of(case: DistillationCase, root: Path) -> Path:
    """The `.nb` for this host that a "latency" case runs, made where it is missing.

    Its weights are random, since its time does not depend on them.

    Args:
        case: whose network and input it has.
        root: of the folder of conversions; what other sources or versions make gets a folder of its own there.

    Raises:
        ToolError: a step failed.
    """
    model = find_model(case.network)
    height, width = case.seen
    key = key_of(sources_key(__name__), network_key(model))
    nb = root / "distillation" / key / f"{case.network}_{height}x{width}_{case.num_classes}.nb"
    if not metadata_path(nb).is_file():
        paddle.seed(0)
        with scratch_folder() as scratch:
            network = model.build(case.num_classes)
            exported = export_model(network, scratch / "exported", [1, 3, height, width], "none").folder
            nb.parent.mkdir(parents=True, exist_ok=True)
            convert(exported, nb, target=HOST_TARGET)
    return nb
