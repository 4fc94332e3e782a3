"""`mobileseg doctor`: versions, faults found and mended, and what is missing, with how to get it."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Dict, List

from .. import compat, labels
from ..deploy.android.adb import CONNECT, Adb
from ..deploy.opt import opt_version
from ..errors import InputError, MobilesegError

EXAMPLE = "mobileseg doctor"

_PACKAGES = ("paddleseg_mobileseg", "paddlepaddle", "paddleseg", "paddlelite", "numpy", "opencv-python", "protobuf")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        state: "ok", "mended" (a fault that a shim took away), "missing" (needed for a part of the
            way only) or "broken".
        advice: what to do about it, where there is something to do.
    """

    name: str
    state: str
    detail: str
    advice: str = ""


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


def _faults() -> List[Finding]:
    return [
        Finding(
            fault.name,
            "ok" if not fault.found else "mended" if fault.mended else "broken",
            fault.what if fault.found else f"not here: {fault.what}",
            "" if fault.mended else fault.advice,
        )
        for fault in compat.apply()
    ]


def _label_core() -> Finding:
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
    """All findings on this machine, in the order of the way from training to a phone."""
    return [*_versions(), *_faults(), _label_core(), _opt(), *_adb()]


def _report(findings: List[Finding]) -> str:
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<8} {finding.name:<{width}}  {finding.detail}")
        if finding.advice:
            lines.append(f"{'':<8} {'':<{width}}  -> {finding.advice}")
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
