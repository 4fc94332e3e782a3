"""The kinds of files, each an adapter that says what is honest, how it is damaged, and how the plugin reads it."""

import importlib
from typing import Dict, Tuple

from ..case import Kind

KINDS: Dict[str, Tuple[str, str, str]] = {
    "pdparams": ("checkpoints", "Paddle", "checkpoints (.pdparams)"),
    "pdopt": ("checkpoints", "Optimizer", "optimizer states (.pdopt)"),
    "paddle-load": ("checkpoints", "PaddleLoad", "checkpoints through paddle.load"),
    "torch": ("torch_files", "Zip", "PyTorch checkpoints, zip"),
    "torch-legacy": ("torch_files", "Legacy", "PyTorch checkpoints, before 1.6"),
    "safetensors": ("safetensors", "Safetensors", "safetensors checkpoints"),
    "program": ("exports", "Program", "programs (.pdmodel)"),
    "params": ("exports", "Params", "parameters (.pdiparams)"),
    "deploy": ("exports", "DeployYaml", "deploy.yaml"),
    "model": ("converted", "Model", "models (.nb)"),
    "metadata": ("converted", "MetadataFile", "models' .nb.json"),
    "records": ("rows", "Rows", "benchmark rows and records (JSON)"),
    "config": ("configs", "ConfigFile", "configs (YAML, with _base_)"),
    "jpeg": ("pictures", "Jpeg", "pictures, JPEG"),
    "png": ("pictures", "Png", "pictures, PNG"),
    "bmp": ("pictures", "Bmp", "pictures, BMP"),
    "webp": ("pictures", "Webp", "pictures, WebP"),
    "label": ("samples", "Label", "labels (PNG)"),
    "list": ("samples", "FileList", "lists of files"),
    "adb": ("phones", "AdbReplies", "replies of adb"),
    "worker": ("replies", "WorkerReplies", "replies of workers"),
}
"""Module, class and what it is called in the table, by the kind's name."""


def load(name: str) -> Kind:
    """The kind called `name`; what it reads with is loaded."""
    module, kind, _ = KINDS[name]
    return getattr(importlib.import_module(f".{module}", __name__), kind)()
