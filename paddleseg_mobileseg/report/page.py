"""HTML pages that load nothing: templates, and the style, the parts and the forms of figures that all of them share."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..classes import html_colour
from .confusion import WHOLE, confused_pairs

_FOLDER = Path(__file__).parent


def render_page(template: Path, **content: Any) -> str:
    """The page of a Jinja template.

    Args:
        template: the .html file. `parts.html` beside this module can be imported in it, and `style` is filled in.
        content: what it shows; what can be called is a filter.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(template.parent), str(_FOLDER)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {name: value for name, value in content.items() if callable(value)}
    environment.filters.update({"duration": duration, "small": small, "colour": html_colour, **filters})
    environment.globals.update(heat=heat, confused_pairs=confused_pairs, whole_confusion=WHOLE)
    shown = {name: value for name, value in content.items() if name not in filters}
    style = Markup((_FOLDER / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template.name).render(style=style, **shown)


def duration(seconds: float) -> str:
    """94.2 -> "1 min 34 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def small(value: float) -> str:
    """A small difference: "0", or two digits of it."""
    return f"{value:.1e}" if value else "0"


def heat(share: float, right: bool) -> str:
    """Background of a confusion cell: green on the diagonal, red off it, stronger for more."""
    strength = share if right else min(1.0, 4 * share)
    return f"rgba({'31, 122, 77' if right else '214, 40, 57'}, {0.55 * strength:.3f})"
