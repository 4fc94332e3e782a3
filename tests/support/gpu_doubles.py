"""Test doubles of a machine with NVIDIA GPUs, which the machines of this project do not have: of nvidia-smi, of the
driver's file below /proc, and of a Paddle that is built for them. They say what the real ones print."""

import os
from types import SimpleNamespace

from paddleseg_mobileseg import installation

ROWS = ("NVIDIA A10, 535.104.05", "NVIDIA A10, 535.104.05")


def double_nvidia_smi(folder, monkeypatch, rows=ROWS):
    """Put a program called nvidia-smi, which prints `rows`, before all others."""
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def double_driver(folder, monkeypatch, loaded=True):
    """Let the driver of NVIDIA be loaded, or not, whatever this machine has."""
    file = folder / "version"
    if loaded:
        file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05\n")
    monkeypatch.setattr(installation, "NVIDIA_DRIVER", file)


def double_paddle(seen, cuda="11.8", nccl="2.16.2", error=None):
    """A Paddle built for GPUs that finds `seen` of them, or raises `error` when it is asked."""

    def device_count():
        if error is not None:
            raise error
        return seen

    return SimpleNamespace(
        is_compiled_with_cuda=lambda: True,
        version=SimpleNamespace(cuda=lambda: cuda, cudnn=lambda: "8.6.0", nccl=lambda: nccl),
        device=SimpleNamespace(cuda=SimpleNamespace(device_count=device_count)),
    )
