"""PaddleSeg's loop, interrupted and resumed: nothing is forgotten, nothing half-written, nothing bad saved."""

import json
import math
import os
import shutil
import signal
import sys

import numpy as np
import paddle
import pytest
from paddleseg import core

from paddleseg_mobileseg import InputError, ToolError
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.training.records import read_evaluations, read_losses
from support.small_training import SmallNetwork, Squares, train

LOOP = sys.modules[core.train.__module__]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(folder, use_ema=True)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def same_files(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names(one))


def started_at(folder, unbroken, iteration):
    """A save folder in which the training stands where the unbroken one stood."""
    shutil.copytree(unbroken / f"iter_{iteration}", folder / f"iter_{iteration}")
    return folder


def test_a_checkpoint_is_everything_and_nothing_else_is_left(unbroken):
    assert names(unbroken) == ["iter_12", "iter_4", "iter_8", "losses.csv"]
    whole = {"model.pdparams", "model.pdopt", "ema_model.pdparams", "training_state.json"}
    assert whole <= set(names(unbroken / "iter_8"))
    assert list(read_losses(unbroken / "losses.csv")) == list(range(1, 13))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("iteration", [4, 8])
def test_resumed_training_is_the_unbroken_one_to_the_last_bit(unbroken, tmp_path, workers, iteration):
    """Iteration 4 is in the middle of an epoch of 5; weights, momentum, average, dropout and noise go on."""
    started_at(tmp_path, unbroken, iteration)
    train(tmp_path, use_ema=True, resume_model="auto", num_workers=workers)
    expected = read_losses(unbroken / "losses.csv")
    assert read_losses(tmp_path / "losses.csv") == {key: expected[key] for key in range(iteration + 1, 13)}
    assert same_files(unbroken / "iter_12", tmp_path / "iter_12")


def test_without_a_seed_two_runs_differ_and_resuming_keeps_to_its_own(tmp_path, monkeypatch):
    """The seed is in the checkpoint: the one that the resumed process draws does not matter."""
    seeds = iter([1, 2, 3])
    monkeypatch.setattr(np.random, "randint", lambda *args, **options: next(seeds))
    for name in ("one", "two"):
        train(tmp_path / name)
    one, two = (read_losses(tmp_path / name / "losses.csv") for name in ("one", "two"))
    assert all(one[each] != two[each] for each in one)
    shutil.rmtree(tmp_path / "one" / "iter_12")
    train(tmp_path / "one", resume_model="auto")
    assert read_losses(tmp_path / "one" / "losses.csv") == one


def scores(monkeypatch, *values):
    """Let evaluations give these."""
    following = iter(values)
    monkeypatch.setattr(LOOP, "evaluate", lambda *args, **options: (next(following), 0, 0, 0, 0))


def test_resuming_keeps_the_best_weights_until_better_ones_come(tmp_path, monkeypatch, capsys):
    scores(monkeypatch, 0.86, 0.5)
    train(tmp_path, val_dataset=Squares(), iters=8)
    best = (tmp_path / "best_model" / "model.pdparams").read_bytes()
    assert best == (tmp_path / "iter_4" / "model.pdparams").read_bytes()
    scores(monkeypatch, 0.03)
    train(tmp_path, val_dataset=Squares(), resume_model="auto")
    assert (tmp_path / "best_model" / "model.pdparams").read_bytes() == best
    assert "best validation mIoU (0.8600) was saved at iter 4" in capsys.readouterr().out
    scores(monkeypatch, 0.9)
    train(tmp_path, val_dataset=Squares(), resume_model="auto", iters=16)
    assert json.loads((tmp_path / "best_model" / "best.json").read_text()) == {"miou": 0.9, "iteration": 16}
    assert same_weights(tmp_path / "best_model", tmp_path / "iter_16")


def same_weights(one, other):
    return (one / "model.pdparams").read_bytes() == (other / "model.pdparams").read_bytes()


def test_evaluations_are_recorded_and_those_after_the_checkpoint_are_written_again(tmp_path, monkeypatch):
    scores(monkeypatch, 0.2, 0.1, 0.3, 0.25, 0.4, 0.35)
    train(tmp_path, val_dataset=Squares(), use_ema=True)
    path = tmp_path / "evaluations.csv"
    assert path.read_text().splitlines()[0] == "iteration,miou,accuracy,kappa,average_miou,seconds"
    first = read_evaluations(path)
    assert {key: (row.miou, row.average_miou, row.accuracy, row.kappa) for key, row in first.items()} == {
        4: (0.2, 0.1, 0.0, 0.0), 8: (0.3, 0.25, 0.0, 0.0), 12: (0.4, 0.35, 0.0, 0.0)
    }
    shutil.rmtree(tmp_path / "iter_12")
    scores(monkeypatch, 0.6, 0.5)
    train(tmp_path, val_dataset=Squares(), use_ema=True, resume_model="auto")
    again = read_evaluations(path)
    assert (again[4], again[8]) == (first[4], first[8]) and (again[12].miou, again[12].average_miou) == (0.6, 0.5)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]) + "8,0.3,0.0")
    assert read_evaluations(path) == {}  # such a row is of no file that was written here


