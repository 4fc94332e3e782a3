"""What training reads, and its random numbers, depend on seed and place alone."""

import pickle
import random

import numpy as np
import pytest

from paddleseg_mobileseg.data.draws import Draw, TrainingOrder, random_numbers_of
from paddleseg_mobileseg.data.samples import CheckedSamples


class Noise:
    """A data set whose samples are random numbers of both generators."""

    def __len__(self):
        return 11

    def __getitem__(self, index):
        return index, random.random(), np.random.rand()


def batches(order, count):
    """The first batches of an order, over as many epochs as they take: (index, seed) of each sample."""
    found = []
    while len(found) < count:
        found += [[(int(draw), draw.seed) for draw in batch] for batch in order]
    return found[:count]


def test_order_goes_on_in_the_middle_of_an_epoch_and_over_its_end():
    whole = batches(TrainingOrder(Noise(), 2, seed=3), 12)
    for first in (0, 1, 4, 5, 7, 10):
        assert batches(TrainingOrder(Noise(), 2, seed=3, first=first), 12 - first) == whole[first:]


def test_every_epoch_reads_each_sample_once_in_an_order_and_with_numbers_of_its_own():
    first, second = (batches(TrainingOrder(Noise(), 11, seed=3, first=epoch), 1)[0] for epoch in range(2))
    assert sorted(index for index, _ in first) == sorted(index for index, _ in second) == list(range(11))
    assert [index for index, _ in first] != [index for index, _ in second]
    assert len({seed for _, seed in first + second}) == 22
    assert batches(TrainingOrder(Noise(), 11, seed=4), 1)[0] != first


def test_processes_share_an_epoch_and_read_nothing_twice(monkeypatch):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    read = []
    for rank in range(2):
        monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))
        read += [draw for batch in batches(TrainingOrder(Noise(), 2, seed=3), 3) for draw in batch]
    assert len({index for index, _ in read}) == 11  # the twelfth fills the last batch
    assert len({seed for _, seed in read}) == 12


def test_batch_of_an_iteration_is_the_one_that_the_loop_gets():
    order = TrainingOrder(Noise(), 2, seed=3)
    assert [[(int(draw), draw.seed) for draw in order.batch_of(place)] for place in range(1, 13)] == batches(order, 12)


def test_a_sample_is_the_same_whenever_it_is_read_and_leaves_the_generators_alone():
    samples = CheckedSamples(Noise(), "train_dataset")
    draw = pickle.loads(pickle.dumps(Draw.of(np.int64(5), 77)))  # as it reaches a reader
    random.seed(0), np.random.seed(0)
    expected = random.random(), np.random.rand()
    random.seed(0), np.random.seed(0)
    first = samples[draw]
    assert (random.random(), np.random.rand()) == expected
    assert samples[draw] == first != samples[Draw.of(5, 78)] and first[0] == 5


def test_an_index_without_a_seed_draws_from_the_generators_as_they_are():
    random.seed(0)
    expected = random.random()
    random.seed(0)
    with random_numbers_of(5):
        assert random.random() == expected


def test_generators_are_restored_after_a_sample_that_cannot_be_read():
    random.seed(0)
    expected = random.random()
    random.seed(0)
    with pytest.raises(KeyError), random_numbers_of(Draw.of(5, 77)):
        raise KeyError("unreadable")
    assert random.random() == expected
