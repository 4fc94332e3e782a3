"""Which samples training reads, in which order and with which random numbers: all a function of a seed and the place.

So an interrupted training goes on as if it had not been: whoever reads a sample, and whenever, draws the same.
"""

import random
import threading
from contextlib import contextmanager
from typing import Iterator, List

import numpy as np
import paddle

_ORDER, _SAMPLE, _ITERATION = range(3)

# The generators of Python and NumPy belong to the whole process, and a thread of Paddle's reads ahead.
_GENERATORS = threading.RLock()


def seed_at(seed: int, purpose: int, *place: int) -> int:
    """A seed of 32 bits for one place of a run; those of different places have nothing to do with each other."""
    return int(np.random.SeedSequence([seed, purpose, *place]).generate_state(1)[0])


class Draw(int):
    """The index of a sample, with the seed of the random numbers that its transforms draw."""

    seed: int

    @classmethod
    def of(cls, index: int, seed: int) -> "Draw":
        draw = cls(index)
        draw.seed = seed
        return draw


@contextmanager
def random_numbers_of(index: int) -> Iterator[None]:
    """Let what Python's and NumPy's generators give within the block depend on a `Draw` alone; else do nothing."""
    if not isinstance(index, Draw):
        yield
        return
    with _GENERATORS:
        kept = random.getstate(), np.random.get_state()
        random.seed(index.seed)
        np.random.seed(index.seed)
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])


def seed_iteration(seed: int, rank: int, iteration: int) -> None:
    """Set every generator of this process (dropout, drop path) to where an iteration of a run begins."""
    own = seed_at(seed, _ITERATION, rank, iteration)
    with _GENERATORS:
        random.seed(own)
        np.random.seed(own)
    paddle.seed(own)


class TrainingOrder(paddle.io.DistributedBatchSampler):
    """The batches of this process, from any iteration on; every epoch shuffles anew, and drops what fills no batch.

    Args:
        dataset: the samples.
        batch_size: samples of a batch on each process.
        seed: of the run, the same on every process.
        first: iterations that are done: the batch of the next one comes first.
    """

    def __init__(self, dataset: paddle.io.Dataset, batch_size: int, seed: int, first: int = 0):
        super().__init__(dataset, batch_size, shuffle=True, drop_last=True)
        self.seed = seed
        self._following = first

    def __iter__(self) -> Iterator[List[Draw]]:
        epoch, position = divmod(self._following, len(self))
        self._following = (epoch + 1) * len(self)
        order = self._epoch_order(epoch)
        for each in range(position, len(self)):
            yield self._batch(order, epoch, each)

    def batch_of(self, iteration: int) -> List[Draw]:
        """The samples of an iteration, counted from 1."""
        epoch, position = divmod(iteration - 1, len(self))
        return self._batch(self._epoch_order(epoch), epoch, position)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        # RandomState, unlike NumPy's newer generators, gives the same numbers in every version.
        order = np.random.RandomState(seed_at(self.seed, _ORDER, epoch)).permutation(len(self.dataset))
        return np.resize(order, self.total_size)

    def _batch(self, order: np.ndarray, epoch: int, position: int) -> List[Draw]:
        start = (position * self.nranks + self.local_rank) * self.batch_size
        return [
            Draw.of(order[place], seed_at(self.seed, _SAMPLE, epoch, place))
            for place in range(start, start + self.batch_size)
        ]
