"""The campaign of kills in its short form: one while a checkpoint is written, one at another moment."""

import random

import pytest

from faults.kills import Campaign, Kills, table


def test_a_killed_training_ends_as_one_that_was_left_alone(tmp_path):
    found = Campaign(tmp_path, processes=1, num_workers=0, iters=60, save_interval=5).run(2, random.Random(1))
    assert found.kills == 2 and found.resumed_from[0] == 0 < found.resumed_from[-1]
    assert (found.torn, found.left_alive, found.compared) == (0, 0, 60)
    assert (found.loss_difference, found.weight_difference, found.same_best) == (0.0, 0.0, True)
    assert found.faultless and "| 1 | 0 | 60 | 2 |" in table([found])


@pytest.mark.parametrize("fault", [{"torn": 1}, {"left_alive": 1}, {"loss_difference": 2e-6}, {"compared": 59}])
def test_what_a_kill_must_not_do_is_a_fault(fault):
    assert Kills(1, 0, 60, compared=60).faultless
    assert not Kills(**{"processes": 1, "num_workers": 0, "iters": 60, "compared": 60, **fault}).faultless
