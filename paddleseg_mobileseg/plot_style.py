"""Colours and style of every plot."""

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
