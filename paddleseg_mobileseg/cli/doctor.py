"""`mobileseg doctor`: versions, faults found and patched, and what is missing, with how to get it."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Dict, List

from ..deploy.android.adb import CONNECT, Adb
from ..deploy.runtime.opt import opt_version
from ..errors import InputError, MobilesegError
from ..patches import registry
from ..patches.patch import APPLIED, HEALTHY, NOT_APPLICABLE, UNPATCHED

EXAMPLE = "mobileseg doctor"

_PACKAGES = ("paddleseg_mobileseg", "paddlepaddle", "paddleseg", "paddlelite", "numpy", "opencv-python", "protobuf")


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


def add_arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _versions() -> List[Finding]:
    findings = [
        Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("cores", "ok", str(len(os.sched_getaffinity(0)))),
    ]
    for package in _PACKAGES:
        try:
            findings.append(Finding(package, "ok", metadata.version(package)))
        except metadata.PackageNotFoundError:
            findings.append(Finding(package, "missing", "not installed"))
    return findings


_STATES = {HEALTHY: "ok", APPLIED: "patched", UNPATCHED: "broken", NOT_APPLICABLE: "not applicable"}


def _patches() -> List[Finding]:
    try:
        import paddleseg  # noqa: F401  the patches are applied when it is loaded
    except ImportError as error:
        return [Finding("patches", "missing", f"PaddleSeg cannot be loaded: {error}", "pip install paddleseg")]
    found = []
    for outcome in registry.outcomes():
        patch, state = outcome.patch, _STATES[outcome.state]
        detail = f"not here: {patch.what}" if outcome.state == HEALTHY else patch.what
        if outcome.state == NOT_APPLICABLE:
            detail = outcome.detail
        advice = outcome.detail if outcome.state == UNPATCHED else ""
        found.append(Finding(patch.name, state, detail, advice, patch.upstream))
    return found


def _label_core() -> Finding:
    from .. import labels

    if labels.compiled():
        return Finding("label core", "ok", "compiled")
    advice = "install a C++ compiler, such as g++, and install the plugin again"
    return Finding("label core", "missing", "upsample_labels runs in NumPy, slowly", advice)


def _opt() -> Finding:
    try:
        return Finding("paddle_lite_opt", "ok", opt_version())
    except MobilesegError as error:
        return Finding("paddle_lite_opt", "missing", "no conversion, no run on this host", str(error))


def _adb() -> List[Finding]:
    try:
        adb = Adb()
    except InputError as error:
        return [Finding("adb", "missing", "no phone can be reached", str(error))]
    try:
        found = Finding("adb", "ok", adb.version())
        devices = adb.devices()
    except MobilesegError as error:
        return [Finding("adb", "broken", str(error))]
    if not devices:
        return [found, Finding("devices", "missing", "none", CONNECT)]
    listing = "; ".join(f"{device.serial} {device.state}" for device in devices)
    return [found, Finding("devices", "ok", listing)]


def examine() -> List[Finding]:
    """All findings on this machine, in the order of the pipeline."""
    return [*_versions(), *_patches(), _label_core(), _opt(), *_adb()]


def _report(findings: List[Finding]) -> str:
    width, state = (max(len(getattr(each, name)) for each in findings) for name in ("name", "state"))
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<{state}} {finding.name:<{width}}  {finding.detail}")
        if finding.advice:
            lines.append(f"{'':<{state}} {'':<{width}}  -> {finding.advice}")
    return "\n".join(lines)


def run(args) -> int:
    findings = examine()
    if args.json:
        rows: List[Dict[str, Any]] = [asdict(finding) for finding in findings]
        print(json.dumps(rows, indent=2))
    else:
        print(_report(findings))
    broken = [finding.name for finding in findings if finding.state == "broken"]
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0
