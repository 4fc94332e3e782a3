"""From a network to its static graph: what is refused, what is checked, and what is left as it was."""

import os

import paddle
import pytest
from paddleseg.deploy.export import WrappedModel

from paddleseg_mobileseg import VIM, InputError, ToolError, build_model
from paddleseg_mobileseg.deploy.export import export_model
from support.small_data import NUM_CLASSES


def test_stock_wrapper_refuses_to_ruin_the_label_map_of_vim():
    model = build_model("pp_mobileseg_tiny", NUM_CLASSES, upsample=VIM())
    with pytest.raises(InputError, match="--output_op none"):
        WrappedModel(model, "argmax")


class ForgetsItsInput(paddle.nn.Layer):
    """Gives another output each time that it is run as Python, which a static graph cannot follow."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        return [x * float(self.runs)]


def test_graph_that_differs_from_the_network_is_an_error_and_not_written(tmp_path):
    with pytest.raises(ToolError, match="the static graph does not give what the network gives: values differ by"):
        export_model(ForgetsItsInput(), tmp_path / "out", [1, 3, 8, 8], output_op="none")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "shape, message",
    [([1, 3], "four sizes, N C H W"), ([1, 3, 0, 64], "four sizes"), ([1, 4, 64, 64], "does not take an input of")],
)
def test_export_refuses_a_shape_that_the_network_cannot_take(tmp_path, shape, message):
    with pytest.raises(InputError, match=message):
        export_model(build_model("pp_mobileseg_tiny", NUM_CLASSES), tmp_path / "out", shape)


def test_exporting_leaves_the_network_and_the_environment_as_they_were(tmp_path, monkeypatch):
    monkeypatch.delenv("PADDLESEG_EXPORT_STAGE", raising=False)
    model = build_model("pp_mobileseg_tiny", NUM_CLASSES, upsample=VIM())
    model.train()
    export_model(model, tmp_path / "out", [1, 3, 64, 64], output_op="none")
    assert model.training and "PADDLESEG_EXPORT_STAGE" not in os.environ
    assert model(paddle.zeros([1, 3, 64, 64]))[0].shape == [1, NUM_CLASSES, 64, 64]
