"""Where a training goes on: the checkpoint that `--resume_model` names, or with "auto" the newest whole one."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from ..checkpoints.reader import read_checkpoint, read_pickle
from ..errors import InputError
from .folders import checkpoints_in, iteration_of, not_whole
from .state import OPTIMIZER, WEIGHTS, TrainingState, read_state

AUTO = "auto"


@dataclass(frozen=True)
class Resumed:
    """A whole checkpoint to go on from.

    Attributes:
        folder: as it was given.
        iteration: iterations that are done.
        state: what PaddleSeg does not save; None in a checkpoint that was written without this plugin.
    """

    folder: str
    iteration: int
    state: Optional[TrainingState]


def find_checkpoint(resume_model: Optional[str], save_dir: str, iters: int, talk: bool = True) -> Optional[Resumed]:
    """The checkpoint to go on from; None to start from the beginning.

    Args:
        resume_model: a folder `iter_N`, "auto" for the newest whole one of `save_dir`, or None.
        save_dir: where checkpoints go.
        iters: the iteration at which training ends.
        talk: say on stderr what "auto" has taken, and what a checkpoint of another origin cannot restore.

    Raises:
        InputError: a folder that was named is not whole, or is not from before the last iteration.
    """
    if resume_model is None:
        return None
    if resume_model == AUTO:
        found, lines = _newest(Path(save_dir))
    else:
        found, lines = _named(resume_model, iters), []
    if found is not None and found.state is None:
        lines.append(
            f"{found.folder} was not saved by this plugin: weights, optimizer and learning rate go on from it; the "
            "best score, the moving average, the order of the data and the random numbers start anew"
        )
    if talk:
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr, flush=True)
    return found


def _named(resume_model: str, iters: int) -> Resumed:
    iteration = iteration_of(resume_model)
    if iteration is None:
        raise InputError(
            f"--resume_model {resume_model}: the folder's name must end in the iteration, such as iter_1000; "
            "or give auto for the newest"
        )
    if iteration >= iters:
        raise InputError(f"--resume_model {resume_model}: training ends at iteration {iters}; set a larger --iters")
    folder = Path(resume_model)
    if not (folder / WEIGHTS).is_file():
        raise InputError(
            f"--resume_model {resume_model}: there is no checkpoint {folder / WEIGHTS}; give the folder iter_N of a "
            "training, or auto"
        )
    problem = not_whole(folder)
    if problem is not None:
        raise InputError(
            f"--resume_model {resume_model}: the optimizer's {problem}; resume from another folder, or give auto"
        )
    # PaddleSeg unpickles this file next, and a pickle can run code: only plain data gets that far.
    read_pickle(folder / OPTIMIZER)
    return Resumed(resume_model, iteration, _state_of(folder, iteration))


def _state_of(folder: Path, iteration: int) -> Optional[TrainingState]:
    state = read_state(folder)
    if state is not None and state.iteration != iteration:
        raise InputError(f"{folder} holds iteration {state.iteration}; give the folder its own name back")
    return state


def _newest(save_dir: Path) -> Tuple[Optional[Resumed], List[str]]:
    """The newest whole checkpoint, and what to say about the choice."""
    lines = []
    for iteration, folder in reversed(checkpoints_in(save_dir)):
        problem = not_whole(folder)
        if problem is None:
            try:
                state = _state_of(folder, iteration)
                if state is None:
                    read_checkpoint(folder / WEIGHTS)
                    read_pickle(folder / OPTIMIZER)
                lines.append(f"--resume_model auto: going on from {folder}")
                return Resumed(str(folder), iteration, state), lines
            except InputError as error:
                problem = error
        lines.append(f"--resume_model auto: leaving out {folder}: {problem}")
    lines.append(f"--resume_model auto: {save_dir} holds no whole checkpoint; starting from the beginning")
    return None, lines
