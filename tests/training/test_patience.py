"""Training ends early where evaluations no longer give a better mIoU, and stays ended when it is resumed."""

import sys

import pytest
from paddleseg import core

from paddleseg_mobileseg.training.records import read_losses
from paddleseg_mobileseg.training.request import Request, requesting
from support.small_training import Squares, train

LOOP = sys.modules[core.train.__module__]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Train with evaluations every second iteration that give these scores; the iterations done, in all."""

    def trained(scores, **options):
        following = iter(scores)
        monkeypatch.setattr(LOOP, "evaluate", lambda *args, **kwargs: (next(following), 0, 0, 0, 0))
        names = ("patience", "best_by")
        with requesting(Request(**{name: options.pop(name) for name in names if name in options})):
            train(tmp_path, val_dataset=Squares(), save_interval=2, **options)
        return max(read_losses(tmp_path / "losses.csv"))

    return trained


@pytest.mark.parametrize(
    "scores, patience, last",
    [
        ([0.5, 0.4, 0.6, 0.5, 0.4, 0.9], 2, 10),
        ([0.5, 0.5, 0.5], 2, 6),  # the same is not better
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 1, 12),
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], None, 12),
    ],
)
def test_training_ends_after_so_many_evaluations_without_a_better_score(run, scores, patience, last):
    assert run(scores, patience=patience) == last


WEIGHTS_FALL, AVERAGE_RISES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.0], [0.1, 0.2, 0.3, 0.2, 0.1, 0.05]


@pytest.mark.parametrize("best_by, last", [("weights", 4), ("average", 8), ("higher", 8)])
def test_the_moving_average_counts_where_it_is_asked_for(run, best_by, last):
    both = [score for pair in zip(WEIGHTS_FALL, AVERAGE_RISES) for score in pair]
    assert run(both, use_ema=True, patience=1, best_by=best_by) == last


def test_a_training_that_ended_early_is_over_until_more_patience_is_given(run, capsys):
    assert run([0.5, 0.4], patience=1) == 4
    assert run([], patience=1, resume_model="auto") == 4
    assert "iter_4 is the end of the training; nothing is left to do" in capsys.readouterr().err
    assert run([0.3, 0.2], patience=3, resume_model="auto") == 8
