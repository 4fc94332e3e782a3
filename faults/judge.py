"""Whether what an attempt ended in is what a user should see."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Set, Tuple

from paddleseg_mobileseg.command_line import one_line
from paddleseg_mobileseg.errors import MobilesegError

from .case import Kind, Wrong

ERROR, WORKED = "one-line error", "worked"
FAULTS = ("traceback", "crash", "time", "memory", "side effect", "message", "wrong")
"""Everything else that an attempt can end in; none of it is to happen."""

LONGEST = 600


@dataclass(frozen=True)
class Verdict:
    """How one case ended.

    Attributes:
        outcome: `ERROR`, `WORKED` or one of `FAULTS`.
        detail: the message, or what happened.
    """

    outcome: str
    detail: str = ""


def judge(kind: Kind, error: Optional[BaseException], folder: Path) -> Verdict:
    """The verdict on an attempt that raised `error`, or nothing where it is None."""
    if error is None:
        return Verdict(WORKED)
    if isinstance(error, Wrong):
        return Verdict("wrong", str(error))
    if _out_of_memory(error):
        return Verdict("memory", _short(error))
    if not isinstance(error, MobilesegError):
        return Verdict("traceback", _short(error))
    # As it is printed.
    text = one_line(error)
    fault = message_fault(text, (*kind.mentions, str(folder)))
    return Verdict("message", f"{fault}: {text[:LONGEST]}") if fault else Verdict(ERROR, text)


def message_fault(text: str, mentions: Tuple[str, ...]) -> Optional[str]:
    """What is wrong with a printed message that must hold one of `mentions`; None where nothing is."""
    if not text:
        return "empty"
    if len(text) > LONGEST + max(map(len, mentions)):
        return f"{len(text)} characters long"
    unprintable = next((each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")), None)
    if unprintable is not None:
        return f"with the control character {unprintable!r}"
    return None if any(name in text for name in mentions) else "without the name of the file"


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out on the way, even if another error came of it."""
    seen: Set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError) or "Insufficient memory" in str(error)[:1000]:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _short(error: BaseException) -> str:
    where, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "paddleseg_mobileseg" in code.co_filename:
            where = f" in {Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {one_line(error)[:300]}{where}"
