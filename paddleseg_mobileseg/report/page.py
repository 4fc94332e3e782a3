"""HTML pages that load nothing: templates, and the style that all of them share."""

from pathlib import Path
from typing import Any, Callable

import jinja2
from markupsafe import Markup

_STYLE = Path(__file__).with_name("page.css")


def render_page(template: Path, **content: Any) -> str:
    """The page of a Jinja template; `style` is filled in, functions of `content` are filters too.

    Args:
        template: the .html file.
        content: what it shows.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(template.parent)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {name: value for name, value in content.items() if isinstance(value, Callable)}
    environment.filters.update(filters)
    shown = {name: value for name, value in content.items() if name not in filters}
    return environment.get_template(template.name).render(style=Markup(_STYLE.read_text(encoding="utf-8")), **shown)