def test_best_weights_that_a_kill_kept_from_being_saved_are_made_up_for(tmp_path, monkeypatch):
    """Killed after the checkpoint of iteration 8 and before its weights were saved as the best."""
    scores(monkeypatch, 0.2, 0.7)
    train(tmp_path, val_dataset=Squares(), iters=8)
    shutil.copy(tmp_path / "iter_4" / "model.pdparams", tmp_path / "best_model")
    (tmp_path / "best_model" / "best.json").write_text('{"miou": 0.2, "iteration": 4}')
    scores(monkeypatch, 0.3)
    train(tmp_path, val_dataset=Squares(), resume_model="auto")
    assert same_weights(tmp_path / "best_model", tmp_path / "iter_8")


def test_older_checkpoints_count_after_resuming(tmp_path):
    train(tmp_path, iters=8)
    train(tmp_path, iters=16, keep_checkpoint_max=2, resume_model="auto")
    assert names(tmp_path) == ["iter_12", "iter_16", "losses.csv"]




class Overflowing(Squares):
    """A sample that makes the loss NaN, from some time on."""

    reads = 0

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        Overflowing.reads += 1
        if index == 3 and Overflowing.reads > 10:
            sample["img"][0, 0, 0] = np.inf
        return sample


class Linear(paddle.nn.Layer):
    """Nothing in it turns NaN into a number, as a ReLU may."""

    def __init__(self):
        super().__init__()
        self.classifier = paddle.nn.Conv2D(3, 4, 1)

    def forward(self, images):
        return [self.classifier(images)]


def test_loss_that_is_no_number_stops_and_names_the_batch(tmp_path):
    Overflowing.reads = 0
    with pytest.raises(ToolError, match=r"the loss is nan at iteration \d+, on .*sample 3 of Overflowing") as caught:
        train(tmp_path, Overflowing(), network=Linear, iters=40, keep_checkpoint_max=1)
    stopped = int(str(caught.value).split("iteration ")[1].split(",")[0])
    assert "learning rate" in str(caught.value)
    assert names(tmp_path) == [f"iter_{(stopped - 1) // 4 * 4}", "losses.csv"]
    losses = read_losses(tmp_path / "losses.csv")
    assert max(losses) == stopped and math.isnan(losses[stopped])
    weights = read_checkpoint(tmp_path / f"iter_{(stopped - 1) // 4 * 4}")
    assert all(np.isfinite(tensor).all() for tensor in weights.values())


class Damaged(SmallNetwork):
    """A weight that takes no part in the loss turns NaN."""

    def __init__(self):
        super().__init__()
        self.scale = self.create_parameter([2])
        self.calls = 0

    def forward(self, images):
        self.calls += 1
        if self.calls == 6:
            self.scale.set_value(paddle.to_tensor([1.0, math.nan]))
        return super().forward(images)


def test_weights_that_are_no_numbers_are_not_saved_although_the_loss_is_one(tmp_path):
    with pytest.raises(ToolError, match="scale of model.pdparams holds NaN or infinity after iteration 8"):
        train(tmp_path, network=Damaged, keep_checkpoint_max=1)
    assert names(tmp_path) == ["iter_4", "losses.csv"]


def test_a_failing_save_leaves_the_checkpoints_before_it(tmp_path, monkeypatch):
    """The optimizer of the second one does not fit on the disk: the weights beside it are not left either."""
    save, count = paddle.save, []

    def failing(content, path, *args, **options):
        count.append(path.endswith("model.pdopt"))
        if count[-1] and sum(count) == 2:
            raise OSError(28, "No space left on device")
        save(content, path, *args, **options)

    monkeypatch.setattr(paddle, "save", failing)
    with pytest.raises(InputError, match="cannot write .*iter_8/model.pdopt: No space left on device"):
        train(tmp_path)
    assert names(tmp_path) == ["iter_4", "losses.csv"]


@pytest.mark.parametrize("number, status, name", [(signal.SIGTERM, 143, "SIGTERM"), (signal.SIGINT, 130, "Ctrl-C")])
def test_a_signal_saves_what_was_trained_and_resuming_goes_on(
    unbroken, tmp_path, capsys, monkeypatch, number, status, name
):
    reads = []

    def interrupt(index):
        reads.append(index)
        if len(reads) == 11:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(sys, "argv", ["bin/mobileseg", "train", "--config", "my config.yml", "--resume_model", "x"])
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught:
        train(tmp_path, Squares(interrupt), use_ema=True)
    assert caught.value.code == status and signal.getsignal(number) == before
    last = max(int(path[5:]) for path in names(tmp_path) if path.startswith("iter_"))
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"{name}: iteration {last} is saved in {tmp_path}/iter_{last}; "
        "`mobileseg train --config 'my config.yml' --resume_model auto` goes on"
    )
    train(tmp_path, use_ema=True, resume_model="auto")
    assert read_losses(tmp_path / "losses.csv") == read_losses(unbroken / "losses.csv")
    assert same_files(unbroken / "iter_12", tmp_path / "iter_12")


def test_scaling_of_mixed_precision_goes_on(tmp_path, scaling):
    """It starts at 1024; a resumed training takes what the checkpoint says."""
    train(tmp_path, iters=4, precision="fp16")
    path = tmp_path / "iter_4" / "training_state.json"
    state = json.loads(path.read_text())
    assert state["scaler"]["scale"] == [1024.0]
    state["scaler"]["scale"] = [64.0]
    path.write_text(json.dumps(state))
    train(tmp_path, iters=8, precision="fp16", resume_model="auto")
    assert json.loads((tmp_path / "iter_8" / "training_state.json").read_text())["scaler"]["scale"] == [64.0]
