"""PaddleSeg's losses give under any Paddle what they give under 2.6, and so do their gradients."""

import json
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import manager

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "losses_of_paddle_2_6.json"
SHAPE = (2, 3, 16, 16)


def drawn(*shape, seed=0):
    return np.random.RandomState(seed).randn(*shape).astype("float32")


LABEL = np.random.RandomState(1).randint(0, 3, (2, 16, 16)).repeat(2, 1)[:, :16]
LABEL[0, 3:5, 2:9] = 255
TRUTH = (LABEL == 1).astype("int64")
WEIGHTS = [0.5, 1.0, 2.0]
EDGES = np.where(LABEL == 255, 255, TRUTH)
CASES = {
    "cross_entropy": ("CrossEntropyLoss", {}, [SHAPE], [LABEL]),
    "cross_entropy_weighted": ("CrossEntropyLoss", {"weight": WEIGHTS}, [SHAPE], [LABEL]),
    "cross_entropy_top_k": ("CrossEntropyLoss", {"top_k_percent_pixels": 0.3}, [SHAPE], [LABEL]),
    "cross_entropy_top_k_weighted": (
        "CrossEntropyLoss", {"top_k_percent_pixels": 0.3, "weight": WEIGHTS}, [SHAPE], [LABEL]
    ),
    "cross_entropy_all_pixels": ("CrossEntropyLoss", {"avg_non_ignore": False}, [SHAPE], [LABEL]),
    "distill_cross_entropy": ("DistillCrossEntropyLoss", {}, [SHAPE], [drawn(*SHAPE, seed=2), LABEL]),
    "bce": ("BCELoss", {}, [SHAPE], [LABEL]),
    # Without pos_weight, for which the kernel of Paddle 2.6 gives something else than the formula.
    "bce_edges": ("BCELoss", {"weight": "dynamic", "edge_label": True}, [(2, 1, 16, 16)], [EDGES]),
    "lovasz_softmax": ("LovaszSoftmaxLoss", {}, [SHAPE], [LABEL]),
    "lovasz_hinge": ("LovaszHingeLoss", {}, [(2, 1, 16, 16)], [EDGES]),
    "dual_task": ("DualTaskLoss", {}, [SHAPE], [np.minimum(LABEL, 2)]),
    "edge_attention": ("EdgeAttentionLoss", {}, [SHAPE, (2, 1, 16, 16)], [LABEL]),
    "bootstrapped": ("BootstrappedCrossEntropyLoss", {"min_K": 50, "loss_th": 0.8}, [SHAPE], [LABEL]),
    "dice": ("DiceLoss", {}, [SHAPE], [LABEL]),
    "dice_weighted": ("DiceLoss", {"weight": WEIGHTS}, [SHAPE], [LABEL]),
    "ohem": ("OhemCrossEntropyLoss", {"min_kept": 100}, [SHAPE], [LABEL]),
    "relax_boundary": ("RelaxBoundaryLoss", {}, [SHAPE], [LABEL]),
    "ohem_edge": ("OhemEdgeAttentionLoss", {"min_kept": 50}, [SHAPE, (2, 1, 16, 16)], [LABEL]),
    "l1": ("L1Loss", {}, [SHAPE], [drawn(*SHAPE, seed=3)]),
    "mse": ("MSELoss", {}, [SHAPE], [drawn(*SHAPE, seed=3)]),
    "focal": ("FocalLoss", {}, [(2, 2, 16, 16)], [EDGES]),
    "multi_class_focal": ("MultiClassFocalLoss", {"num_class": 3}, [SHAPE], [LABEL]),
    "kl": ("KLLoss", {}, [SHAPE], [drawn(*SHAPE, seed=4)]),
    "kl_masked": ("KLLoss", {"temperature": 2}, [SHAPE], [drawn(*SHAPE, seed=4), LABEL]),
    "mixed": ("MixedLoss", {}, [SHAPE], [LABEL]),
    "rmi": ("RMILoss", {"num_classes": 3}, [SHAPE], [LABEL]),
    "detail": ("DetailAggregateLoss", {}, [(2, 1, 16, 16)], [EDGES]),
    "semantic_encode": ("SECrossEntropyLoss", {}, [(2, 3)], [np.where(LABEL == 255, 0, LABEL)]),
    "connectivity": ("SemanticConnectivityLoss", {}, [SHAPE], [LABEL]),
    "pixel_contrast": ("PixelContrastCrossEntropyLoss", {"max_views": 6}, [(2, 4, 16, 16)], [LABEL]),
    "point": ("PointCrossEntropyLoss", {}, [(2, 3, 10)], [LABEL]),
}


