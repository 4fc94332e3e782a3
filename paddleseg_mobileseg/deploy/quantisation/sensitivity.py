"""Layers whose rounding costs the most, found by rounding one alone."""

from typing import Dict, Mapping, Sequence

import numpy as np
from tqdm import tqdm

from ..ir.exported import ExportedModel
from ..ir.static_graph import StaticGraph
from .layers import Layer, quantised_program


def layer_errors(
    model: ExportedModel, layers: Sequence[Layer], thresholds: Mapping[str, float], batches: Sequence[np.ndarray]
) -> Dict[str, float]:
    """How far the output moves when one layer alone computes in int8, over the size of the output.

    Args:
        model: in float32.
        layers, thresholds: as of `quantised_program`.
        batches: a few of the network's input.

    Returns:
        By name of the layer, the norm of the difference over that of the output; of labels the share that changes.
    """
    reference, errors = _outputs(model, batches), {}
    for layer in tqdm(layers, desc="sensitive layers", unit="layer", disable=None, leave=False):
        errors[layer.name] = _error(reference, _outputs(quantised_program(model, [layer], thresholds), batches))
    return errors


def _outputs(model: ExportedModel, batches: Sequence[np.ndarray]) -> np.ndarray:
    graph = StaticGraph(model)
    return np.stack([graph.run(batch) for batch in batches])


def _error(reference: np.ndarray, moved: np.ndarray) -> float:
    if reference.dtype.kind != "f":
        return float(np.mean(reference != moved))
    reference = reference.astype(np.float64)
    return float(np.linalg.norm(moved - reference) / max(np.linalg.norm(reference), np.finfo(np.float32).tiny))
