"""Convolutions with nothing between them, which opt joins wrongly unless they are kept apart."""

import numpy as np
from paddle import nn

from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.ir.static_graph import StaticGraph
from paddleseg_mobileseg.deploy.runtime.inputs import noise
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from support.exports import export, randomise

SIZE = [1, 3, 16, 24]


def difference(layers, folder):
    """How far Paddle-Lite is from Paddle, over the largest value, and what the conversion changed."""
    conversion = convert(export(randomise(nn.Sequential(*layers)), folder, SIZE), folder / "model.nb", "x86")
    batch = noise(SIZE, 1)
    with LitePredictor(conversion.path) as predictor:
        output = predictor.run(batch)
    reference = StaticGraph(conversion.lowered.program).run(batch)
    return np.abs(output - reference).max() / np.abs(reference).max(), conversion.metadata.passes


def test_opt_joins_no_convolutions_that_it_would_join_wrongly(tmp_path):
    layers = [
        nn.Conv2D(3, 8, 3, padding=1, bias_attr=False), nn.BatchNorm2D(8), nn.Conv2D(8, 16, 1), nn.ReLU(),
        nn.Conv2D(16, 8, 1), nn.Conv2D(8, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2D(8, 8, 1, groups=2), nn.Conv2D(8, 12, 1),
    ]  # fmt: skip
    relative, passes = difference(layers, tmp_path)
    assert relative < 1e-5
    assert passes["kept convolutions apart that opt would join wrongly"] == 3


def test_convolutions_that_opt_joins_right_stay_together(tmp_path):
    layers = [nn.Conv2D(3, 8, 1), nn.Conv2D(8, 12, 1, bias_attr=False), nn.ReLU(), nn.Conv2D(12, 8, 3)]
    relative, passes = difference(layers, tmp_path)
    assert relative < 1e-5
    assert not any("apart" in description for description in passes)
