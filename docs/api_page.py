"""The page of the public Python API, made of the signatures and docstrings themselves."""

import inspect
import re
from typing import List

import paddleseg_mobileseg

FUNCTIONS = (
    "list_models", "build_model", "load_weights", "export", "convert", "compare", "bench", "upsample_labels",
)
"""In the order of the pipeline."""

CLASSES = ("Segmenter", "Segmentation")
"""Those that are shown with their methods."""

_SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Shape):$")
_ITEM = re.compile(r"^    ([\w, ]+): (.*)$")


def api() -> str:
    """Markdown: functions and classes with signatures, arguments, results and errors, then the names of the rest."""
    parts = [*map(_class, CLASSES), *map(_function, FUNCTIONS)]
    others = [name for name in paddleseg_mobileseg.__all__ if name not in FUNCTIONS + CLASSES]
    rows = [f"- `{name}`: {_summary(getattr(paddleseg_mobileseg, name))}" for name in sorted(others, key=str.lower)]
    return "\n\n".join([*parts, "## Components and errors", "\n".join(rows)])


def _class(name: str) -> str:
    """A class, and below it each of its methods that have arguments or a result worth reading of."""
    shown = getattr(paddleseg_mobileseg, name)
    methods = [
        (f"{name.lower()}{'' if method == '__call__' else f'.{method}'}", function)
        for method, function in vars(shown).items()
        if inspect.isfunction(function) and (method == "__call__" or not method.startswith("_"))
    ]
    return "\n\n".join([_section("##", name, name, shown), *(_section("###", title, title, f) for title, f in methods)])


def _function(name: str) -> str:
    return _section("##", name, name, getattr(paddleseg_mobileseg, name))


def _section(level: str, title: str, name: str, function: object) -> str:
    signature = inspect.signature(function)
    arguments = [_argument(each) for each in signature.parameters.values() if each.name != "self"]
    has_result = signature.return_annotation not in (None, inspect.Signature.empty)
    returned = f" -> {_type(signature.return_annotation)}" if has_result else ""
    code = "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), f"){returned}"])
    code = code if arguments else f"{name}(){returned}"
    return f"{level} {title}\n\n```python\n{code}\n```\n\n{_markdown(function)}"


def _argument(parameter: inspect.Parameter) -> str:
    star = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{star}{parameter.name}: {_type(parameter.annotation)}{default}"


def _type(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"ForwardRef\('([^']+)'\)", r"\1", re.sub(r"(\w+\.)+(?=[A-Z])", "", text.replace("NoneType", "None")))


def _summary(thing: object) -> str:
    return " ".join(inspect.getdoc(thing).split("\n\n")[0].split())


def _markdown(function: object) -> str:
    """A docstring with its sections as headed lists."""
    lines: List[str] = []
    listed = False
    for line in inspect.getdoc(function).splitlines():
        section = _SECTION.match(line)
        item = _ITEM.match(line) if listed else None
        if section:
            listed = section[1] in ("Args", "Attributes", "Raises")
            lines += [f"**{section[1]}**", ""]
        elif item:
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(line.strip() if not listed or not line.strip() else f"  {line.strip()}")
    return "\n".join(lines)
