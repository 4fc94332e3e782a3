"""Counting on the emulated ARM core: a program of known length, the label core, and the Python for 64-bit ARM."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.emulated_arm import arm_python
from benchmarks.emulated_arm.arm_python import ArmPython
from benchmarks.emulated_arm.label_map import build_label_map, count_label_map
from benchmarks.emulated_arm.paddle_lite import SYSROOT
from benchmarks.emulated_arm.qemu import ARM_COMPILER, MARK, Emulator
from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.deploy.runtime import engines
from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.labels import upsample_labels
from support.bench_program import need
from support.engines import require_engine

# Two instructions a turn of the loop, between two calls of the system; exit is call 93.
LOOP = """
    .global _start
_start:
    ldr x9, [sp, 16]        // the first argument: its first letter is the number of turns, 'A' for 65
    ldrb w9, [x9]
    mov x8, {mark}
    svc 0
again:
    subs x9, x9, 1
    b.ne again
    svc 0
    mov x0, 0
    mov x8, 93
    svc 0
"""


def test_what_lies_between_two_marks_is_counted(tmp_path):
    need("qemu-aarch64", "gcc", ARM_COMPILER)
    (tmp_path / "loop.s").write_text(LOOP.format(mark=MARK))
    program = tmp_path / "loop"
    subprocess.run([ARM_COMPILER, "-nostdlib", "-static", "-o", program, tmp_path / "loop.s"], check=True)
    emulator = Emulator(tmp_path)
    for letter in "Ad":
        counted = emulator.run([str(program), letter], tmp_path)
        begin, end = counted.marks
        # The call that ends the stretch is in it, the one that begins it is not.
        assert end - begin == 2 * ord(letter) + 1
        assert (begin, counted.instructions - end) == (4, 3)


def test_what_counting_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ToolError, match="^qemu-aarch64 and gcc not installed, .*`apt-get install qemu-user gcc`$"):
        Emulator(tmp_path)
    with pytest.raises(ToolError, match="^apt-get and dpkg-deb not installed: .*Debian or Ubuntu$"):
        ArmPython({})


@pytest.mark.slow
def test_the_label_core_gives_the_same_labels_on_arm(tmp_path):
    need("qemu-aarch64", "gcc", ARM_COMPILER)
    logits = np.random.default_rng(0).standard_normal((1, 5, 8, 12)).astype(np.float32)
    output = OutputTensor("logits", "logits", "float32", list(logits.shape), "exact", [32, 48], False)
    program = build_label_map(tmp_path)
    for layout in ("NCHW", "NHWC"):
        labels, instructions = count_label_map(Emulator(tmp_path), program, SYSROOT, logits, output, tmp_path, layout)
        np.testing.assert_array_equal(labels, upsample_labels(logits, [32, 48]))
        assert labels.size < instructions < 200 * labels.size


WORKER = """
import numpy as np, platform
from engine_worker import serve

class Model:
    version = platform.machine()
    def __init__(self, path, options):
        self.factor = options["factor"]
    def set_input(self, array):
        self.array = array.copy()
    def run(self):
        self.array *= self.factor
    def output(self):
        return self.array

serve(Model)
"""


NCNN = """7767517
3 4
Input in0 0 1 in0
Split split 1 2 in0 1 2
ReLU relu 1 1 2 out0 0=0.0
"""


def test_the_network_gives_its_own_output_and_not_what_nothing_takes(tmp_path):
    require_engine("ncnn")
    (tmp_path / "model.param").write_text(NCNN)
    (tmp_path / "model.bin").touch()
    batch = np.arange(-6, 6, dtype=np.float32).reshape(1, 3, 2, 2)
    np.save(tmp_path / "input.npy", batch)
    words = [arm_python.SCRIPT, Path(engines.__file__).with_name("ncnn_worker.py"), tmp_path / "model.param"]
    options = {"threads": 1, "precision": "float32", "input": "in0", "output": "out0"}
    words += [json.dumps(options), tmp_path / "input.npy", tmp_path / "output.npy", MARK]
    subprocess.run([sys.executable, *map(str, words)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), np.maximum(batch, 0))


@pytest.mark.slow
def test_a_worker_runs_in_the_python_for_arm(tmp_path):
    need("qemu-aarch64", "gcc", "apt-get", "dpkg-deb")
    (tmp_path / "worker.py").write_text(WORKER)
    batch = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    python = ArmPython({})
    output, instructions, version = python.count_inference(
        Emulator(tmp_path), tmp_path / "worker.py", tmp_path / "model", {"factor": 3}, batch, tmp_path
    )
    np.testing.assert_array_equal(output, 3 * batch)
    assert version == "aarch64" and 100 < instructions < 1_000_000
