"""The training curves, as SVG for a page."""

from typing import Dict, List

from matplotlib.figure import Figure

from ..report.plot_style import BLUE, GREEN, ORANGE, draw_svg


def training_curves(curve: List[Dict[str, float]], scores: List[Dict[str, float]]) -> List[str]:
    """Loss and learning rate, and mIoU, over the iterations: a plot each, so that a narrow page can stack them.

    Args:
        curve, scores: as of `training.TrainingLog`.

    Returns:
        Two <svg> elements.
    """

    def draw_loss(figure: Figure) -> None:
        _loss(figure.subplots(), curve)

    def draw_score(figure: Figure) -> None:
        _score(figure.subplots(), curve, scores)

    return [draw_svg(4.4, 2.9, draw) for draw in (draw_loss, draw_score)]


def _loss(axes, curve: List[Dict[str, float]]) -> None:
    iterations = [point["iter"] for point in curve]
    axes.set_title("Loss (left) and learning rate (right)", loc="left", fontsize=9.5)
    axes.plot(iterations, [point["loss"] for point in curve], color=BLUE, linewidth=1.6)
    axes.set_xlabel("iteration")
    axes.set_ylabel("cross entropy", color=BLUE)
    axes.set_ylim(bottom=0)
    axes.spines["right"].set_visible(False)
    rate = axes.twinx()
    rate.plot(iterations, [point["lr"] for point in curve], color=ORANGE, linewidth=1.2, linestyle=(0, (4, 2)))
    rate.set_ylabel("learning rate", color=ORANGE)
    rate.set_ylim(bottom=0)
    rate.grid(False)
    rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))


def _score(axes, curve: List[Dict[str, float]], scores: List[Dict[str, float]]) -> None:
    axes.set_title("mIoU on held-out scenes", loc="left", fontsize=9.5)
    iterations = [score["iter"] for score in scores]
    axes.plot(iterations, [score["miou"] for score in scores], color=GREEN, linewidth=1.6, marker="o", markersize=4)
    for score in scores:
        below = -14 if score["miou"] > 0.5 else 7
        place = dict(xytext=(0, below), textcoords="offset points", ha="center", fontsize=8)
        axes.annotate(f"{score['miou']:.3f}", (score["iter"], score["miou"]), **place)
    axes.set_xlabel("iteration")
    axes.set_ylabel("mIoU", color=GREEN)
    axes.set_ylim(0, 1)
    axes.set_xlim(0, 1.06 * max(point["iter"] for point in curve))
    axes.spines["right"].set_visible(False)
