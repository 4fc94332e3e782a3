"""Conversion onto a disk that fills up on the way."""

import os
import subprocess
import sys

import pytest
from paddle import nn

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata, sha256_of
from support.exports import export_around, exported_stock


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("reached_by", ["this process", "opt", "opt at its last byte"])
def test_a_file_limit_leaves_nothing_behind(reached_by, tmp_path):
    """The limit stands for a full disk; opt does not look whether its last block was written."""
    folder = export_around(nn.Conv2D(8, 64, 9), tmp_path / "export")
    size = convert(folder, tmp_path / "whole.nb", "x86").metadata.bytes
    params = (folder / "model.pdiparams").stat().st_size
    limit = {"this process": params - 1, "opt": size - 2000, "opt at its last byte": size - 1}[reached_by]
    code = (
        "import resource, sys\n"
        "from paddleseg_mobileseg.cli import main\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    output, scratch = tmp_path / "out" / "model.nb", tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", str(folder), "--target", "x86", "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert ("paddle_lite_opt" in done.stderr.splitlines()[-1]) == reached_by.startswith("opt")
    assert files_in(scratch) == []
    assert not output.parent.exists() or files_in(output.parent) == []


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 64 kB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs the right to mount a file system (run it as root): {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_leaves_nothing_behind(tiny_disk):
    folder = exported_stock("topformer", (1, 3, 128, 192))
    with pytest.raises(InputError, match="No space left on device"):
        convert(folder, tiny_disk / "model.nb", "x86")
    assert files_in(tiny_disk) == []


def test_a_full_disk_keeps_the_model_that_was_there(tiny_disk, tmp_path):
    convert(export_around(nn.ReLU6(), tmp_path), tiny_disk / "model.nb", "x86")
    before = sha256_of(tiny_disk / "model.nb")
    with pytest.raises(InputError, match="No space left on device"):
        convert(exported_stock("topformer", (1, 3, 128, 192)), tiny_disk / "model.nb", "x86")
    assert read_metadata(tiny_disk / "model.nb").sha256 == before