def computed(case):
    """The losses of a case, and three numbers of the gradient of their sum by each input."""
    kind, options, shapes, others = CASES[case]
    if case == "mixed":
        options = {"losses": [manager.LOSSES[name]() for name in ("CrossEntropyLoss", "DiceLoss")], "coef": [1, 2]}
    inputs = [paddle.to_tensor(drawn(*shape, seed=number)) for number, shape in enumerate(shapes)]
    for each in inputs:
        each.stop_gradient = False
    given = list(inputs)
    if case == "pixel_contrast":
        given = [{"seg": paddle.to_tensor(drawn(*SHAPE, seed=5)), "embed": inputs[0]}]
    if case == "point":
        points = np.random.RandomState(6).uniform(0, 1, (2, 10, 2)).astype("float32")
        given = [*inputs, paddle.to_tensor(points)]
    loss = manager.LOSSES[kind](**options)
    for parameter in loss.parameters():
        parameter.set_value(paddle.full_like(parameter, 0.3))
    value = loss(given[0] if len(given) == 1 else given, *map(paddle.to_tensor, others))
    losses = [each.sum() for each in (value if isinstance(value, (list, tuple)) else [value])]
    sum(losses[1:], losses[0]).backward()
    numbers = [float(each) for each in losses]
    for each in inputs:
        gradient = np.zeros(1) if each.grad is None else each.grad.numpy().astype("float64").ravel()
        numbers += [gradient.sum(), np.abs(gradient).sum(), gradient @ np.cos(np.arange(gradient.size))]
    return numbers


def half(shape):
    return paddle.full(shape, 0.5)


@pytest.fixture(autouse=True)
def nothing_by_chance(monkeypatch):
    monkeypatch.setattr(paddle, "randperm", paddle.arange)
    monkeypatch.setattr(paddle, "rand", half)


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_paddle_2_6(case):
    np.testing.assert_allclose(computed(case), json.loads(GOLDEN.read_text())[case], rtol=1e-5, atol=1e-6)


def test_losses_beside_each_other_get_the_labels_as_they_are():
    """DiceLoss sets ignored pixels to class 0 in the labels that it is given."""
    alone = np.add(computed("cross_entropy")[1:], 2 * np.array(computed("dice")[1:]))
    np.testing.assert_allclose(computed("mixed")[4:], alone[2:], rtol=1e-5, atol=1e-6)


def test_operators_are_those_of_paddle_outside_of_losses():
    """A loss may end in an error, and losses may be in each other."""
    names = ("__add__", "__sub__", "__mul__", "__truediv__")
    before = [getattr(paddle.Tensor, name) for name in names]
    computed("mixed")
    with pytest.raises(Exception):
        manager.LOSSES["DiceLoss"]()(paddle.zeros([1, 2, 4, 4]), paddle.zeros([1, 3, 4], "int64"))
    assert [getattr(paddle.Tensor, name) for name in names] == before


if __name__ == "__main__":
    assert paddle.__version__.startswith("2.6"), "the golden numbers are those of Paddle 2.6"
    paddle.randperm, paddle.rand = paddle.arange, half
    values = {case: [float(f"{number:.7g}") for number in computed(case)] for case in CASES}
    sys.stdout.write("{\n" + ",\n".join(f'"{case}": {json.dumps(each)}' for case, each in values.items()) + "\n}\n")
