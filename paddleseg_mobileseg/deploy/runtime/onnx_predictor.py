"""ONNX Runtime on this host: a program of Paddle, translated by paddle2onnx, in a child process with one thread."""

import importlib.util
import sys
from pathlib import Path

from ...errors import InputError
from .metadata import Metadata
from .predictor import Predictor

_WORKER = Path(__file__).with_name("onnx_worker.py")
_NEEDED = {"paddle2onnx": "paddle2onnx>=1.2.11,<1.4", "onnxruntime": "onnxruntime>=1.16,<2"}
"""As in the extra "onnx" of setup.py."""


def require_onnx() -> None:
    """Make sure that a program can be translated and run.

    Raises:
        InputError: a package is not installed.
    """
    missing = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        packages = " ".join(f'"{_NEEDED[package]}"' for package in missing)
        raise InputError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, which engine onnx needs: "
            f"type `{sys.executable} -m pip install {packages}`"
        )


class OnnxPredictor(Predictor):
    """A program of Paddle in ONNX Runtime.

    Args:
        folder: of `model.pdmodel` and `model.pdiparams`; not needed any more when the predictor is there.
        metadata: what the program takes and gives.

    Raises:
        InputError: a package is not installed.
        ToolError: the program cannot be translated or loaded.
    """

    def __init__(self, folder: Path, metadata: Metadata):
        require_onnx()
        super().__init__(folder, metadata, "onnxruntime", _WORKER, label_maps=False)
