"""Paddle-Lite's library on this machine; nothing is fetched for it."""

from typing import List

from ..deploy.runtime.lite_wheel import PADDLELITE, SIZES, exists_for_this_machine, find_library
from ..deploy.runtime.opt import opt_version
from ..errors import MobilesegError
from .finding import BROKEN, MISSING, NOT_APPLICABLE, OK, Finding

LIBRARY = "Paddle-Lite library"


def library() -> List[Finding]:
    """Rows for the library and for the opt in it."""
    path = find_library()
    if path is None and not exists_for_this_machine():
        return [Finding(LIBRARY, NOT_APPLICABLE, "it exists for Linux on x86_64 only: no conversion on this machine")]
    if path is None:
        detail = f"the first conversion fetches paddlelite {PADDLELITE} ({SIZES})"
        return [Finding(LIBRARY, MISSING, "not here yet", detail)]
    found = Finding(LIBRARY, OK, f"{PADDLELITE}, {path}")
    try:
        return [found, Finding("paddle_lite_opt", OK, opt_version())]
    except MobilesegError as error:
        return [found, Finding("paddle_lite_opt", BROKEN, "no conversion, no run on this host", str(error))]
