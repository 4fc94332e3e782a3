"""Which checkpoint a training goes on from, and what is said about it."""

import json
import shutil

import paddle
import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.training.folders import KeptCheckpoints
from paddleseg_mobileseg.training.resuming import find_checkpoint
from paddleseg_mobileseg.training.state import TrainingState, write_state


@pytest.fixture
def save_dir(tmp_path):
    """Three whole checkpoints."""
    for iteration in (4, 8, 12):
        folder = tmp_path / f"iter_{iteration}"
        folder.mkdir()
        for name in ("model.pdparams", "model.pdopt"):
            paddle.save({"weight": paddle.ones([3])}, str(folder / name))
        write_state(folder, TrainingState(iteration, 7, 10, 2, 1))
    return tmp_path


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def turned(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def edited(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": {}}))


def test_auto_takes_the_newest_and_says_which(save_dir, capsys):
    found = find_checkpoint("auto", str(save_dir), 20)
    assert (found.folder, found.iteration, found.state.seed) == (str(save_dir / "iter_12"), 12, 7)
    assert capsys.readouterr().err == f"--resume_model auto: going on from {save_dir}/iter_12\n"


@pytest.mark.parametrize(
    "damage, name, reason",
    [
        (lambda path: path.unlink(), "model.pdopt", "model.pdopt is missing"),
        (lambda path: path.unlink(), "model.pdparams", "model.pdparams is missing"),
        (cut, "model.pdopt", "model.pdopt is damaged: it is not what was saved"),
        (turned, "model.pdparams", "model.pdparams is damaged: it is not what was saved"),
        (cut, "training_state.json", "training_state.json is damaged (JSONDecodeError"),
        (edited, "training_state.json", "training_state.json is damaged: seed is {} and not of type int"),
        (lambda path: path.write_text("[" * 9999), "training_state.json", "training_state.json is damaged (Recursion"),
    ],
)
def test_auto_leaves_out_what_is_torn_and_says_why(save_dir, capsys, damage, name, reason):
    damage(save_dir / "iter_12" / name)
    assert find_checkpoint("auto", str(save_dir), 20).iteration == 8
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"--resume_model auto: leaving out {save_dir}/iter_12: ") and reason in first
    assert second == f"--resume_model auto: going on from {save_dir}/iter_8"


def test_auto_starts_from_the_beginning_where_nothing_is_whole(tmp_path, capsys):
    (tmp_path / "iter_3").mkdir()
    assert find_checkpoint("auto", str(tmp_path), 20) is None
    assert "holds no whole checkpoint; starting from the beginning" in capsys.readouterr().err.splitlines()[-1]
    assert find_checkpoint("auto", str(tmp_path / "new"), 20) is None


def test_a_checkpoint_of_paddleseg_resumes_and_it_is_said_what_is_lost(save_dir, capsys):
    (save_dir / "iter_12" / "training_state.json").unlink()
    for name in ("auto", str(save_dir / "iter_12")):
        assert find_checkpoint(name, str(save_dir), 20).state is None
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith(f"{save_dir}/iter_12 was not saved by this plugin") and "best score" in last


def test_a_torn_checkpoint_of_paddleseg_is_left_out(save_dir, capsys):
    (save_dir / "iter_12" / "training_state.json").unlink()
    cut(save_dir / "iter_12" / "model.pdopt")
    assert find_checkpoint("auto", str(save_dir), 20).iteration == 8
    assert "model.pdopt is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, iters, message",
    [
        ("iter_12", 12, "training ends at iteration 12"),
        ("latest", 20, "must end in the iteration"),
        ("iter_16", 20, "there is no checkpoint"),
        ("renamed_10", 20, "holds iteration 12; give the folder its own name back"),
    ],
)
def test_a_folder_that_cannot_be_resumed_from_is_refused(save_dir, name, iters, message):
    shutil.copytree(save_dir / "iter_12", save_dir / "renamed_10")
    with pytest.raises(InputError, match=message):
        find_checkpoint(str(save_dir / name), str(save_dir), iters)


def test_a_named_folder_that_is_torn_is_refused(save_dir):
    turned(save_dir / "iter_8" / "model.pdparams")
    with pytest.raises(InputError, match="model.pdparams is damaged"):
        find_checkpoint(str(save_dir / "iter_8"), str(save_dir), 20)


def test_the_oldest_checkpoint_is_never_half_deleted_under_its_name(save_dir):
    kept = KeptCheckpoints([str(save_dir / "iter_4"), str(save_dir / "iter_8")], lambda folder: None)
    gone = kept.popleft()
    assert gone == str(save_dir / ".iter_4.gone") and not (save_dir / "iter_4").exists()
    shutil.rmtree(save_dir / "iter_8")
    shutil.rmtree(kept.popleft())  # as the loop does, although somebody was faster
    assert sorted(path.name for path in save_dir.iterdir()) == [".iter_4.gone", "iter_12"]
