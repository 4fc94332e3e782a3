"""`mobileseg doctor`: versions, faults found and patched, and what is missing, with how to get it."""

import importlib
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict
from types import ModuleType
from typing import Any, Dict, List, Union

from ..command_line import one_line
from ..deploy.android.adb import CONNECT, Adb
from ..errors import InputError, MobilesegError
from ..examination import engines, gpus, packages, paddle_lite
from ..examination.finding import BROKEN, MISSING, NOT_APPLICABLE, OK, PATCHED, Finding
from ..installation import lacking
from ..patches import patch, registry

EXAMPLE = "mobileseg doctor"


def add_arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _machine() -> List[Finding]:
    return [
        Finding("python", OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("cores", OK, str(len(os.sched_getaffinity(0)))),
        *gpus.machine(),
    ]


def _loaded(package: str) -> Union[ModuleType, Finding]:
    """Paddle or PaddleSeg, or why it cannot be loaded."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        try:
            said = lacking(error)
        except ImportError:
            return Finding(f"import {package}", BROKEN, one_line(error), "install it again")
        state = MISSING if isinstance(error, ModuleNotFoundError) else BROKEN
        return Finding(f"import {package}", state, str(said))
    except Exception as error:  # two distributions in one folder may make anything of it
        return Finding(f"import {package}", BROKEN, f"{type(error).__name__}: {one_line(error)}", "install it again")


def _paddle() -> List[Finding]:
    paddle = _loaded("paddle")
    return [paddle] if isinstance(paddle, Finding) else gpus.of_paddle(paddle)


_STATES = {
    patch.HEALTHY: OK,
    patch.APPLIED: PATCHED,
    patch.UNPATCHED: BROKEN,
    patch.NOT_APPLICABLE: NOT_APPLICABLE,
}


def _patches() -> List[Finding]:
    paddleseg = _loaded("paddleseg")  # the patches are applied when it is loaded
    return [paddleseg] if isinstance(paddleseg, Finding) else [_outcome(each) for each in registry.outcomes()]


def _outcome(outcome: patch.Outcome) -> Finding:
    what, state = outcome.patch.what, _STATES[outcome.state]
    detail = {patch.HEALTHY: f"not here: {what}", patch.NOT_APPLICABLE: outcome.detail}.get(outcome.state, what)
    advice = outcome.detail if outcome.state == patch.UNPATCHED else ""
    return Finding(outcome.patch.name, state, detail, advice, outcome.patch.upstream)


def _paddle_lite() -> List[Finding]:
    rows = paddle_lite.library()
    if rows[-1].state != OK or importlib.util.find_spec("paddle") is None:
        return rows
    try:
        from ..deploy.runtime import known_answer

        known_answer.check()
    except ImportError:  # said by the row of Paddle
        return rows
    except MobilesegError as error:
        return [*rows, Finding("known answer", BROKEN, str(error))]
    return [*rows, Finding("known answer", OK, "opt and the predictor add six numbers right")]


def _label_core() -> Finding:
    from .. import labels

    if labels.compiled():
        return Finding("label core", OK, "compiled")
    advice = "install a C++ compiler, such as g++, and install the plugin again"
    return Finding("label core", MISSING, "upsample_labels runs in NumPy, slowly", advice)


def _adb() -> List[Finding]:
    try:
        adb = Adb()
    except InputError as error:
        return [Finding("adb", MISSING, "no phone can be reached", str(error))]
    try:
        found = Finding("adb", OK, adb.version())
        devices = adb.devices()
    except MobilesegError as error:
        return [Finding("adb", BROKEN, str(error))]
    if not devices:
        return [found, Finding("devices", MISSING, "none", CONNECT)]
    listing = "; ".join(f"{device.serial} {device.state}" for device in devices)
    return [found, Finding("devices", OK, listing)]


def examine() -> List[Finding]:
    """All findings on this machine, in the order of the pipeline."""
    return [
        *_machine(),
        *packages.versions(),
        *packages.shared_folders(),
        *_paddle(),
        *_patches(),
        _label_core(),
        *_paddle_lite(),
        *engines.engines(),
        *_adb(),
    ]


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
    broken = [finding.name for finding in findings if finding.state == BROKEN]
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0
