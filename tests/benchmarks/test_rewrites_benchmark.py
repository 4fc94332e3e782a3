"""The suite of rewrites: a small network stands for one of the zoo, and the test double for Paddle-Lite on ARM."""

import numpy as np
import pytest
from paddle import nn
from paddle.nn import functional as F

from benchmarks.__main__ import main
from benchmarks.emulated_arm.paddle_lite import EmulatedLite, find_library
from benchmarks.emulated_arm.qemu import Emulator
from benchmarks.suites.registry import read_file
from benchmarks.suites.rewrites.suite import rewrite_table
from support.bench_program import build_program, double_logits, need
from support.exports import export, randomise
from support.phones import HEIGHT, STRIDE, WIDTH, squares, write_model


class Pooled(nn.Layer):
    """Logits of 5 classes from the means of 4x4 blocks."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Conv2D(3, 5, 1)

    def forward(self, x):
        logits = self.classifier(F.avg_pool2d(x, 4, 4))
        return [F.interpolate(logits, (32, 48), mode="bilinear")]


def test_both_programs_of_a_network_take_turns(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PADDLE_LITE_DIR", raising=False)
    folder = tmp_path / "exports" / "topformer_tiny"
    folder.mkdir(parents=True)
    export(randomise(Pooled()), folder, [1, 3, 32, 48])
    output = tmp_path / "rewrites.jsonl"
    flags = ["--networks", "topformer_tiny", "--exports", tmp_path / "exports", "--rounds", 2, "--repeats", 1]
    assert main(["run", "rewrites", *map(str, flags), "--output", str(output), "--models", str(tmp_path / "m")]) == 0
    before, after = read_file(output)
    assert [each.case.rewritten for each in (before, after)] == [False, True]
    assert (after.case.height, after.case.width, after.case.num_classes, after.case.trained) == (32, 48, 5, True)
    assert all(len(each.samples["network_ms"]) == 2 and each.agreement == 1 for each in (before, after))
    assert not before.details["passes"].keys() & {"wrote pools over even blocks as chains of 2x2"}
    (row,) = rewrite_table([before, after]).rows
    assert row[:3] == ["TopFormer-Tiny", "48x32, 5 classes", "trained"]
    assert row[4] == "pool2d 1 -> 2" and row[8:11] == ["-", "-", "-"] and row[11:] == ["100.0000"] * 2 + ["-"] * 2
    assert main(["report", str(output)]) == 0
    assert "| pool2d 1 -> 2 |" in capsys.readouterr().out


@pytest.mark.slow
def test_instructions_of_one_inference_are_counted(tmp_path):
    need("qemu-aarch64", "gcc")
    nb = write_model(tmp_path / "squares.nb")
    batch = np.random.default_rng(0).standard_normal((1, 3, HEIGHT, WIDTH)).astype(np.float32)
    arm = EmulatedLite(build_program("aarch64"), Emulator(tmp_path), tmp_path)
    output, instructions = arm.run(nb, batch)
    np.testing.assert_allclose(output, double_logits(batch, *squares(0), STRIDE), atol=1e-5)
    # Every pixel of every channel is read once.
    assert batch.size < instructions < 100 * batch.size
    assert arm.run(nb, batch)[1] == pytest.approx(instructions, rel=0.2)


def test_a_library_for_another_processor_counts_nothing(tmp_path, monkeypatch):
    need("cmake", "gcc", "aarch64-linux-gnu-g++", "qemu-aarch64")
    library = tmp_path / "cxx" / "lib" / "libpaddle_light_api_shared.so"
    library.parent.mkdir(parents=True)
    monkeypatch.setenv("PADDLE_LITE_DIR", str(tmp_path))
    assert find_library() is None
    for machine, found in ((62, None), (183, tmp_path / "cxx")):
        library.write_bytes(b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little"))
        assert find_library() == found
