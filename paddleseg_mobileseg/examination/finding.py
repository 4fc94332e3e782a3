"""One line of `mobileseg doctor`."""

from dataclasses import dataclass

OK, PATCHED, NOT_APPLICABLE, MISSING, BROKEN = "ok", "patched", "not applicable", "missing", "broken"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        state: "ok", "patched" (a fault that a patch took away), "not applicable" (upstream lacks what a patch is
            about), "missing" (needed for a part of the pipeline only) or "broken".
        advice: what to do about it, where there is something to do.
        upstream: what a patch answers to.
    """

    name: str
    state: str
    detail: str
    advice: str = ""
    upstream: str = ""
