"""Training curves of one run or several, as SVG for a page."""

import math
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Sequence, Tuple

from matplotlib.axes import Axes

from .plot_style import BLUE, GREEN, INK, ORANGE, draw_svg

_POINTS = 120
"""Most points of a loss curve: one is the mean of what lies between it and the one before."""

_COLOURS = (BLUE, ORANGE, GREEN, "#7a3e9d", "#b4232f", "#5b6773")
_LABELLED = 8
"""With more evaluations there is no room for the value of each."""


@dataclass(frozen=True)
class Curve:
    """What one training did, by iteration.

    Attributes:
        name: of the run.
        losses: as many as were written.
        scores: mIoU of the evaluations, 0 to 1.
        averages: mIoU of the moving average of the weights, where there is one.
        rates: the learning rate, where it is known.
    """

    name: str
    losses: Mapping[int, float]
    scores: Mapping[int, float]
    averages: Mapping[int, float] = field(default_factory=dict)
    rates: Mapping[int, float] = field(default_factory=dict)


def training_curves(curves: Sequence[Curve]) -> List[str]:
    """Loss and mIoU over the iterations: a plot each, so that a narrow page can stack them.

    Returns:
        <svg> elements; none for what no run has.
    """
    plots = []
    if any(curve.losses for curve in curves):
        plots.append(draw_svg(4.4, 2.9, lambda figure: _loss(figure.subplots(), curves)))
    if any(curve.scores for curve in curves):
        plots.append(draw_svg(4.4, 2.9, lambda figure: _score(figure.subplots(), curves)))
    return plots


def thinned(losses: Mapping[int, float], points: int = _POINTS) -> Dict[int, float]:
    """Means of neighbours by their last iteration, `points` of them at most; what is no finite number is left out."""
    finite = sorted((iteration, loss) for iteration, loss in losses.items() if math.isfinite(loss))
    step = max(1, math.ceil(len(finite) / points))
    groups = [finite[start:start + step] for start in range(0, len(finite), step)]
    return {group[-1][0]: sum(loss for _, loss in group) / len(group) for group in groups}


def _coloured(curves: Sequence[Curve]) -> List[Tuple[Curve, str]]:
    return [(curve, _COLOURS[index % len(_COLOURS)]) for index, curve in enumerate(curves)]


def _loss(axes: Axes, curves: Sequence[Curve]) -> None:
    rated = len(curves) == 1 and bool(curves[0].rates)
    axes.set_title("Loss (left) and learning rate (right)" if rated else "Loss", loc="left", fontsize=9.5)
    for curve, colour in _coloured(curves):
        if not curve.losses:
            continue
        shown = thinned(curve.losses)
        axes.plot(list(shown), list(shown.values()), color=colour, linewidth=1.5, label=curve.name)
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss", color=BLUE if rated else INK)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.spines["right"].set_visible(False)
    if rated:
        rate = axes.twinx()
        rate.plot(
            list(curves[0].rates), list(curves[0].rates.values()), color=ORANGE, linewidth=1.2, linestyle=(0, (4, 2))
        )
        rate.set_ylabel("learning rate", color=ORANGE)
        rate.set_ylim(bottom=0)
        rate.grid(False)
        rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    _legend(axes, len(curves) > 1)


def _score(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.set_title("mIoU of the evaluations", loc="left", fontsize=9.5)
    single = len(curves) == 1
    for curve, colour in _coloured(curves):
        if not curve.scores:
            continue
        colour = GREEN if single else colour
        name = "weights" if single else curve.name
        style = dict(color=colour, linewidth=1.5, markersize=4)
        axes.plot(list(curve.scores), list(curve.scores.values()), marker="o", label=name, **style)
        if curve.averages:
            style["linestyle"] = (0, (4, 2))
            name = "their moving average" if single else None
            axes.plot(list(curve.averages), list(curve.averages.values()), marker="s", label=name, **style)
    highest = max(max([*curve.scores.values(), *curve.averages.values()], default=0) for curve in curves)
    axes.set_ylim(0, min(1, max(0.05, 1.25 * highest)))
    last = max(max([*curve.losses, *curve.scores], default=1) for curve in curves)
    axes.set_xlim(0, 1.06 * last)
    axes.set_xlabel("iteration")
    axes.set_ylabel("mIoU")
    axes.spines["right"].set_visible(False)
    if single:
        _label(axes, curves[0].scores)
    _legend(axes, not single or bool(curves[0].averages))


def _label(axes: Axes, scores: Mapping[int, float]) -> None:
    """Write the values at their points; where there are many, only that of the best."""
    best = max(scores, key=lambda iteration: scores[iteration])
    for iteration in scores if len(scores) <= _LABELLED else [best]:
        place = dict(xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8)
        axes.annotate(f"{scores[iteration]:.3f}", (iteration, scores[iteration]), **place)


def _legend(axes: Axes, wanted: bool) -> None:
    """Above the plot's lines and not over them."""
    if wanted:
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2, frameon=False, fontsize=8, borderaxespad=0
        )
