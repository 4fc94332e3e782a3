"""The other engines than Paddle-Lite, which are extras."""

from typing import List, Sequence

from ..deploy.runtime.packages import LITERT, MNN, NCNN, ONNXRUNTIME, PADDLE2ONNX, Package
from .finding import BROKEN, MISSING, NOT_APPLICABLE, OK, Finding

NEEDS = {
    "onnx": ("ONNX Runtime", (ONNXRUNTIME, PADDLE2ONNX)),
    "tflite": ("LiteRT", (LITERT,)),
    "ncnn": ("ncnn", (NCNN, PADDLE2ONNX)),
    "mnn": ("MNN", (MNN, PADDLE2ONNX)),
}
"""By the extra: the engine's name for people, and the packages that run its models and make them."""


def engines() -> List[Finding]:
    """A row for each."""
    return [_engine(extra, title, packages) for extra, (title, packages) in NEEDS.items()]


def _engine(extra: str, title: str, packages: Sequence[Package]) -> Finding:
    install = f"pip install 'paddleseg_mobileseg[{extra}]'"
    found = {package: package.version() for package in packages}
    said = ", ".join(f"{package.name} {version}" for package, version in found.items() if version)
    absent = [package for package, version in found.items() if version is None]
    if packages[0] in absent:
        return Finding(title, NOT_APPLICABLE, f"not installed: only --format {extra} needs it", install)
    wrong = [package for package in packages if package not in absent and not package.fits()]
    if wrong:
        wanted = " ".join(f"'{package.requirement}'" for package in wrong)
        return Finding(title, BROKEN, f"{said}: another version than is known to work", f"pip install {wanted}")
    if absent:
        return Finding(title, MISSING, f"{said}: it runs models, and {absent[0].name} to make them is missing", install)
    return Finding(title, OK, said)
