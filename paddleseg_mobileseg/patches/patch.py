"""What a patch is, and the few ways in which one reaches into another package."""

import importlib
import inspect
import sys
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

HEALTHY, APPLIED, UNPATCHED, NOT_APPLICABLE = "healthy", "applied", "unpatched", "not applicable"


class NotApplicable(Exception):
    """Upstream lacks what the patch is about; the message says what."""


class TooLate(Exception):
    """The fault is there and can no longer be patched in this process; the message says what the user can do."""


@dataclass(frozen=True)
class Patch:
    """One fault of another package, and its remedy.

    Attributes:
        name: short and fixed, for programs.
        what: what goes wrong where the patch is not in place.
        upstream: the file and behaviour, or the issue, that it answers to.
        detect: whether this installation has the fault; raises `NotApplicable` where it cannot have it.
        apply: takes the fault away; raises `NotApplicable` or `TooLate`. None where nothing can from outside.
        advice: what the user can do where there is no `apply`.
    """

    name: str
    what: str
    upstream: str
    detect: Callable[[], bool]
    apply: Optional[Callable[[], None]] = None
    advice: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a patch in this process.

    Attributes:
        state: "healthy" (no such fault here), "applied", "unpatched" (the fault stays) or "not applicable".
        detail: what to do about "unpatched", and why it is "not applicable"; else empty.
    """

    patch: Patch
    state: str
    detail: str = ""

    @property
    def found(self) -> bool:
        """Whether this installation has the fault."""
        return self.state in (APPLIED, UNPATCHED)


def carry_out(patch: Patch) -> Outcome:
    """Look for the fault of `patch` and take it away; nothing that goes wrong in it ends the import of the plugin."""
    try:
        if not patch.detect():
            return Outcome(patch, HEALTHY)
        if patch.apply is None:
            return Outcome(patch, UNPATCHED, patch.advice)
        patch.apply()
    except NotApplicable as error:
        return Outcome(patch, NOT_APPLICABLE, str(error))
    except TooLate as error:
        return Outcome(patch, UNPATCHED, str(error))
    except Exception as error:  # whatever a package that has changed makes of code written for its earlier self
        return Outcome(patch, NOT_APPLICABLE, f"{type(error).__name__}: {error}")
    return Outcome(patch, APPLIED)


def lookup(module: str, attribute: str) -> Any:
    """`attribute`, which may have dots, of `module`.

    Raises:
        NotApplicable: one of the two is not there.
    """
    package = {"paddleseg": "PaddleSeg", "paddle": "Paddle"}.get(module.split(".")[0], module)
    try:
        found = importlib.import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise NotApplicable(f"{package} has no {module}.{attribute}") from error
    return found


def replace_everywhere(old: Any, new: Any, packages: Sequence[str] = ("paddleseg",)) -> None:
    """Put `new` in place of `old` in every module of PaddleSeg, or of other packages, that has imported it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in packages and module is not None:
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)


_SOURCE = "__mobileseg_source__"


def source_of(function: Any) -> str:
    """The source of a function or class, with the changes of `replace_source` in it."""
    function = inspect.unwrap(function)
    return getattr(function, _SOURCE, None) or inspect.getsource(function)


def replace_source(function: Callable, old: str, new: str) -> None:
    """Compile `function` again with one piece of its source replaced, for a fault in the middle of a long one.

    `new` must have as many lines as `old`: tracebacks go on pointing at the right lines of the file.
    """
    source = source_of(function).replace(old, new)
    # `getsourcelines` would take the whole source apart for it, at each start of a command.
    first = inspect.unwrap(function).__code__.co_firstlineno
    module = sys.modules[function.__module__]
    exec(compile("\n" * (first - 1) + source, inspect.getsourcefile(function), "exec"), vars(module))
    replaced = vars(module)[function.__name__]
    setattr(replaced, _SOURCE, source)
    replace_everywhere(function, replaced)
