"""What lies in the folder of a training run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from paddleseg.cvlibs import Config

from ..config.reader import load_config
from ..errors import InputError, MobilesegError
from ..files import read_regular
from ..paths import short_path
from ..report.curves import Curve
from ..segmenter.checkpoint import checkpoint_file
from ..training.records import EVALUATIONS_FILE, LOSSES_FILE, Evaluation, read_evaluations, read_losses
from ..training.request import COMMAND_FILE, CONFIG_FILE

_MOST_BYTES = 1 << 20
_DEEP = ("*", "*/*")
"""How far below the run's folder exported folders and `.nb` files are looked for."""


@dataclass
class Run:
    """A training run.

    Attributes:
        folder: its save folder.
        name: what the page calls it.
        config_path: the file that says what was trained.
        config: its content; None where it cannot be had.
        losses, evaluations: by iteration.
        commands: the command lines that trained it.
        checkpoint: its best weights; None where there are none.
        exported: folders with a `deploy.yaml`.
        models: `.nb` files.
        notes: why something is missing, a line each.
    """

    folder: Path
    name: str
    config_path: Path
    config: Optional[Config]
    losses: Dict[int, float]
    evaluations: Dict[int, Evaluation]
    commands: List[str]
    checkpoint: Optional[Path]
    exported: List[Path] = field(default_factory=list)
    models: List[Path] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)

    def curve(self) -> Curve:
        """What it did over its iterations."""
        scores = {iteration: each.miou for iteration, each in self.evaluations.items()}
        averages = {
            iteration: each.average_miou
            for iteration, each in self.evaluations.items()
            if each.average_miou is not None
        }
        return Curve(self.name, self.losses, scores, averages)

    @property
    def iterations(self) -> Optional[int]:
        """How many it has done, as far as its files tell."""
        return max([*self.losses, *self.evaluations], default=None)


def read_runs(
    folders: Sequence[Path],
    config: Optional[Path] = None,
    exported: Sequence[Path] = (),
    models: Sequence[Path] = (),
) -> List[Run]:
    """Read the folders of runs.

    Args:
        folders: that training wrote.
        config: of runs that have no `config.yml`, or none that is meant.
        exported, models: of a single run; what lies in its folder is found without them.

    Raises:
        InputError: a folder holds no run, or it is not said which run an exported model belongs to.
    """
    if len(folders) > 1 and (exported or models):
        raise InputError(
            "--exported and --nb belong to one run; put those of several runs into their folders, where they are found"
        )
    names = _names(folders)
    runs = [_read(folder, name, config) for folder, name in zip(folders, names)]
    if exported:
        runs[0].exported = list(exported)
    if models:
        runs[0].models = list(models)
    return runs


def _names(folders: Sequence[Path]) -> List[str]:
    """The last part of each path; all of it where several end alike."""
    # `mobileseg init` puts it into the project's folder `run`, which tells nothing.
    paths = [folder.resolve() for folder in folders]
    names = [path.parent.name if path.name == "run" and path.parent.name else path.name for path in paths]
    return names if len(set(names)) == len(names) else [short_path(folder) for folder in folders]


def _read(folder: Path, name: str, config: Optional[Path]) -> Run:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the --save_dir of a training")
    run = Run(
        folder=folder,
        name=name,
        config_path=config or folder / CONFIG_FILE,
        config=None,
        losses=read_losses(folder / LOSSES_FILE),
        evaluations=read_evaluations(folder / EVALUATIONS_FILE),
        commands=_lines(folder / COMMAND_FILE),
        checkpoint=_checkpoint(folder),
        exported=sorted({path.parent for deep in _DEEP for path in folder.glob(f"{deep}/deploy.yaml")}),
        models=sorted({path for deep in _DEEP for path in folder.glob(deep) if path.suffix == ".nb"}),
    )
    if not (run.losses or run.evaluations or run.checkpoint):
        raise InputError(
            f"{folder} holds no training run: neither {LOSSES_FILE} nor {EVALUATIONS_FILE} nor a checkpoint; give the "
            "--save_dir of a training"
        )
    if not run.losses:
        run.notes.append(f"{folder} has no {LOSSES_FILE}: `mobileseg train` writes it")
    if not run.evaluations:
        run.notes.append(f"{folder} has no {EVALUATIONS_FILE}: `mobileseg train --do_eval` writes it")
    if run.checkpoint is None:
        run.notes.append(f"{folder} has no checkpoint, so nothing of it can be scored")
    try:
        if config is None and not run.config_path.is_file():
            raise InputError(f"{folder} has no {CONFIG_FILE}, so nothing of it can be scored: give --config")
        run.config = load_config(run.config_path)
    except MobilesegError as error:
        run.notes.append(str(error))
    return run


def _checkpoint(folder: Path) -> Optional[Path]:
    """The best weights, else the newest."""
    try:
        return checkpoint_file(folder)
    except InputError:
        found = sorted(folder.glob("iter_*/model.pdparams"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None


def _lines(path: Path) -> List[str]:
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8", "replace").splitlines()
    except InputError:
        return []
