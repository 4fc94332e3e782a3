"""Colours and style of every plot."""

import io
from typing import Callable, Tuple

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, FAINT, BLUE, ORANGE, GREEN = "#1f2933", "#d8dee6", "#2563a8", "#c2701c", "#1f7a4d"

STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.color": "#edf0f4",
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "mobileseg",
}


def draw_svg(width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """An <svg> element of what `draw` puts into a figure of `width` by `height` inches, in the style of every plot.

    The same drawing gives the same text, so that a committed image changes with its content only.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    # Inside a page there is no place for the XML declaration.
    svg = file.getvalue()
    return svg[svg.index("<svg"):]


class Plot(str):
    """An <svg> element for a wide page.

    Attributes:
        narrow: the same, drawn for a page as wide as a telephone: its text is as large there as the page's.
    """

    narrow: str


def draw_plot(wide: Tuple[float, float], narrow: Tuple[float, float], draw: Callable[[Figure, bool], None]) -> Plot:
    """A plot in two shapes.

    Args:
        wide, narrow: width and height in inches; a telephone is about 4 inches wide.
        draw: puts it into a figure, given whether that is the narrow one.
    """
    plot = Plot(draw_svg(*wide, lambda figure: draw(figure, False)))
    plot.narrow = draw_svg(*narrow, lambda figure: draw(figure, True))
    return plot
