"""Mixed precision with parameter groups, loss scaling and bfloat16, as far as a CPU shows it."""

import numpy as np
import paddle
import pytest
from paddle.amp.auto_cast import amp_global_state

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.training.precision import bfloat16, check_precision
from paddleseg_mobileseg.training.request import Request, requesting
from support.small_training import SmallNetwork, train


def same_weights(one, other):
    first, second = (read_checkpoint(folder / "iter_4") for folder in (one, other))
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("amp_level", ["O1", "O2"])
def test_parameter_groups_train_in_mixed_precision(tmp_path, amp_level):
    """Before, GradScaler.minimize ended it: list of Tensor expected, but got dict. A CPU computes in float32."""
    train(tmp_path / "plain", iters=4, groups=True)
    train(tmp_path / "mixed", iters=4, groups=True, precision="fp16", amp_level=amp_level)
    assert same_weights(tmp_path / "plain", tmp_path / "mixed")


@pytest.mark.parametrize("groups", [False, True])
def test_scaled_losses_give_the_same_weights(tmp_path, scaling, groups):
    """The scale is a power of two, so that nothing is rounded by it."""
    seen = []

    class Watched(paddle.amp.GradScaler):
        def scale(self, loss):
            seen.append(float(self._scale))
            return super().scale(loss)

    train(tmp_path / "plain", iters=4, groups=groups)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(paddle.amp, "GradScaler", Watched)
        train(tmp_path / "scaled", iters=4, groups=groups, precision="fp16")
    assert seen == [1024.0] * 4
    assert same_weights(tmp_path / "plain", tmp_path / "scaled")


def test_bfloat16_is_what_the_network_runs_in_and_no_loss_is_scaled(tmp_path, scaling):
    types = []

    class Watching(SmallNetwork):
        def forward(self, images):
            types.append(amp_global_state().amp_dtype)
            return super().forward(images)

    before = paddle.amp.auto_cast, paddle.amp.GradScaler
    with requesting(Request(compact=True)):  # without the count at the end, which runs the network too
        train(tmp_path, network=Watching, iters=1, precision="fp16")
    with requesting(Request(compact=True)), bfloat16():
        train(tmp_path, network=Watching, iters=1, precision="fp16")
        assert not paddle.amp.GradScaler(init_loss_scaling=1024).is_enable()
    assert types == ["float16", "bfloat16"] and before == (paddle.amp.auto_cast, paddle.amp.GradScaler)


@pytest.mark.parametrize(
    "device, precision, level, bf16, fp16, message",
    [
        ("cpu", "bf16", "O2", True, True, "--precision bf16 works with --amp_level O1 only"),
        ("gpu:0", "bf16", "O1", False, True, "gpu:0 does not compute in bfloat16; it needs compute capability 8, CUDA"),
        ("gpu:0", "fp16", "O1", False, False, "gpu:0 does not compute in float16; it needs compute capability 7"),
        ("xpu:0", "bf16", "O1", True, True, "xpu:0 does not compute in bfloat16; give --precision fp16 or fp32"),
        ("gpu:0", "bf16", "O1", True, True, None),
        ("gpu:0", "fp16", "O2", True, True, None),
        ("xpu:0", "fp16", "O1", True, True, None),
    ],
)
def test_a_precision_that_the_device_has_not_is_refused(monkeypatch, device, precision, level, bf16, fp16, message):
    monkeypatch.setattr(paddle, "get_device", lambda: device)
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: bf16)
    monkeypatch.setattr(paddle.amp, "is_float16_supported", lambda: fp16)
    if message is None:
        assert check_precision(precision, level) is None
        return
    with pytest.raises(InputError, match=message):
        check_precision(precision, level)


def test_a_cpu_says_that_it_computes_in_float32():
    assert check_precision("fp32", "O1") is None
    assert check_precision("bf16", "O1").endswith("on the CPU --precision bf16 trains in float32")
